"""Small linear systems that several modules solve: ridge regression from moments or from rows, and whitening."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

CONSTANT = 1e-6
"""A latent that varies by less than this share of its mean counts as constant."""


def solve_ridge(
    gram: Float[np.ndarray, "inputs inputs"], cross: Float[np.ndarray, "inputs *outputs"], penalty: float
) -> Float[np.ndarray, "inputs *outputs"]:
    """Weights (G + penalty 1)^-1 C of a ridge regression, float64.

    Args:
        gram: G = X'X, summed over rows.
        cross: C = X'Y.
        penalty: L2 penalty in units of one row, at least 0.
    """
    regular = gram + penalty * np.eye(len(gram), dtype=gram.dtype)
    weights: np.ndarray = np.linalg.solve(regular.astype(np.float64), cross)
    return weights


def ridge_weights(
    x: Float[np.ndarray, "rows inputs"], y: Float[np.ndarray, "rows *outputs"], penalty: float
) -> Float[np.ndarray, "inputs *outputs"]:
    """Weights of a ridge regression of y on x in memory; `trisect.models.closed_form.ridge` works in chunks."""
    return solve_ridge(x.T @ x, x.T @ y, penalty)


def whiten(
    z: Float[np.ndarray, "rows latents"], floor: float = 1e-8
) -> tuple[Float[np.ndarray, " latents"], Float[np.ndarray, "latents latents"]]:
    """Mean and matrix such that (z - mean) @ matrix is uncorrelated and has unit variance.

    Directions whose variance is below ``floor`` times the largest are scaled as if they had that variance, so that a
    constant latent stays constant.
    """
    mean = z.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(z, rowvar=False).reshape(z.shape[1], z.shape[1]))
    return mean, vectors / np.sqrt(np.maximum(values, max(floor * values[-1], 1e-300)))


def whiten_standardised(
    z: Float[np.ndarray, "rows latents"],
) -> tuple[Float[np.ndarray, " latents"], Float[np.ndarray, "latents latents"]]:
    """Mean and matrix as of `whiten`, of latents that are standardised first, so that their units do not matter.

    A latent whose standard deviation is below `CONSTANT` of its mean, which may be rounding, stays about constant.
    """
    centre, spread = z.mean(axis=0), z.std(axis=0)
    varies = spread > CONSTANT * np.abs(centre)
    scale = np.where(varies, spread, np.where(centre == 0, 1.0, np.abs(centre)))
    mean, matrix = whiten((z - centre) / scale)
    return centre + mean * scale, matrix / scale[:, None]
