"""Windows: runs of consecutive frames that lie within one episode."""

from __future__ import annotations

import numpy as np

from trisect import checks
from trisect.plain_arrays import plain_array


def episode_lengths(episode_starts: np.ndarray, num_frames: int) -> np.ndarray:
    """Frames per episode, (episodes,) int64."""
    return np.diff(np.append(episode_starts, num_frames)).astype(np.int64)


def window_starts(episode_starts: np.ndarray, num_frames: int, seq_len: int) -> np.ndarray:
    """First rows of every window of ``seq_len`` frames that stays within an episode.

    Args:
        episode_starts: (episodes,) sorted int, the first is 0.
        num_frames: number of rows of the recording.
        seq_len: frames per window, at least 1; a shorter episode has no window.

    Returns:
        (windows,) int64, ascending.

    Example:
        >>> window_starts(np.array([0, 4]), 7, 3).tolist()
        [0, 1, 4]
    """
    checks.positive_int(seq_len, "seq_len of a window")
    counts = np.maximum(episode_lengths(episode_starts, num_frames) - seq_len + 1, 0)
    offsets = np.cumsum(counts) - counts
    within = np.arange(counts.sum(), dtype=np.int64) - np.repeat(offsets, counts)
    return np.repeat(np.asarray(episode_starts, dtype=np.int64), counts) + within


def check_episode_starts(starts: object, num_frames: int, of: str = "a recording") -> np.ndarray:
    """Return the starts as int64 if they are 0, ascending and below ``num_frames``, else raise `ValueError`."""
    what = f"the episode starts of {of}"
    starts = plain_array(starts, what)
    is_list = starts.ndim == 1 and starts.dtype.kind in "iu"
    checks.require(is_list, what, "a list of whole numbers", f"{starts.dtype} of shape {starts.shape}")
    checks.require(len(starts) > 0 and starts[0] == 0, what, "a list that starts with 0", starts[:3].tolist())
    starts = starts.astype(np.int64)  # differences of unsigned numbers would wrap around
    checks.require(bool((np.diff(starts) > 0).all()), what, "strictly ascending", starts[:10].tolist())
    checks.require(int(starts[-1]) < num_frames, what, f"below the number of frames {num_frames}", int(starts[-1]))
    return starts


def starts_from_episode_ids(episode_ids: np.ndarray) -> np.ndarray:
    """First rows of the episodes, (episodes,) int64, from one episode id per frame.

    Example:
        >>> starts_from_episode_ids(np.array([7, 7, 3, 3, 3])).tolist()
        [0, 2]
    """
    changed = np.flatnonzero(episode_ids[1:] != episode_ids[:-1]) + 1
    return np.concatenate([[0], changed]).astype(np.int64)


def starts_from_dones(dones: np.ndarray) -> np.ndarray:
    """First rows of the episodes, (episodes,) int64, from a flag that marks the last frame of each.

    The last episode counts even if the flag of its last frame is not set.

    Example:
        >>> starts_from_dones(np.array([0, 1, 0, 0])).tolist()
        [0, 2]
    """
    ended = np.flatnonzero(checks.indicator(np.asarray(dones), "the done flags"))
    return np.concatenate([[0], ended[ended < len(dones) - 1] + 1]).astype(np.int64)
