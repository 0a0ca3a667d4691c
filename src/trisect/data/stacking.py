"""Observations that hold several frames: the frames t-n+1 to t side by side in the channels, the oldest first.

A single frame shows no velocity; a few frames in a row do. Stacks are made within an episode and within a split: frames
before the first one are copies of it, so that no frame is in two splits.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from trisect import checks
from trisect.data.dataset import Split
from trisect.data.recording import Recording
from trisect.data.sequences import check_episode_starts
from trisect.rows import chunks_of

logger = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 24


def stack(
    observations: np.ndarray, frames: int, episode_starts: Sequence[int] | np.ndarray | None = None
) -> np.ndarray:
    """Join every observation with the ones before it along the channels, the oldest first.

    A model that was trained on stacked frames takes its observations in this form, for example
    ``run.model.encode(stack(film, 2))``.

    Args:
        observations: (T, height, width, channels), or vectors (T, D).
        frames: n, the number of frames in one observation, at least 1; 1 returns the observations unchanged.
        episode_starts: rows where episodes start, ascending from 0; by default all rows are one episode. The first
            frames of an episode are joined with copies of its first frame.

    Returns:
        (T, height, width, n * channels), or (T, n * D); memory-mapped in a temporary file if the observations are.

    Raises:
        ValueError: there is no row or no channel, or ``frames`` or ``episode_starts`` are out of range.

    Example:
        >>> stack(np.array([[1], [2], [3], [4]]), 2, [0, 2]).tolist()
        [[1, 1], [1, 2], [3, 3], [3, 4]]
    """
    checks.positive_int(frames, "the number of frames to stack")
    what = "the shape of the observations to stack"
    fits = observations.ndim >= 2 and observations.size > 0
    checks.require(fits, what, "(T, height, width, channels) or (T, D)", observations.shape)
    starts = check_episode_starts(
        np.zeros(1, np.int64) if episode_starts is None else episode_starts, len(observations)
    )
    if frames == 1:
        return observations
    width = observations.shape[-1]
    stacked = _room((*observations.shape[:-1], frames * width), observations)
    for rows in chunks_of(observations, BLOCK_BYTES):
        at = np.arange(rows.start, min(rows.stop, len(observations)))
        first = starts[np.searchsorted(starts, at, side="right") - 1]
        for place in range(frames):
            source = np.maximum(at - (frames - 1 - place), first)
            stacked[rows, ..., place * width : (place + 1) * width] = observations[source]
    return stacked


def _room(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """An empty array, on disk in a file without a name if ``like`` is on disk, so that memory stays flat."""
    if not isinstance(like, np.memmap):
        return np.empty(shape, like.dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, like.dtype, "w+", shape=shape)


def stacked_recording(recording: Recording, frames: int) -> Recording:
    """The recording, which holds one frame in every observation, with stacked observations."""
    observations = stack(recording.observations, frames, recording.starts)
    return replace(recording, observations=observations, frames_per_observation=frames)


def stacked_splits(splits: Mapping[str, Split], frames: int) -> dict[str, Split]:
    """The splits with stacked observations, each stacked by itself.

    Triplets and recordings of single frames are left out with a warning, since nothing comes before their frames.

    Args:
        splits: name -> recording or triplets, with one frame in every observation.
        frames: number of frames in one observation, at least 1.
    """
    if frames == 1:
        return dict(splits)
    stacked: dict[str, Split] = {}
    for name, split in splits.items():
        if isinstance(split, Recording) and (split.episode_lengths > 1).any():
            stacked[name] = stacked_recording(split, frames)
        else:
            logger.warning("split %s is left out: its frames cannot be stacked, as none comes before them", name)
    return stacked


def newest(observations: np.ndarray, frames: int) -> np.ndarray:
    """The newest frame of every observation, (..., channels), of observations (..., frames * channels)."""
    return observations[..., -(observations.shape[-1] // frames) :]


def check_frames(stack: int, stacked: int, whose: str) -> None:
    """Check the options ``stack`` and ``stacked`` of a reader of recordings.

    Args:
        stack: number of frames to stack.
        stacked: number of frames that the observations already hold.
        whose: name of the reader in messages.

    Raises:
        ValueError: one is below 1, or both are above 1.
    """
    checks.positive_int(stack, f"the option 'stack' of {whose}")
    checks.positive_int(stacked, f"the option 'stacked' of {whose}")
    todo = "stack=n joins single frames, stacked=n says that the observations hold n frames already"
    what, must = f"the options 'stack' and 'stacked' of {whose}", "not both above 1"
    checks.require(stack == 1 or stacked == 1, what, must, (stack, stacked), todo)
