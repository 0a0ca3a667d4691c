"""Where the episodes of a file's recording start, in the three ways in which files say so."""

from __future__ import annotations

import numpy as np

from trisect import checks
from trisect.data import sequences
from trisect.data.convert.npz import NpzReader

ARRAYS = ("episode_starts", "episode_ids", "dones")
"""Rows where episodes start; or the number of the episode of every frame; or 1 for the last frame of every episode."""


def read_episodes(reader: NpzReader, num_frames: int) -> np.ndarray:
    """Rows where episodes start, (episodes,) int64; one episode where the file says nothing.

    Raises:
        ValueError: it says so in two ways, or in an array of wrong shape or values.
    """
    given = [name for name in ARRAYS if name in reader.keys]
    if not given:
        return np.zeros(1, dtype=np.int64)
    what = f"the arrays of '{reader.path.name}' that tell episodes apart"
    checks.require(len(given) == 1, what, f"one of {', '.join(ARRAYS)}", ", ".join(given), "leave out the others")
    values = reader.read(given[0])
    what = f"the {given[0]} of '{reader.path.name}'"
    if given[0] == "episode_starts":
        return sequences.check_episode_starts(values, num_frames, f"'{reader.path.name}'")
    checks.shape(values, what, num_frames)
    if given[0] == "episode_ids":
        return sequences.starts_from_episode_ids(values)
    return sequences.starts_from_dones(checks.indicator(values, what))
