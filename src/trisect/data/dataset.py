"""The data set: named splits, each a recording or triplets, that share their variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from trisect import checks
from trisect.data.recording import Recording
from trisect.data.triplets import Triplets
from trisect.notebook import few, table
from trisect.variables import VariableSpace

Split: TypeAlias = Recording | Triplets


class MissingSplitError(KeyError, ValueError):
    """A data set does not have the requested split."""

    def __str__(self) -> str:
        return str(self.args[0])


class Dataset(Mapping[str, Split]):
    """Split name -> `Recording` or `Triplets`.

    Args:
        splits: at least one split; the usual names are train, val, test, val_indep, test_indep, val_triplets,
            test_triplets.
        source: where the data come from, in plain types, such as ``{"world": {"name": ...}, "seed": 0}``.

    Raises:
        ValueError: there is no split, or splits have different variables or observation shapes.

    Example:
        >>> from trisect.data.generate import simulate
        >>> from trisect.worlds import make
        >>> data = Dataset({"train": simulate(make("ball_in_boxes"), 200, np.random.default_rng(0))})
        >>> data.targeted
        ('ball_b', 'ball_y')
    """

    def __init__(self, splits: Mapping[str, Split], source: Mapping[str, Any] | None = None):
        if not isinstance(splits, Mapping):
            got = type(splits).__name__
            raise TypeError(checks.sentence("the splits of a data set", "a mapping from names to recordings", got))
        for name, each in splits.items():
            if not isinstance(each, Recording | Triplets):
                got = type(each).__name__
                raise TypeError(checks.sentence(f"the split '{name}'", "a Recording or Triplets", got))
        checks.require(len(splits) > 0, "the splits of a data set", "at least one", "none")
        self._splits = dict(splits)
        self.source: dict[str, Any] = dict(source or {})
        first_name, first = next(iter(self._splits.items()))
        self.variables: VariableSpace = first.variables
        self.observation_shape = _observation_shape(first)
        for name, split in self._splits.items():
            self._check_agrees(name, split, first_name)

    def _check_agrees(self, name: str, split: Split, first_name: str) -> None:
        checks.require(
            split.variables == self.variables,
            f"the variables of split '{name}'",
            f"those of split '{first_name}', {self.variables.describe()}",
            split.variables.describe(),
            "use the same order and ranges in all splits",
        )
        what = f"the shape of an observation of split '{name}'"
        checks.require(
            _observation_shape(split) == self.observation_shape,
            what,
            f"that of split '{first_name}', {self.observation_shape}",
            _observation_shape(split),
        )
        frames = split.frames_per_observation if isinstance(split, Recording) else self.frames_per_observation
        what, must = f"the number of frames in an observation of split '{name}'", "the same as in all other splits"
        got = f"{frames} and {self.frames_per_observation}"
        checks.require(frames == self.frames_per_observation, what, must, got)

    def __getitem__(self, name: str) -> Split:
        if name not in self._splits:
            todo = "cut one from the training recording with trisect.data.split" if name in ("val", "test") else ""
            must = "one of " + ", ".join(self._splits)
            raise MissingSplitError(checks.sentence("the split of a data set", must, repr(name), todo))
        return self._splits[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._splits)

    def __len__(self) -> int:
        return len(self._splits)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}: {len(split)}" for name, split in self._splits.items())
        return f"Dataset({sizes}; {few(self.variables.describe())})"

    def _repr_html_(self) -> str:
        """A table of the splits, for notebooks."""
        rows = [
            (name, len(split), split.num_episodes, split.interventions_text())
            if isinstance(split, Recording)
            else (name, len(split), "", "triplets")
            for name, split in self._splits.items()
        ]
        title = f"Data set of observations {self.observation_shape}; {few(self.variables.describe())}"
        return table(title, ("split", "rows", "episodes", "interventions"), rows)

    def recording(self, name: str) -> Recording:
        """The split with this name, which must be a recording (`TypeError` for triplets)."""
        split = self[name]
        if not isinstance(split, Recording):
            raise TypeError(checks.sentence(f"the split '{name}'", "a Recording", type(split).__name__))
        return split

    def triplets(self, name: str) -> Triplets:
        """The split with this name, which must be triplets (`TypeError` for a recording)."""
        split = self[name]
        if not isinstance(split, Triplets):
            raise TypeError(checks.sentence(f"the split '{name}'", "Triplets", type(split).__name__))
        return split

    @property
    def frames_per_observation(self) -> int:
        """Number of frames that every observation holds, see `trisect.data.stacking`; 1 without a recording."""
        recordings = [split for split in self._splits.values() if isinstance(split, Recording)]
        return recordings[0].frames_per_observation if recordings else 1

    @property
    def targeted(self) -> tuple[str, ...]:
        """Names of the variables with at least one intervention in the training split, in order."""
        return self.recording("train").targeted


def _observation_shape(split: Split) -> tuple[int, ...]:
    return split.observations.shape[1 if isinstance(split, Recording) else 2 :]


def split(dataset: Dataset, fractions: Mapping[str, float]) -> Dataset:
    """Cut held-out splits from the end of the training recording; the other splits stay as they are.

    If there are at least twice as many episodes as resulting splits, whole episodes are assigned to the splits;
    otherwise the recording is cut in time.

    Args:
        dataset: a data set with a split ``train``.
        fractions: new split name -> its share of the training frames in (0, 1); the sum must be below 1.

    Raises:
        ValueError: a fraction is out of range, a split exists already, or there are too few frames.

    Example:
        >>> from trisect.data.generate import simulate
        >>> from trisect.worlds import make
        >>> data = Dataset({"train": simulate(make("ball_in_boxes"), 1000, np.random.default_rng(0))})
        >>> {name: len(part) for name, part in split(data, {"val": 0.1}).items()}
        {'train': 900, 'val': 100}
    """
    train = dataset.recording("train")
    for name, fraction in fractions.items():
        checks.in_range(fraction, f"the fraction of split '{name}'", 0.0, 1.0, open_low=True)
        must = "none of the existing ones, " + ", ".join(dataset)
        checks.require(name not in dataset, "the name of a new split", must, repr(name))
    checks.require(sum(fractions.values()) < 1, "the fractions of a split", "below 1 together", dict(fractions))
    bounds = _cut_rows(train, [1 - sum(fractions.values()), *fractions.values()])
    parts = [train.rows(first, stop) for first, stop in pairwise(bounds)]
    return Dataset(dict(dataset.items()) | dict(zip(["train", *fractions], parts)), dataset.source)


def _cut_rows(recording: Recording, shares: list[float]) -> list[int]:
    """Rows where the splits begin, and the end; at episode borders if there are enough episodes."""
    by_episode = recording.num_episodes >= 2 * len(shares)
    total = recording.num_episodes if by_episode else len(recording)
    cuts = np.round(np.cumsum([0.0, *shares]) * total).astype(int)
    checks.require(
        bool((np.diff(cuts) >= 1).all()),
        "every part of a split",
        f"at least one {'episode' if by_episode else 'frame'}",
        f"{np.diff(cuts).tolist()} of {total}",
        "choose larger fractions or record more",
    )
    ends = np.append(recording.starts, len(recording)) if by_episode else np.arange(len(recording) + 1)
    return [int(ends[cut]) for cut in cuts]


def training_splits(data: Dataset) -> tuple[Recording, Recording]:
    """The training and the validation recording; a missing one is an error and is never replaced by the test split."""
    return data.recording("train"), data.recording("val")
