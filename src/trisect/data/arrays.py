"""A data set from plain arrays in memory, cut into splits by blocks of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypedDict

import numpy as np

from trisect import checks
from trisect.data.convert.alignment import Alignment, align_actions, align_targets
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.variables import VariableSpace, anonymous

FRACTIONS = {"val": 0.1, "test": 0.2}
"""Shares of the frames that are held out by default, from the end of the recording."""
MIN_FRAMES = 2
TRAIN_TODO = "leave out train, which gets the rest"


class Known(TypedDict, total=False):
    """Optional arrays with further facts about the frames.

    Attributes:
        factors: (T, D) ground truth, in the ranges of the variables; used for scores only, never for training.
        actions: (T-1, A) or (T, A), aligned like the targets.
        episode_starts: rows where episodes start, ascending from 0; by default all frames are one episode.
    """

    factors: np.ndarray | None
    actions: np.ndarray | None
    episode_starts: Sequence[int] | np.ndarray | None


def from_arrays(
    observations: np.ndarray,
    targets: np.ndarray,
    variables: Sequence[str] | VariableSpace | None = None,
    *,
    alignment: Alignment | None = None,
    fractions: Mapping[str, float] | None = None,
    **known: object,
) -> Dataset:
    """Make a data set with the splits train, val and test from arrays in memory.

    The splits follow each other in time: first train, then the others in their order. No frame is in two splits. If
    there are at least as many episodes as splits, no episode is in two splits either; otherwise episodes are cut.

    Args:
        observations: frames (T, height, width, channels) uint8, or vectors (T, D) of any numbers, such as embeddings,
            keypoints or sensor readings; vectors are kept as float32.
        targets: (T-1, K), row t says what was intervened on to produce frame t+1; or (T, K) with ``alignment``. Rows
            that lead from one episode to the next are ignored.
        variables: their names, or a `VariableSpace` with kinds and ranges; by default variable_0, variable_1, ...
        alignment: meaning of the rows if there are T of them. "cause": row t produced frame t+1 (the last row is
            ignored); "effect": row t produced frame t (the first row is ignored).
        fractions: split -> its share of the frames; by default a tenth for val and a fifth for test.
        known: ``factors=``, ``actions=``, ``episode_starts=``, see `Known`.

    Raises:
        ValueError: lengths or ranges do not fit, targets have T rows but no alignment, or a split would be empty.
        TypeError: the observations are neither uint8 frames nor vectors of numbers.

    Example:
        >>> data = from_arrays(np.random.rand(100, 4), np.eye(2)[np.arange(99) % 2], ["left", "right"])
        >>> {name: len(split) for name, split in data.items()}
        {'train': 70, 'val': 10, 'test': 20}
    """
    for name in known:
        checks.one_of(name, list(Known.__annotations__), "a keyword of from_arrays")
    recording = _recording(_observations(observations), np.asarray(targets), variables, alignment, known)
    return Dataset(cut_in_time(recording, FRACTIONS if fractions is None else fractions), {"made_by": "from_arrays"})


def cut_in_time(recording: Recording, fractions: Mapping[str, float]) -> dict[str, Recording]:
    """Cut a recording into splits: train first, then the named ones; see `from_arrays`.

    Raises:
        ValueError: a fraction is out of range, or there are too few frames.
    """
    what = "the fractions of a recording to cut"
    for name, share in fractions.items():
        checks.in_range(share, f"the fraction of split '{name}'", 0.0, 1.0, open_low=True)
    checks.require("train" not in fractions, what, "for other splits than train", ", ".join(fractions), TRAIN_TODO)
    checks.require(sum(fractions.values()) < 1, what, "below 1 together", dict(fractions))
    bounds = _bounds(recording, [1 - sum(fractions.values()), *fractions.values()])
    parts = [recording.rows(first, stop) for first, stop in pairwise(bounds)]
    return dict(zip(["train", *fractions], parts))


def _observations(values: np.ndarray) -> np.ndarray:
    """Two-dimensional numbers as float32, all else unchanged; the recording checks the rest."""
    array = np.asarray(values)
    return array.astype(np.float32) if array.ndim == 2 and array.dtype.kind in "biuf" else array


def _recording(
    observations: np.ndarray,
    targets: np.ndarray,
    variables: Sequence[str] | VariableSpace | None,
    alignment: Alignment | None,
    extras: Mapping[str, object],
) -> Recording:
    num = len(observations)
    checks.shape(targets, "the targets", None, None)
    names = [f"variable_{i}" for i in range(targets.shape[1])] if variables is None else variables
    factors, actions, starts = (extras.get(name) for name in ("factors", "actions", "episode_starts"))
    return Recording(
        observations,
        align_targets(targets, num, alignment, "the targets"),
        names if isinstance(names, VariableSpace) else anonymous(names),
        factors=None if factors is None else np.asarray(factors, dtype=np.float32),
        actions=None if actions is None else align_actions(np.asarray(actions), num, alignment, "the actions"),
        episode_starts=np.zeros(1, dtype=np.int64) if starts is None else np.asarray(starts),
    )


def _bounds(recording: Recording, shares: list[float]) -> list[int]:
    """Rows where the splits begin, and the end; at episode borders if there are enough episodes."""
    num, parts = len(recording), len(shares)
    ideal_rows = np.cumsum(shares)[:-1] * num
    whole = recording.num_episodes >= parts
    allowed = recording.starts[1:] if whole else np.arange(MIN_FRAMES, num - MIN_FRAMES + 1)
    cuts: list[int] = []
    for k, row in enumerate(ideal_rows):
        after = allowed[allowed >= (cuts[-1] + (1 if whole else MIN_FRAMES) if cuts else 0)]
        remaining = len(ideal_rows) - k - 1  # cuts that still need a row
        room = after[: len(after) - remaining * (1 if whole else MIN_FRAMES)]
        todo = "record more, or hold out less"
        checks.require(len(room) > 0, "the number of frames", f"enough for {parts} splits", num, todo)
        cuts.append(int(room[np.abs(room - row).argmin()]))
    return [0, *cuts, num]
