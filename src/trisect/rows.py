"""Large arrays, processed a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from trisect import checks

CHUNK = 4096


def chunks(num_rows: int, size: int = CHUNK) -> Iterator[slice]:
    """All rows in order, at most ``size`` at a time.

    Example:
        >>> list(chunks(5, 2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(first, min(first + size, num_rows)) for first in range(0, num_rows, size))


def chunks_of(array: np.ndarray, num_bytes: int, num_rows: int | None = None) -> Iterator[slice]:
    """All rows of an array in order, at most ``num_bytes`` at a time, but at least one row.

    Args:
        array: an array whose rows all have the same size.
        num_bytes: size of a chunk.
        num_rows: number of rows to go through; all rows of the array by default.

    Example:
        >>> list(chunks_of(np.zeros((3, 2), np.uint8), 4))
        [slice(0, 2, None), slice(2, 3, None)]
    """
    total_rows = len(array) if num_rows is None else num_rows
    return chunks(total_rows, max(1, num_bytes // max(1, array[:1].nbytes)))


def spread_rows(num_rows: int, most: int) -> Int[np.ndarray, "rows"]:
    """At most ``most`` row numbers, spread evenly from the first row to the last.

    Example:
        >>> spread_rows(9, 3).tolist(), spread_rows(2, 3).tolist()
        ([0, 4, 8], [0, 1])
    """
    return np.unique(np.linspace(0, num_rows - 1, min(most, num_rows)).astype(np.int64))


def by_chunks(
    function: Callable[[np.ndarray], np.ndarray], observations: np.ndarray, batch_size: int
) -> Float[np.ndarray, "samples latents"]:
    """Apply a function to all observations, ``batch_size`` at a time; the results as float32.

    Raises:
        ValueError: the function returns different numbers of latents.
    """
    latents: np.ndarray | None = None  # one array for all chunks: small ones between large ones fragment the heap
    for rows in chunks(len(observations), batch_size):
        part = function(observations[rows])
        if latents is None:
            latents = np.empty((len(observations), *part.shape[1:]), dtype=np.float32)
        what, width = "the number of latents that the encoder returns", latents.shape[-1]
        checks.require(part.shape[-1] == width, what, f"always {width}", part.shape[-1])
        latents[rows] = part
    assert latents is not None
    return latents
