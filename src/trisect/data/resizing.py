"""Resizing frames: every pixel of the result is the mean of the area that it covers in the original.

out[i, j] = sum over k, l of A[i, k] B[j, l] frame[k, l], where A[i, k] is the share of row i that lies on row k. The
sums are of integers, on a grid that is fine enough for both sizes, so that the bytes are the same on every machine.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import sparse


def resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """A frame of another size.

    Args:
        frame: (rows, columns, channels) uint8.
        height, width: size of the result in pixels, at least 1.

    Returns:
        (height, width, channels) uint8, means of areas, rounded to the nearest level; halves go up.

    Example:
        >>> resized(np.array([[[0], [255]], [[0], [255]]], np.uint8), 1, 2)[..., 0].tolist()
        [[0, 255]]
    """
    rows, columns, channels = frame.shape
    if (rows, columns) == (height, width):
        return frame
    of_rows = _overlaps(rows, height) @ frame.reshape(rows, columns * channels).astype(np.int64)
    turned = of_rows.reshape(height, columns, channels).swapaxes(0, 1).reshape(columns, height * channels)
    sums = (_overlaps(columns, width) @ turned).reshape(width, height, channels).swapaxes(0, 1)
    area = rows * columns
    return np.ascontiguousarray(((2 * sums + area) // (2 * area)).astype(np.uint8))


@functools.lru_cache(maxsize=16)
def _overlaps(before: int, after: int) -> sparse.csr_array:
    """How much of every new pixel lies on every old one, (after, before) int64, in units of 1 / before of the new."""
    ends = np.arange(before + 1) * after
    new = np.arange(after)[:, None] * before
    inside = np.minimum(ends[1:], new + before) - np.maximum(ends[:-1], new)
    return sparse.csr_array(np.maximum(inside, 0))
