"""Covariances of residuals, and the transitions that they are computed from."""

from __future__ import annotations

import numpy as np

LEAST = 1e-30
"""Variance that counts as none, in units of the latents' variance, such as that of a residual that is always 0."""


def alone_rows(targets: np.ndarray) -> list[np.ndarray]:
    """For each variable, (pairs,) bool: the transitions in which it alone was intervened on."""
    single = targets.sum(axis=1) == 1
    return [target & single for target in targets.T]


def regular(matrix: np.ndarray, num_rows: int | None = None) -> np.ndarray:
    """Add a little to a covariance's diagonal (L, L), so that it is invertible even with a constant latent.

    As few rows as latents miss some directions altogether. Then its mean variance is added to all.

    Args:
        matrix: a covariance.
        num_rows: number of rows that it is of; None if there are more than latents.
    """
    size = len(matrix)
    share = 1e-10 if num_rows is None or num_rows > size else 1.0
    total = max(float(np.trace(matrix)), LEAST)
    return np.asarray(matrix + share * total / size * np.eye(size))


def covariance(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Covariance (L, L) of values (rows, L), weighted if weights (rows,) are given."""
    return np.cov(values, rowvar=False, aweights=weights).reshape(2 * values.shape[1:])
