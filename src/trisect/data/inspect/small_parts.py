"""What a grid over the picture shows: where it changes, and, of observations alone, what they look like.

The profiles of `trisect.data.inspect.changes` average whole rows and columns of pixels and keep few components. A small
thing that moves, or a mark in a corner, may be lost in them, and shows in the cells of a grid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from trisect.data.inspect.changes import CHUNK_BYTES, Changes
from trisect.data.recording import Recording
from trisect.rows import chunks_of

CELLS = 8
"""Largest number of cells along a side."""
MAX_BYTES = 400_000_000
"""Bytes of frames that are read at most."""


def affordable_rows(recording: Recording, usable: np.ndarray, num_blocks: int) -> np.ndarray:
    """As many of the usable rows as `MAX_BYTES` allow: the first of every block of time.

    Args:
        recording: recording of frames.
        usable: rows in the order of time.
        num_blocks: number of blocks of equal length.
    """
    of_block = max(1, int(MAX_BYTES / max(recording.observations[:1].nbytes, 1) / num_blocks))
    return np.concatenate([block[:of_block] for block in np.array_split(usable, num_blocks)])


def moving_parts(recording: Recording, changes: Changes, at: np.ndarray) -> Float[np.ndarray, "rows features"]:
    """Standardised features of the change into each of some rows: mean absolute difference of every cell, and its root.

    Args:
        recording: recording of frames.
        changes: its changes.
        at: positions in ``changes.rows``; the row before each was read as well. Other rows get zeros.
    """
    rows, observations = changes.rows[at], recording.observations

    def differences(part: slice) -> np.ndarray:
        after, before = (observations[each].astype(np.int16) for each in (rows[part], rows[part] - 1))
        return np.abs(after - before).sum(axis=3, dtype=np.int32)

    cells = _by_chunks(differences, observations, len(rows))
    return _spread(np.concatenate([cells, np.sqrt(cells)], axis=1), at, len(changes.rows))


def parts(recording: Recording, changes: Changes, at: np.ndarray) -> Float[np.ndarray, "rows features"]:
    """Standardised features of each of some rows alone: its cells, and its summary with squares.

    If the number of channels is even, also how the second half of them differs from the first: two frames that are
    stacked show their difference so.

    Args:
        recording: recording of frames or vectors.
        changes: its changes.
        at: positions in ``changes.rows``. Other rows get zeros.
    """
    rows, observations, values = changes.rows[at], recording.observations, changes.values[at]
    features = [values, values**2]
    if observations.dtype == np.uint8:
        half = observations.shape[3] // 2

        def grey(part: slice) -> np.ndarray:
            return observations[rows[part]].sum(axis=3, dtype=np.int32)

        def halves(part: slice) -> np.ndarray:
            frames = observations[rows[part]].astype(np.int16)
            return np.abs(frames[..., half:] - frames[..., :half]).sum(axis=3, dtype=np.int32)

        features.append(_by_chunks(grey, observations, len(rows)))
        if 2 * half == observations.shape[3]:
            cells = _by_chunks(halves, observations, len(rows))
            features += [cells, np.sqrt(cells)]
    return _spread(np.concatenate(features, axis=1), at, len(changes.rows))


def _by_chunks(pixels_of: Callable[[slice], np.ndarray], observations: np.ndarray, num_rows: int) -> np.ndarray:
    """The cells of pixels (rows, height, width) that are computed a chunk of rows at a time."""
    chunks = chunks_of(observations, CHUNK_BYTES, num_rows)
    return np.concatenate([_cells(pixels_of(chunk)) for chunk in chunks])


def _cells(pixels: np.ndarray) -> Float[np.ndarray, "rows cells"]:
    """Mean of the pixels (rows, height, width) of every cell."""
    edges = [np.unique(np.linspace(0, side, CELLS + 1).astype(int)) for side in pixels.shape[1:]]
    sums = np.add.reduceat(np.add.reduceat(pixels, edges[0][:-1], axis=1), edges[1][:-1], axis=2)
    areas = np.diff(edges[0])[:, None] * np.diff(edges[1])
    return np.asarray((sums / areas).reshape(len(pixels), -1), dtype=np.float32)


def _spread(features: np.ndarray, at: np.ndarray, num_rows: int) -> np.ndarray:
    spread = np.zeros((num_rows, features.shape[1]))
    spread[at] = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
    return spread
