"""How much, and in what way, every frame differs from what the one before lets expect.

Frames are summarised by the profiles of their channels (mean of every row and of every column of pixels), which show
a thing that moves, turns or changes colour; vectors stand for themselves. Summaries are whitened and regressed on
the frame before; the residual and its size are the *change* into a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from trisect.data.recording import Recording
from trisect.linear_algebra import ridge_weights
from trisect.rows import chunks_of

MAX_ROWS = 20_000
SPAN = 1000
"""Rows of a stretch taken from a longer recording."""

BINS = 32
"""Most rows and most columns of a profile; larger frames are pooled."""
NUM_COMPONENTS = 32
"""Most principal components of the summaries."""
COVARIANCE_ROWS = 5000
CHUNK_BYTES = 1 << 22
RIDGE = 1e-3
CLIP = 5.0
"""Deviations beyond which a residual counts as this large: one wild frame must not decide alone."""


def summaries(observations: np.ndarray, rows: np.ndarray) -> Float[np.ndarray, "rows features"]:
    """Row and column profiles of frames, or vectors as they are, float32; the frames are never held all at once.

    Args:
        observations: (T, height, width, channels) uint8, or (T, D) float32.
        rows: (R,) which of them.
    """
    if observations.dtype != np.uint8:
        return np.asarray(observations[rows], dtype=np.float32)
    parts = chunks_of(observations, CHUNK_BYTES, len(rows))
    return np.concatenate([_profiles(observations[rows[part]]) for part in parts])


def _profiles(frames: np.ndarray) -> np.ndarray:
    pixels = frames.astype(np.float32)
    columns, rows = pixels.mean(axis=1), pixels.mean(axis=2)
    return np.concatenate([_pooled(part).reshape(len(frames), -1) for part in (columns, rows)], axis=1)


def _pooled(profile: np.ndarray) -> np.ndarray:
    """At most `BINS` means along axis 1."""
    length = profile.shape[1]
    if length <= BINS:
        return profile
    edges = np.linspace(0, length, BINS + 1).astype(int)
    sums = np.add.reduceat(profile, edges[:-1], axis=1)
    return np.asarray(sums / np.diff(edges)[None, :, None])


def whitened(values: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows components"]:
    """Principal components of unit variance, at most `NUM_COMPONENTS`, without those that hardly vary."""
    centred = values - values.mean(axis=0)
    some = centred[:: max(1, len(centred) // COVARIANCE_ROWS)]
    variances, vectors = np.linalg.eigh(np.atleast_2d(some.T @ some / len(some)))
    kept = np.flatnonzero(variances > 1e-6 * max(variances[-1], 1e-12))[::-1][:NUM_COMPONENTS]
    return np.asarray(centred @ (vectors[:, kept] / np.sqrt(variances[kept])))


def residuals(z: Float[np.ndarray, "rows components"], pairs: np.ndarray) -> Float[np.ndarray, "pairs components"]:
    """What a regression on the frame before leaves of the frames, in deviations.

    Args:
        z: whitened summaries.
        pairs: (P,) rows whose row before belongs to the same episode.
    """
    before, after = z[pairs - 1], z[pairs]
    inputs = np.column_stack([np.ones(len(before)), before, before**2])
    left = after - inputs @ ridge_weights(inputs, after, RIDGE * len(inputs))
    return np.asarray(left / np.maximum(left.std(axis=0), 1e-9))


@dataclass(frozen=True)
class Changes:
    """The changes into some frames of a recording.

    Attributes:
        rows: (R,) the rows that were read, ascending.
        segment: (R,) number of the unbroken stretch of an episode that each belongs to.
        left: (R, components) what a regression on the row before leaves, in deviations; zero where none was read.
        repeated: (R,) bool, rows that show the same as the row before.
    """

    rows: np.ndarray
    segment: np.ndarray
    left: Float[np.ndarray, "rows components"]
    repeated: np.ndarray

    @property
    def pairs(self) -> np.ndarray:
        """Positions in ``rows`` whose row before belongs to the same stretch."""
        return np.flatnonzero(np.diff(self.segment) == 0) + 1

    def features(self) -> Float[np.ndarray, "rows features"]:
        """Standardised features of the change, (R, F): signed, absolute and squared, and its size; zero for no pair."""
        left = self.left[self.pairs]
        clipped = np.clip(left, -CLIP, CLIP)
        size = np.linalg.norm(left, axis=1, keepdims=True)
        features = np.concatenate([clipped, np.abs(clipped), clipped**2, size], axis=1)
        of_rows = np.zeros((len(self.rows), features.shape[1]))
        of_rows[self.pairs] = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
        return of_rows


def changes_in(recording: Recording) -> Changes:
    """The changes of a recording; of more than `MAX_ROWS` rows, evenly spaced stretches are read."""
    rows, segment = _stretches(recording)
    z = whitened(summaries(recording.observations, rows))
    found = Changes(rows, segment, np.zeros(z.shape), np.zeros(len(rows), dtype=bool))
    if len(found.pairs):
        found.left[found.pairs] = residuals(z, found.pairs)
        found.repeated[found.pairs] = (z[found.pairs] == z[found.pairs - 1]).all(axis=1)
    return found


def _stretches(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Rows to read, ascending, and the number of the unbroken stretch that each belongs to."""
    num_rows = len(recording)
    episode = np.searchsorted(recording.starts, np.arange(num_rows), side="right")
    if num_rows <= MAX_ROWS:
        return np.arange(num_rows), episode
    firsts = np.linspace(0, num_rows - SPAN, MAX_ROWS // SPAN).astype(int)
    rows = np.unique(np.concatenate([np.arange(first, first + SPAN) for first in firsts]))
    broken = np.concatenate([[False], np.diff(rows) != 1])
    return rows, 2 * num_rows * np.cumsum(broken) + episode[rows]
