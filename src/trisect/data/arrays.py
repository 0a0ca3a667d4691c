"""A data set from plain arrays in memory, cut into splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np

from trisect import checks
from trisect.data.convert import episodes
from trisect.data.convert.alignment import Alignment, align_actions, align_targets
from trisect.data.convert.encoding import Encode, TargetEncoder
from trisect.data.convert.in_memory import read_observations
from trisect.data.convert.levels import Levels
from trisect.data.convert.pixels import Channels
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.data.splitting import cut
from trisect.data.stacking import check_frames, stacked_recording
from trisect.data.targets import read_targets
from trisect.plain_arrays import ArrayLike, plain_array
from trisect.variables import Factor, VariableSpace, as_space

FRACTIONS = {"val": 0.1, "test": 0.2}
"""Shares of the frames that are held out by default."""


class Known(TypedDict, total=False):
    """Optional facts about the observations.

    Attributes:
        factors: (T, D) ground truth, in the ranges of the variables; used for scores only, never for training.
        actions: (T-1, A) or (T, A), aligned like the targets.
        channels: "first" or "last", the position of a frame's channels; by default recognised from the shape.
        levels: the range of the pixels, "0..255", "0..1" or "-1..1"; by default recognised from type and values.
        encode: "switch" turns columns of the targets that hold levels or set-points into 1 where the value changed;
            "level" turns columns that hold switches into 1 from one switch to the next. For all columns, or
            column -> one of the two. See `trisect.data.convert.encoding`.
        stack: n, to make every observation hold the n frames up to its own along the channels, the oldest first; the
            first frames of an episode, and of a split, repeat its first one. See `trisect.data.stacking`.
        stacked: n, if the observations hold n frames along their channels already, the oldest first.
        episode_starts: rows where episodes start, ascending from 0; by default all frames are one episode.
        episode_ids: instead, the episode of every frame, (T,) numbers or texts.
        dones: instead, (T,) 1 for the last frame of every episode.
        is_first: instead, (T,) 1 for the first frame of every episode.
    """

    factors: np.ndarray | None
    actions: np.ndarray | None
    channels: Channels | None
    levels: Levels | None
    encode: Encode | None
    stack: int
    stacked: int
    episode_starts: Sequence[int] | np.ndarray | None
    episode_ids: Sequence[int] | np.ndarray | None
    dones: np.ndarray | None
    is_first: np.ndarray | None


def from_arrays(
    observations: ArrayLike,
    targets: ArrayLike,
    variables: Iterable[str] | Iterable[Factor] | VariableSpace | None = None,
    *,
    alignment: Alignment | None = None,
    fractions: Mapping[str, float] | None = None,
    **known: object,
) -> Dataset:
    """Make a data set with the splits train, val and test from arrays in memory.

    No frame is in two splits. One episode is cut in time: first train, then the others in their order. Of several
    episodes each belongs to one split, such that every split gets its share of the frames and of the interventions on
    every variable; if the episodes are too few or too uneven for that, they are cut in time, too. The log says what
    each split got.

    The arrays are copied, so that changing them later does not change the data set; memory-mapped, read-only frames at
    rest are used as they are. Lists, tensors, and arrays of any byte order or memory layout give the same data set.

    Args:
        observations: frames (T, height, width, channels) uint8, or in another form that can be recognised or is
            declared: channels first, floats in 0..1, -1..1 or 0..255, other integers; or vectors (T, D) of any
            numbers, such as embeddings, keypoints or sensor readings. Vectors are kept as float32, or as float64 where
            float32 would lose their steps. An opacity channel that is the same everywhere is dropped.
        targets: (T-1, K), row t says what was intervened on to produce frame t+1; or (T, K) with ``alignment``. Rows
            that lead from one episode to the next are ignored.
        variables: their names, or their factors, or a `VariableSpace`; by default variable_0, variable_1, ...
        alignment: meaning of the rows if there are T of them. "cause": row t produced frame t+1 (the last row is
            ignored); "effect": row t produced frame t (the first row is ignored).
        fractions: split -> its share of the frames; by default a tenth for val and a fifth for test.
        known: ``factors=``, ``actions=``, ``channels=``, ``levels=``, ``encode=``, ``stack=``, ``episode_starts=``
            and others, see `Known`.

    Raises:
        ValueError: lengths or ranges do not fit, values are masked, ambiguous or not finite, targets have T rows but
            no alignment, or a split would be empty.
        TypeError: an argument is not an array of numbers.

    Example:
        >>> data = from_arrays(np.random.rand(100, 4), np.eye(2)[np.arange(99) % 2], ["left", "right"])
        >>> {name: len(split) for name, split in data.items()}
        {'train': 70, 'val': 10, 'test': 20}
    """
    facts = _checked_keywords(known)
    stack, stacked = facts.pop("stack", 1), facts.pop("stacked", 1)
    check_frames(stack, stacked, "from_arrays")
    frames, form = read_observations(observations, facts.pop("channels", None), facts.pop("levels", None), stacked)
    recording, encoded = recording_of(frames, targets, variables, alignment, facts | {"stacked": stacked})
    splits = cut(recording, FRACTIONS if fractions is None else fractions)
    if stack > 1:
        splits = {name: stacked_recording(split, stack) for name, split in splits.items()}
    elif not isinstance(frames, np.memmap) or frames.flags.writeable:
        splits = {name: _owned(split, frames) for name, split in splits.items()}
    source = {"made_by": "from_arrays", "frames": form, "alignment": alignment}
    return Dataset(splits, source | ({"encoded": encoded} if encoded else {}))


def _owned(split: Recording, frames: np.ndarray) -> Recording:
    """The split with observations of its own, copied if they are part of ``frames``."""
    shared = np.may_share_memory(split.observations, frames)
    return replace(split, observations=np.array(split.observations, order="C")) if shared else split


def _checked_keywords(known: Mapping[str, object]) -> dict[str, Any]:
    """The keywords that were given a value; `ValueError` for an unknown one."""
    for name in known:
        if name not in episodes.MARKS:
            checks.one_of(name, list(Known.__annotations__), "a keyword of from_arrays")
    return {name: value for name, value in known.items() if value is not None}


def recording_of(
    frames: np.ndarray,
    targets: object,
    variables: Iterable[str] | Iterable[Factor] | VariableSpace | None,
    alignment: Alignment | None,
    facts: Mapping[str, Any],
) -> tuple[Recording, dict[str, str]]:
    """A recording that is not cut, and column of the targets -> how it was encoded.

    Args:
        frames: observations in our form.
        targets, variables, alignment: as of `from_arrays`.
        facts: ``stacked``, and those of `Known` that say nothing about pixels or stacks.
    """
    num, space = len(frames), None if variables is None else as_space(variables)
    rows = read_targets(targets, "the targets", None if space is None else space.names)
    space = space or as_space([f"variable_{i}" for i in range(rows.shape[1])])
    starts = _starts(facts, num)
    encoder = TargetEncoder(facts.get("encode"), space.names, [rows], "the targets")
    rows = encoder.encoded(rows, num, alignment, starts)
    factors, actions = (
        np.array(plain_array(facts[name], f"the {name}"), order="C") if name in facts else None
        for name in ("factors", "actions")
    )
    recording = Recording(
        frames,
        align_targets(rows, num, alignment, "the targets", space.names),
        space,
        factors=factors,
        actions=None if actions is None else align_actions(actions, num, alignment, "the actions"),
        episode_starts=starts,
        frames_per_observation=facts["stacked"],
    )
    return recording, encoder.done


def _starts(facts: Mapping[str, object], num_frames: int) -> np.ndarray | None:
    marks = {name: values for name, values in facts.items() if name in episodes.MARKS}
    return episodes.starts_from(marks, num_frames)
