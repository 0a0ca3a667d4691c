from __future__ import annotations

import numpy as np

from trisect.linear_algebra import ridge_weights, solve_ridge, whiten

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2))


def test_ridge_weights_minimise_the_penalised_error() -> None:
    """Ridge regression is least squares with sqrt(penalty) times the identity as further rows."""
    expected = np.linalg.lstsq(np.vstack([X, np.sqrt(3.0) * np.eye(4)]), np.vstack([Y, np.zeros((4, 2))]), rcond=None)[
        0
    ]
    assert np.allclose(ridge_weights(X, Y, 3.0), expected)
    assert np.allclose(solve_ridge(X.T @ X, X.T @ Y[:, 0], 3.0), expected[:, 0])


def test_whitened_rows_have_mean_0_and_unit_covariance_and_constant_ones_stay() -> None:
    mixed = np.column_stack([X @ RNG.normal(size=(4, 4)) + 5, np.full(50, 7.0)])
    mean, matrix = whiten(mixed)
    white = (mixed - mean) @ matrix
    covariance = np.cov(white, rowvar=False)
    assert np.allclose(white.mean(axis=0), 0) and np.allclose(np.sort(np.diag(covariance))[1:], 1)
    assert np.allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-6)
    assert np.sort(np.diag(covariance))[0] < 1e-12
