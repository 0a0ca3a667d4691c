"""Affine maps from vectors to latents of unit variance, and the moments that they are fitted to, in any units.

Standardised latents are z = (x - m) / s, with m the mean and s the deviation of each dimension, in float64.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.rows import chunks

logger = logging.getLogger("trisect")

CONSTANT = 1e-7
"""A dimension is constant if its deviation is less than this fraction of its mean: that is what float32 rounds off."""
UNIT = 8.0
"""A dimension has about unit scale if its deviation is between 1 / `UNIT` and `UNIT`, and its mean below `UNIT`
deviations."""
SAMPLE = 256
"""Rows among which the independent dimensions are sought first."""
REDUNDANT = 1e-6
"""A direction is redundant if its variance is less than this fraction of the largest."""


@dataclass(frozen=True)
class Projection:
    """An affine map to few latents and back.

    Attributes:
        mean: (D,), subtracted first.
        matrix: (D, L); the latents are (x - mean) @ matrix.
        back: (L, D), with back @ matrix the identity.
        explained: share of the variance that the latents hold, in [0, 1].
    """

    mean: np.ndarray
    matrix: np.ndarray
    back: np.ndarray
    explained: float = 1.0

    def __call__(self, vectors: Float[np.ndarray, "samples dims"]) -> Float[np.ndarray, "samples latents"]:
        """float32 latents, computed by chunks."""
        latents = np.empty((len(vectors), self.matrix.shape[1]), dtype=np.float32)
        for rows in chunks(len(vectors)):
            latents[rows] = (vectors[rows] - self.mean) @ self.matrix
        return latents


def require_independent(vectors: Float[np.ndarray, "samples dims"], at_least: int) -> None:
    """Refuse vectors of which too few dimensions vary independently; most are cleared by a look at a few rows.

    Args:
        vectors: finite; memory-mapped or not.
        at_least: number of targeted variables.

    Raises:
        ValueError: fewer than ``at_least`` dimensions vary independently.
    """
    sample = vectors[:: -(-len(vectors) // max(SAMPLE, 4 * at_least))].astype(np.float64)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    varies = deviation > CONSTANT * np.abs(mean)
    standard = (sample - mean)[:, varies] / deviation[varies]
    if varies.any() and _rank(np.linalg.svd(standard, compute_uv=False) ** 2) >= at_least:
        return
    mean, covariance = moments(vectors)
    scale = scale_of(mean, covariance, standardise=True)
    required_rank(np.linalg.eigvalsh(scale[:, None] * covariance * scale)[::-1], at_least)


def required_rank(values: Float[np.ndarray, " dims"], at_least: int) -> int:
    """The number of independent dimensions from variances, falling; `ValueError` if they are too few."""
    rank, what = _rank(values), "the independent dimensions of the vectors"
    todo = "add dimensions that show every variable"
    checks.require(rank >= at_least, what, f"at least as many as targets, {at_least}", rank, todo)
    return rank


def _rank(values: np.ndarray) -> int:
    return int((values > REDUNDANT * values[0]).sum()) if values[0] > 0 else 0


def has_unit_scale(mean: np.ndarray, deviation: np.ndarray) -> bool:
    """Whether all dimensions (D,) are of about unit scale, see `UNIT`."""
    near = (deviation > 1 / UNIT) & (deviation < UNIT) & (np.abs(mean) < UNIT * deviation)
    return bool(near.all())


def standardisation(mean: np.ndarray, deviation: np.ndarray) -> Projection:
    """Every dimension minus its mean, divided by its deviation."""
    logger.info("the vectors are standardised: their dimensions are not all of about unit scale")
    return Projection(mean, np.diag(1 / deviation), np.diag(deviation))


def centre(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """The mean, rounded to float32 where it is large: models subtract it in float32, and rounding then would shift."""
    return np.where(np.abs(mean) > UNIT * deviation, mean.astype(np.float32).astype(np.float64), mean)


def scale_of(mean: np.ndarray, covariance: np.ndarray, *, standardise: bool) -> np.ndarray:
    """Factor of each dimension, (D,): 0 for a constant one."""
    deviation = np.sqrt(np.diagonal(covariance))
    varies = deviation > CONSTANT * np.abs(mean)
    return np.where(varies, 1 / np.where(varies, deviation, 1) if standardise else 1.0, 0.0)


def projection_of(mean: np.ndarray, scale: np.ndarray, values: np.ndarray, directions: np.ndarray) -> Projection:
    """The projection onto the directions (D, L) of scaled dimensions, with variances (L,)."""
    unscale = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0.0)
    matrix = scale[:, None] * directions / np.sqrt(values)
    back = np.sqrt(values)[:, None] * directions.T * unscale
    return Projection(mean, matrix, back)


def moments(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D), float64, by chunks."""
    mean = sum(vectors[rows].sum(axis=0, dtype=np.float64) for rows in chunks(len(vectors))) / len(vectors)
    covariance = np.zeros((vectors.shape[1], vectors.shape[1]))
    for rows in chunks(len(vectors)):
        centred = vectors[rows] - mean
        covariance += centred.T @ centred
    return np.asarray(mean), covariance / len(vectors)
