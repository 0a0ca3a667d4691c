"""Covariances of residuals, and the transitions that they are computed from."""

from __future__ import annotations

import numpy as np


def alone_rows(targets: np.ndarray) -> list[np.ndarray]:
    """For each variable, (pairs,) bool: the transitions in which it alone was intervened on."""
    single = targets.sum(axis=1) == 1
    return [target & single for target in targets.T]


def regular(matrix: np.ndarray) -> np.ndarray:
    """Add a little to a covariance's diagonal (L, L), so that it is invertible even with a constant latent."""
    return matrix + 1e-10 * np.trace(matrix) / len(matrix) * np.eye(len(matrix))


def covariance(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Covariance (L, L) of values (rows, L), weighted if weights (rows,) are given."""
    return np.cov(values, rowvar=False, aweights=weights).reshape(2 * values.shape[1:])
