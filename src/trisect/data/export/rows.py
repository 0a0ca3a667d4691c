"""The rows of a data set as an export writes them, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.export.facts import (
    ACTION,
    EPISODE,
    FACTOR,
    FRAME,
    LISTED,
    PICTURE,
    STATE,
    TARGET,
    TIME,
    Facts,
    facts_of,
)
from trisect.data.export.features import PURPOSE, Feature
from trisect.data.recording import Recording
from trisect.requirements import optional

BLOCK_BYTES, MOST_ROWS = 1 << 24, 1 << 15
OF_PNG = (1, 3, 4)
"""Numbers of channels of which PNG keeps every bit."""
AXES = ("height", "width", "channels")
Values = dict[str, np.ndarray]
"""Name of a column -> its values, (rows, ...)."""


@dataclass(frozen=True)
class Block:
    """Some rows of a split that follow each other.

    Attributes:
        rows: their numbers in the split.
        values: their columns.
        episodes: the episodes that end in these rows, by number in the split.
        is_whole: whether the last of the rows ends an episode.
    """

    rows: slice
    values: Values
    episodes: range
    is_whole: bool

    @property
    def paths(self) -> list[str]:
        """Names of the rows' pictures."""
        return [f"frame-{number:06d}.png" for number in self.values[FRAME]]


@dataclass(frozen=True)
class Rows:
    """The recordings of a data set, ready to be written.

    Attributes:
        data: the data set.
        fps: frames per second.
        recordings: split -> recording.

    Raises:
        ValueError: there are nothing but triplets, or actions without columns.
    """

    data: Dataset
    fps: int
    recordings: dict[str, Recording] = field(init=False)

    def __post_init__(self) -> None:
        recordings = {name: split for name, split in self.data.items() if isinstance(split, Recording)}
        must, todo = "one with a recording", "export a data set with a split train, or the like"
        checks.require(bool(recordings), "the data set to export", must, "only triplets", todo)
        object.__setattr__(self, "recordings", recordings)
        for name in ("factors", "actions"):
            self._width(name)

    @property
    def left_out(self) -> list[str]:
        """The splits of triplets."""
        return [name for name in self.data if name not in self.recordings]

    @cached_property
    def facts(self) -> Facts:
        """What the export says about itself."""
        return facts_of(self.data)

    def __len__(self) -> int:
        return sum(map(len, self.recordings.values()))

    @cached_property
    def observed(self) -> Feature:
        """The column of the observations."""
        shape = self.data.observation_shape
        if len(shape) == 3:
            is_png = shape[-1] in OF_PNG
            return Feature(PICTURE if is_png else LISTED, "image" if is_png else "uint8", shape, AXES)
        return Feature(STATE, self._type("observations"), shape)

    @cached_property
    def features(self) -> list[Feature]:
        """The columns that every layout has."""
        variables = self.data.variables
        found = [self.observed, Feature(TARGET, "bool", (len(variables),), variables.names)]
        if factors := self._width("factors"):
            found.append(Feature(FACTOR, self._type("factors"), (factors,), variables.factor_names))
        if actions := self._width("actions"):
            found.append(Feature(ACTION, "float32", (actions,)))
        return [*found, Feature(TIME, "float32", (1,)), *(Feature(name, "int64", (1,)) for name in (FRAME, EPISODE))]

    def _arrays(self, name: str) -> list[np.ndarray]:
        """The arrays of this name of the splits that have one."""
        found = (getattr(each, name) for each in self.recordings.values())
        return [array for array in found if array is not None]

    def _type(self, name: str) -> str:
        """A type that holds the numbers of all splits."""
        return str(np.result_type(*(array.dtype for array in self._arrays(name))).name)

    def _width(self, name: str) -> int:
        """Number of columns of an array; 0 if no split has it."""
        widths = {array.shape[1] for array in self._arrays(name)}
        what, must = f"the {name} of a data set to export", "as many in all splits, and at least one"
        checks.require(not widths or (len(widths) == 1 and 0 not in widths), what, must, sorted(widths), "drop them")
        return widths.pop() if widths else 0

    def blocks(self, recording: Recording) -> Iterator[Block]:
        """The rows of a split in order; a block ends where an episode does, unless the episode is too large."""
        ends = np.append(recording.starts[1:], len(recording))
        row_bytes = max(1, recording.observations[:1].nbytes)
        most, row = max(1, min(BLOCK_BYTES // row_bytes, MOST_ROWS)), 0
        while row < len(recording):
            first, last = np.searchsorted(ends, [row, row + most], side="right").tolist()
            stop = int(ends[last - 1]) if last > first else min(row + most, len(recording))
            rows = slice(row, stop)
            yield Block(rows, self.values(recording, rows), range(first, last), last > first)
            row = stop

    def values(self, recording: Recording, rows: slice) -> Values:
        """The columns of some rows of a split; episodes are counted within the split."""
        return {self.observed.name: self.observations(recording, rows), **self.facts_of_rows(recording, rows)}

    def observations(self, recording: Recording, rows: slice | np.ndarray) -> np.ndarray:
        """The observations of some rows of a split."""
        kind = np.uint8 if self.observed.dtype == "image" else np.dtype(self.observed.dtype)
        return np.asarray(recording.observations[rows]).astype(kind, copy=False)

    def facts_of_rows(self, recording: Recording, rows: slice) -> Values:
        """The other columns; what only other splits have is not a number."""
        at = np.arange(rows.start, rows.stop)
        episodes = np.searchsorted(recording.starts, at, side="right") - 1
        frames = at - recording.starts[episodes]
        found = {TARGET: recording.targets[rows]}
        for name, array in ((FACTOR, recording.factors), (ACTION, recording.actions)):
            for feature in (each for each in self.features if each.name == name):
                known = np.full((len(at), *feature.shape), np.nan) if array is None else np.asarray(array[rows])
                found[name] = known.astype(feature.dtype)
        times = (frames / self.fps).astype(np.float32)
        return {**found, TIME: times, FRAME: frames.astype(np.int64), EPISODE: episodes.astype(np.int64)}


def require_packages() -> None:
    """Raise `ImportError` unless the packages that write Parquet and PNG are installed."""
    for name in ("pyarrow", "PIL"):
        optional(name, "tables", PURPOSE)
