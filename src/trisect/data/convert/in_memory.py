"""Observations in memory, read by the same rules as those of files: see `trisect.data.convert.pixels`."""

from __future__ import annotations

from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.levels import LEVELS, Levels
from trisect.data.convert.pixels import LAYOUTS, Channels, Frames, Pixels, read_pixels
from trisect.data.convert.sources import Rows, RowsInMemory
from trisect.data.convert.vectors import VectorRows, Vectors, read_vectors
from trisect.plain_arrays import plain_array

WHAT = "the observations"


def read_observations(
    values: object, channels: Channels | None = None, levels: Levels | None = None, stacked: int = 1
) -> tuple[np.ndarray, dict[str, Any]]:
    """Observations in our form, and what was read, in plain types.

    Args:
        values: frames (T, height, width, channels) or with channels first, of any numbers; or vectors (T, D).
        channels, levels, stacked: what the user declares about frames, see `trisect.data.convert.options.Options`.

    Returns:
        Frames uint8 or vectors float32 (float64 where float32 would lose them). Observations that are in this form
        already are not copied.

    Raises:
        TypeError: not an array of numbers.
        ValueError: wrong axes, or pixels that are ambiguous, not finite or out of range.
    """
    for name, value, options in (("channels", channels, LAYOUTS), ("levels", levels, tuple(LEVELS))):
        if value is not None:
            checks.one_of(value, options, f"the option '{name}' of from_arrays")
    rows = RowsInMemory(plain_array(values, WHAT))
    storage = _storage(rows, channels, levels, stacked)
    return _converted(rows, storage), storage.describe()


def _storage(rows: RowsInMemory, channels: Channels | None, levels: Levels | None, stacked: int) -> Pixels | VectorRows:
    if len(rows.shape) != 2:
        return read_pixels([Frames(rows)], True, channels, levels, stacked)
    todo = "leave them out, or pass frames (T, height, width, channels)"
    declared = ", ".join(str(value) for value in (channels, levels) if value is not None)
    checks.require(not declared, "channels and levels of vectors", "left out", declared, todo)
    return read_vectors([Vectors(rows)], stacked)


def _converted(rows: RowsInMemory, storage: Pixels | VectorRows) -> np.ndarray:
    array = rows.array
    same = array.shape[1:] == storage.frame_shape and array.dtype == storage.dtype
    if same and isinstance(storage, Pixels) and storage.keeps_all:
        return array
    converted = np.empty((len(array), *storage.frame_shape), storage.dtype)
    _fill(converted, rows, storage)
    return converted


def _fill(converted: np.ndarray, rows: Rows, storage: Pixels | VectorRows) -> None:
    row = 0
    for block in rows.blocks():
        converted[row : row + len(block)] = storage.to_frames(block, rows.what, row)
        row += len(block)
