"""How much, and in what way, every frame differs from what the previous frame predicts.

Frames are summarised by the profiles of their channels (mean of every row and of every column of pixels), which show
an object that moves, turns or changes colour; vectors are used in units of their deviations. Summaries are whitened and
regressed on the previous frame; the residual and its size are the *change* into a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from trisect.data.recording import Recording
from trisect.linear_algebra import ridge_weights
from trisect.rows import chunks_of

MAX_ROWS = 20_000
SPAN = 1000
"""Rows of each segment that is read from a long recording."""

BINS = 32
"""Largest number of rows and of columns of a profile; larger frames are pooled."""
NUM_COMPONENTS = 32
"""Largest number of principal components of the summaries."""
COVARIANCE_ROWS = 5000
CHUNK_BYTES = 1 << 22
RIDGE = 1e-3
CONSTANT = 1e-7
"""An entry of vectors is constant if its deviation is less than this fraction of its size."""
CLIP = 5.0
"""Limit of a residual in standard deviations; larger ones are clipped, so that no single frame decides alone."""


def summaries(observations: np.ndarray, rows: np.ndarray) -> Float[np.ndarray, "rows features"]:
    """Row and column profiles of frames, or standardised vectors, float32; the frames are read in chunks.

    Args:
        observations: (T, height, width, channels) uint8, or (T, D) float32.
        rows: (R,) the rows to summarise.
    """
    if observations.dtype != np.uint8:
        return _standardised(observations[rows])
    parts = chunks_of(observations, CHUNK_BYTES, len(rows))
    return np.concatenate([_profiles(observations[rows[part]]) for part in parts])


def _standardised(vectors: np.ndarray) -> np.ndarray:
    """Vectors with mean 0 and deviation 1 in every entry that varies, whatever its unit."""
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    deviation = centred.std(axis=0)
    varies = deviation > CONSTANT * np.abs(vectors[:1]).max(axis=0)
    return np.asarray(centred / np.where(varies, deviation, np.inf), dtype=np.float32)


def _profiles(frames: np.ndarray) -> np.ndarray:
    pixels = frames.astype(np.float32)
    columns, rows = pixels.mean(axis=1), pixels.mean(axis=2)
    return np.concatenate([_pooled(part).reshape(len(frames), -1) for part in (columns, rows)], axis=1)


def _pooled(profile: np.ndarray) -> np.ndarray:
    """Means along axis 1 in at most `BINS` bins."""
    length = profile.shape[1]
    if length <= BINS:
        return profile
    edges = np.linspace(0, length, BINS + 1).astype(int)
    sums = np.add.reduceat(profile, edges[:-1], axis=1)
    return np.asarray(sums / np.diff(edges)[None, :, None])


def whitened(values: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows components"]:
    """Principal components with unit variance, at most `NUM_COMPONENTS`, without those that hardly vary."""
    centred = values - values.mean(axis=0)
    sample = centred[:: max(1, len(centred) // COVARIANCE_ROWS)]
    variances, vectors = np.linalg.eigh(np.atleast_2d(sample.T @ sample / len(sample)))
    kept = np.flatnonzero(variances > 1e-6 * max(variances[-1], 1e-12))[::-1][:NUM_COMPONENTS]
    return np.asarray(centred @ (vectors[:, kept] / np.sqrt(variances[kept])))


def residuals(z: Float[np.ndarray, "rows components"], pairs: np.ndarray) -> Float[np.ndarray, "pairs components"]:
    """Residuals of a regression on the previous frame, in standard deviations.

    Args:
        z: whitened summaries.
        pairs: (P,) rows whose previous row belongs to the same episode.
    """
    before, after = z[pairs - 1], z[pairs]
    inputs = np.column_stack([np.ones(len(before)), before, before**2])
    residual = after - inputs @ ridge_weights(inputs, after, RIDGE * len(inputs))
    return np.asarray(residual / np.maximum(residual.std(axis=0), 1e-9))


@dataclass(frozen=True)
class Changes:
    """The changes into some frames of a recording.

    Attributes:
        rows: (R,) the rows that were read, ascending.
        segment: (R,) number of the unbroken segment of an episode that each row belongs to.
        left: (R, components) residual of a regression on the previous row, in standard deviations; zero if the
            previous row was not read.
        repeated: (R,) bool, whether a row shows the same as the previous row.
        values: (R, components) whitened summaries of the rows themselves.
    """

    rows: np.ndarray
    segment: np.ndarray
    left: Float[np.ndarray, "rows components"]
    repeated: np.ndarray
    values: Float[np.ndarray, "rows components"]

    @cached_property
    def white(self) -> Float[np.ndarray, "rows directions"]:
        """The values in coordinates in which the differences between neighbouring rows are white, float64."""
        values = np.asarray(self.values, dtype=np.float64)
        steps = values[self.pairs] - values[self.pairs - 1]
        variances, vectors = np.linalg.eigh(steps.T @ steps / max(len(steps), 1))
        varies = variances > 1e-9 * max(variances.max(initial=0), 1e-300)
        return np.asarray(values @ (vectors[:, varies] / np.sqrt(variances[varies])))

    @property
    def pairs(self) -> np.ndarray:
        """Positions in ``rows`` whose previous row belongs to the same segment."""
        return np.flatnonzero(np.diff(self.segment) == 0) + 1

    def features(self) -> Float[np.ndarray, "rows features"]:
        """Standardised features (R, F): the signed, absolute and squared change, and its size; zero without a pair."""
        residual = self.left[self.pairs]
        clipped = np.clip(residual, -CLIP, CLIP)
        size = np.linalg.norm(residual, axis=1, keepdims=True)
        features = np.concatenate([clipped, np.abs(clipped), clipped**2, size], axis=1)
        of_rows = np.zeros((len(self.rows), features.shape[1]))
        of_rows[self.pairs] = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-9)
        return of_rows


def changes_in(recording: Recording) -> Changes:
    """The changes of a recording; if it has more than `MAX_ROWS` rows, evenly spaced segments are read."""
    rows, segment = _segments(recording)
    z = whitened(summaries(recording.observations, rows))
    changes = Changes(rows, segment, np.zeros(z.shape), np.zeros(len(rows), dtype=bool), z)
    pairs = changes.pairs
    if len(pairs):
        changes.left[pairs] = residuals(z, pairs)
        changes.repeated[pairs] = (z[pairs] == z[pairs - 1]).all(axis=1)
    return changes


def _segments(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Rows to read, ascending, and the number of the unbroken segment that each belongs to."""
    num_rows = len(recording)
    episode = np.searchsorted(recording.starts, np.arange(num_rows), side="right")
    if num_rows <= MAX_ROWS:
        return np.arange(num_rows), episode
    firsts = np.linspace(0, num_rows - SPAN, MAX_ROWS // SPAN).astype(int)
    rows = np.unique(np.concatenate([np.arange(first, first + SPAN) for first in firsts]))
    broken = np.concatenate([[False], np.diff(rows) != 1])
    return rows, 2 * num_rows * np.cumsum(broken) + episode[rows]
