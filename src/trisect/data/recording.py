"""The recording: frames, the interventions that produced each of them, and the ground truth if it is known."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

import numpy as np

from trisect import checks, interventions
from trisect.data import sequences
from trisect.data.precision import as_single, check_numbers
from trisect.data.targets import read_targets
from trisect.notebook import few, table
from trisect.plain_arrays import plain_array
from trisect.rows import chunks
from trisect.variables import VariableSpace

logger = logging.getLogger(__name__)

CHUNK_ROWS = 65536
MAX_CHANNELS = 4
KEPT_TYPES = (np.uint8, np.float32, np.float64)


@dataclass(frozen=True, eq=False)
class Recording:
    """T frames in one or several episodes, in memory or memory-mapped.

    Attributes:
        observations: frames (T, height, width, channels) uint8, or vectors (T, dims) float32 (float64 where float32
            would lose their steps). Kept as they are; `trisect.from_arrays` converts and copies other forms.
        targets: (T, K) 0/1 over all variables: **row t says what was intervened on to produce frame t**. The first
            row of an episode has no meaning and is set to False. Kept as bool.
        variables: the K variables and their factors.
        factors: (T, D) float ground truth in the ranges of ``variables``, or None. Kept as float32, or as
            float64 where float32 would lose their steps.
        actions: (T, A) float, row t led to frame t; or None. Kept as float32.
        episode_starts: rows where episodes start, ascending from 0; by default all frames are one episode.
        frames_per_observation: number of frames that every observation holds, side by side in its channels, the oldest
            first (`trisect.data.stacking`).

    Raises:
        ValueError: lengths differ, targets are not 0/1, values are not finite or out of range, or episodes are out of
            order.
        TypeError: the observations are neither uint8 frames nor float32 vectors.

    Example:
        >>> from trisect.variables import anonymous
        >>> frames = np.zeros((5, 8, 8, 3), np.uint8)
        >>> recording = Recording(frames, np.zeros((5, 1), bool), anonymous(["x"]), episode_starts=np.array([0, 3]))
        >>> recording.windows(2).tolist()
        [0, 1, 3]
    """

    observations: np.ndarray
    targets: np.ndarray
    variables: VariableSpace
    factors: np.ndarray | None = None
    actions: np.ndarray | None = None
    episode_starts: np.ndarray | None = None
    frames_per_observation: int = 1
    _said: set[int] = field(default_factory=set, init=False, repr=False)

    def __post_init__(self) -> None:
        check_observations(self.observations, "the observations of a recording", lead=1)
        check_stack(self.observations, self.frames_per_observation)
        num_frames = len(self.observations)
        if self.episode_starts is None:
            logger.info("no episode starts: all %d frames are treated as one episode", num_frames)
            starts = np.zeros(1, dtype=np.int64)
        else:
            starts = sequences.check_episode_starts(self.episode_starts, num_frames)
        object.__setattr__(self, "episode_starts", starts)
        object.__setattr__(self, "targets", self._checked_targets(starts))
        object.__setattr__(self, "factors", self._checked_factors())
        object.__setattr__(self, "actions", self._checked_actions())

    def _checked_targets(self, starts: np.ndarray) -> np.ndarray:
        num_frames = len(self.observations)
        targets = read_targets(self.targets, "the targets of a recording", self.variables.names)
        checks.require(
            len(targets) == num_frames,
            "the targets of a recording",
            f"one row per frame, {num_frames}, where row t says what was intervened on to produce frame t",
            f"{len(targets)} rows",
            "if row t produced frame t+1, put a row of zeros first",
        )
        names = self.variables.names
        checked = np.array(checks.indicator(targets, "the targets of a recording", columns=names), order="C")
        checked[starts] = False
        return checked

    def _checked_factors(self) -> np.ndarray | None:
        if self.factors is None:
            return None
        factors, what = plain_array(self.factors, "the factors of a recording"), "the factors of a recording"
        checks.shape(factors, what, len(self.observations), len(self.variables.factors))
        return as_single(check_numbers(self.variables.check_factors(factors, what), what))

    def _checked_actions(self) -> np.ndarray | None:
        if self.actions is None:
            return None
        actions, what = plain_array(self.actions, "the actions of a recording"), "the actions of a recording"
        checks.shape(actions, what, len(self.observations), None)
        return np.asarray(check_numbers(actions, what), dtype=np.float32, order="C")

    def __len__(self) -> int:
        return len(self.observations)

    def __repr__(self) -> str:
        shape, kind = self.observations.shape[1:], "frames" if self.observations.ndim == 4 else "vectors"
        extras = [name for name in ("factors", "actions") if getattr(self, name) is not None]
        also = f"; with {' and '.join(extras)}" if extras else ""
        episodes = f"{self.num_episodes} episode{'s' if self.num_episodes > 1 else ''}"
        counts = self.interventions_text()
        kind = f"{kind} ({self.frames_per_observation} in each)" if self.frames_per_observation > 1 else kind
        return f"Recording({len(self)} {kind} of {shape} in {episodes}; interventions: {counts}{also})"

    def interventions_text(self) -> str:
        """The number of interventions on each variable as a short text, such as ``"lamp 12, fan 9"``."""
        counts = zip(self.variables.names, self.targets.sum(axis=0).tolist())
        return few([f"{name} {count}" for name, count in counts])

    def _repr_html_(self) -> str:
        """A table of the variables, for notebooks."""
        counts = self.targets.sum(axis=0).tolist()
        kinds = [text.partition(": ")[2] for text in self.variables.describe()]
        title = f"Recording of {len(self)} observations {self.observations.shape[1:]}, episodes: {self.num_episodes}"
        rows = zip(self.variables.names, kinds, counts)
        return table(title, ("variable", "kind", "interventions"), rows)

    @property
    def starts(self) -> np.ndarray:
        """Rows where episodes start, (episodes,) int64."""
        assert self.episode_starts is not None
        return self.episode_starts

    @property
    def num_episodes(self) -> int:
        """Number of episodes."""
        return len(self.starts)

    @property
    def episode_lengths(self) -> np.ndarray:
        """Frames per episode, (episodes,) int64."""
        return sequences.episode_lengths(self.starts, len(self))

    @property
    def targeted(self) -> tuple[str, ...]:
        """Names of the variables with at least one intervention, in order."""
        return interventions.targeted(self.targets, self.variables.names)

    def windows(self, seq_len: int) -> np.ndarray:
        """First rows (windows,) int64 of every window of ``seq_len`` frames; none crosses an episode's end.

        The log says once how many episodes are too short for a window.
        """
        short = int((self.episode_lengths < seq_len).sum()) if self.num_episodes > 1 else 0
        if short and seq_len not in self._said:
            self._said.add(seq_len)
            message = "%d of %d episodes are shorter than %d frames and give no window"
            logger.warning(message, short, self.num_episodes, seq_len)
        return sequences.window_starts(self.starts, len(self), seq_len)

    def rows(self, first: int, stop: int) -> Recording:
        """The frames ``first`` to ``stop`` - 1 as a new recording; its first frame starts an episode."""
        whole = 0 <= first < stop <= len(self)
        checks.require(whole, "the rows taken from a recording", f"within 0..{len(self)}", (first, stop))
        starts = self.starts[(self.starts > first) & (self.starts < stop)] - first
        return replace(
            self,
            observations=self.observations[first:stop],
            targets=self.targets[first:stop],
            factors=None if self.factors is None else self.factors[first:stop],
            actions=None if self.actions is None else self.actions[first:stop],
            episode_starts=np.concatenate([[0], starts]).astype(np.int64),
        )

    def episodes(self, numbers: np.ndarray) -> Recording:
        """Some episodes as a new recording.

        Args:
            numbers: (episodes,) ascending positions of episodes, at least one. If they follow each other, the new
                recording shares the memory of this one; otherwise it is a copy.
        """
        ends = np.append(self.starts, len(self))
        if np.array_equal(numbers, np.arange(numbers[0], numbers[-1] + 1)):
            return self.rows(int(ends[numbers[0]]), int(ends[numbers[-1] + 1]))
        rows = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in numbers])
        lengths = self.episode_lengths[numbers]
        return replace(
            self,
            observations=self.observations[rows],
            targets=self.targets[rows],
            factors=None if self.factors is None else self.factors[rows],
            actions=None if self.actions is None else self.actions[rows],
            episode_starts=np.cumsum(lengths) - lengths,
        )


def check_observations(observations: np.ndarray, what: str, lead: int) -> np.ndarray:
    """Return observations that are uint8 frames or finite vectors with ``lead`` leading axes, else raise.

    Raises:
        TypeError: another data type, or not an array.
        ValueError: another number of axes, no rows, frames without pixels or with channels first, or values that are
            not finite.
    """
    is_array = isinstance(observations, np.ndarray) and not isinstance(observations, np.ma.MaskedArray)
    if not is_array or observations.dtype not in KEPT_TYPES:
        got = observations.dtype if is_array else type(observations).__name__
        todo = "pass them to trisect.from_arrays, which converts them, or see frames as 0..255 uint8"
        raise TypeError(checks.sentence(what, "an array of uint8 frames or float32 vectors", got, todo))
    if observations.dtype == np.uint8:
        _check_frames(observations.shape, what, lead)
    else:
        _check_vectors(observations, what, lead)
    checks.require(observations.size > 0, f"the shape of {what}", "without a zero", observations.shape)
    return observations


def check_stack(observations: np.ndarray, frames: int) -> None:
    """Raise `ValueError` unless observations can hold that many frames along their channels."""
    checks.positive_int(frames, "the number of frames in an observation")
    is_picture = observations.dtype == np.uint8
    must = f"a multiple of the {frames} frames in an observation"
    fits = not is_picture or observations.shape[-1] % frames == 0
    checks.require(fits, "the number of channels", must, observations.shape[-1])


def _check_frames(shape: tuple[int, ...], what: str, lead: int) -> None:
    must = f"{lead + 3} axes, the last (height, width, channels)"
    todo = "add the missing axis, observations[..., None], to gray frames" if len(shape) == lead + 2 else ""
    checks.require(len(shape) == lead + 3, f"the shape of {what}", must, shape, todo)
    channels_first = shape[-1] > MAX_CHANNELS and 0 < shape[-3] <= MAX_CHANNELS
    must, got = "(height, width, channels)", f"{shape[-3:]}, which has channels first"
    todo = "pass np.moveaxis(observations, -3, -1), or use trisect.from_arrays"
    checks.require(not channels_first, f"a frame of {what}", must, got, todo)


def _check_vectors(vectors: np.ndarray, what: str, lead: int) -> None:
    todo = "pass float frames to trisect.from_arrays" if vectors.ndim == lead + 3 else ""
    fits, must = vectors.ndim == lead + 1, f"{lead + 1} axes, the last (dims,)"
    checks.require(fits, f"the shape of {what}", must, vectors.shape, todo)
    for rows in chunks(len(vectors), CHUNK_ROWS):
        check_numbers(vectors[rows], what, rows.start)
