"""Where the episodes of a recording start, read from any of three arrays that a file may have."""

from __future__ import annotations

import numpy as np

from trisect import checks
from trisect.data import sequences
from trisect.data.convert.npz import NpzReader

ARRAYS = ("episode_starts", "episode_ids", "dones")
"""The rows where episodes start; or the episode number of every frame; or 1 for the last frame of every episode."""


def read_episodes(reader: NpzReader, num_frames: int) -> np.ndarray:
    """Rows where episodes start, (episodes,) int64; one episode if the file has none of the arrays.

    Raises:
        ValueError: the file has two of the arrays, or one of wrong shape or with wrong values.
    """
    stored = [name for name in ARRAYS if name in reader.keys]
    if not stored:
        return np.zeros(1, dtype=np.int64)
    what = f"the array of '{reader.path.name}' that marks episodes"
    checks.require(len(stored) == 1, what, f"one of {', '.join(ARRAYS)}", ", ".join(stored), "leave out the others")
    values = reader.read(stored[0])
    what = f"the {stored[0]} of '{reader.path.name}'"
    if stored[0] == "episode_starts":
        return sequences.check_episode_starts(values, num_frames, f"'{reader.path.name}'")
    checks.shape(values, what, num_frames)
    if stored[0] == "episode_ids":
        return sequences.starts_from_episode_ids(values)
    return sequences.starts_from_dones(checks.indicator(values, what))
