"""Second moments of residuals, and the transitions that they are taken from."""

from __future__ import annotations

import numpy as np


def alone_rows(targets: np.ndarray) -> list[np.ndarray]:
    """Transitions (pairs,) in which each variable was intervened on and no other."""
    single = targets.sum(axis=1) == 1
    return [target & single for target in targets.T]


def regular(matrix: np.ndarray) -> np.ndarray:
    """A covariance (L, L) with a little added to its diagonal, so that a constant latent leaves it invertible."""
    return matrix + 1e-10 * np.trace(matrix) / len(matrix) * np.eye(len(matrix))


def covariance(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(L, L) of rows, with weights if any."""
    return np.cov(values, rowvar=False, aweights=weights).reshape(2 * values.shape[1:])
