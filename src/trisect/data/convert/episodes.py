"""Where the episodes of a recording start, read from the marks that recorders store beside the frames.

A mark is complete if it shows every episode: the rows where episodes start, an episode number per frame, or a flag on
the last or on the first frame of every episode. Flags of one reason for an ending, such as terminals and timeouts, are
joined, and must not contradict a complete mark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from trisect import checks
from trisect.data import sequences
from trisect.data.convert.npz import NpzReader
from trisect.plain_arrays import plain_array

ARRAYS = ("episode_starts", "episode_ids", "dones", "is_first")
"""The rows where episodes start; the episode number of every frame; 1 for the last, or the first, of every episode."""
IDS = ("episode_ids", "episode_id", "episode_index")
LAST = ("dones", "done", "is_last")
PARTIAL = ("terminals", "timeouts", "terminated", "truncated", "terminations", "truncations", "is_terminal")
"""Flags of the last frames of the episodes that ended for one reason."""
MARKS = ("episode_starts", *IDS, *LAST, "is_first", *PARTIAL)
"""All names under which a mark is recognised."""


def read_episodes(reader: NpzReader, num_frames: int, chosen: Sequence[str] = ()) -> np.ndarray | None:
    """Rows where episodes start, (episodes,) int64; None if the file has no mark.

    Args:
        reader: the file.
        num_frames: T.
        chosen: names in `ARRAYS` that the user mapped to arrays of the file; if there are any, other marks are ignored.

    Raises:
        ValueError: marks differ, or one is of wrong shape or has wrong values.
    """
    stored = [name for name in MARKS if name in reader.keys]
    names = [name for name in stored if name in chosen] or stored
    return starts_from({name: reader.read(name) for name in names}, num_frames, f" of '{reader.path.name}'")


def starts_from(marks: Mapping[str, object], num_frames: int, whose: str = "") -> np.ndarray | None:
    """Rows where episodes start, (episodes,) int64, from marks by name; None if there are none.

    Args:
        marks: name in `MARKS` -> its array.
        num_frames: T.
        whose: end of the name of a mark in error messages, such as ``" of 'train.npz'"``.

    Raises:
        ValueError: marks differ, or one is of wrong shape or has wrong values.

    Example:
        >>> starts_from({"is_first": np.array([1, 0, 1]), "done": np.array([0, 1, 1])}, 3).tolist()
        [0, 2]
    """
    starts = {name: _reader_of(name)(values, num_frames, f"the {name}{whose}") for name, values in marks.items()}
    complete = {name: rows for name, rows in starts.items() if name not in PARTIAL}
    joined = sorted({int(row) for name in starts if name in PARTIAL for row in starts[name]})
    if not complete:
        return np.array(joined, dtype=np.int64) if joined else None
    first, rows = next(iter(complete.items()))
    for name, other in complete.items():
        _require_agreement(np.array_equal(rows, other), (first, rows), (name, other), whose)
    partial = " and ".join(name for name in starts if name in PARTIAL)
    _require_agreement({*joined} <= {*rows.tolist()}, (first, rows), (partial, np.array(joined)), whose)
    return rows


def _require_agreement(agree: bool, one: tuple[str, np.ndarray], other: tuple[str, np.ndarray], whose: str) -> None:
    what, must = f"the marks of episodes{whose}", "the same episodes"
    got = " and ".join(f"{len(starts)} episodes by {name}" for name, starts in (one, other))
    name = one[0]
    todo = f"choose one: names={{'{_ours(name)}': '{name}'}} (--name {_ours(name)}={name}), or pass only that one"
    checks.require(agree, what, must, f"{got}, which differ", todo)


def _ours(name: str) -> str:
    """Our name for a mark."""
    groups = {"episode_ids": IDS, "dones": (*LAST, *PARTIAL)}
    return next((ours for ours, names in groups.items() if name in names), name)


def _reader_of(name: str) -> Callable[[object, int, str], np.ndarray]:
    if name == "episode_starts":
        return _from_starts
    if name in IDS:
        return _from_ids
    return _from_firsts if name == "is_first" else _from_lasts


def _from_starts(values: object, num_frames: int, what: str) -> np.ndarray:
    return sequences.check_episode_starts(
        values, num_frames, what.removeprefix("the episode_starts of ") if " of " in what else "a recording"
    )


def _from_ids(values: object, num_frames: int, what: str) -> np.ndarray:
    ids = _one_per_frame(plain_array(values, what, texts=True), num_frames, what)
    return sequences.starts_from_episode_ids(checks.finite(ids, what))


def _from_lasts(values: object, num_frames: int, what: str) -> np.ndarray:
    flags = _flags(values, num_frames, what)
    if num_frames > 1 and flags[0] and not flags[-1]:
        got = "one on the first frame of all and none on the last of all"
        todo = "if it marks the first frames, call it is_first (--name is_first=...); else pass episode_starts"
        raise ValueError(checks.sentence(what, "flags on the last frame of each episode", got, todo))
    return sequences.starts_from_dones(flags)


def _from_firsts(values: object, num_frames: int, what: str) -> np.ndarray:
    return np.union1d([0], np.flatnonzero(_flags(values, num_frames, what))).astype(np.int64)


def _flags(values: object, num_frames: int, what: str) -> np.ndarray:
    return checks.indicator(_one_per_frame(plain_array(values, what), num_frames, what), what)


def _one_per_frame(values: np.ndarray, num_frames: int, what: str) -> np.ndarray:
    """One value per frame, (T,); a second axis of one is left out."""
    return checks.shape(values[:, 0] if values.shape == (num_frames, 1) else values, what, num_frames)
