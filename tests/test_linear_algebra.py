from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trisect.linear_algebra import ridge_weights, solve_ridge, whiten, whiten_standardised

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


@given(exponents=st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def test_whitening_of_standardised_latents_does_not_depend_on_their_units(exponents: list[int]) -> None:
    """The fifth latent varies by a ten-millionth of its mean: it stays constant."""
    mixed = np.column_stack([X @ RNG.normal(size=(4, 4)) + 5, 1 + 1e-7 * Y[:, 0]])
    units = 10.0 ** np.array([*exponents, 0])
    white, scaled = (
        (each - mean) @ matrix for each in (mixed, mixed * units) for mean, matrix in (whiten_standardised(each),)
    )
    for values in (white, scaled):
        assert np.allclose(values[:, 1:].std(axis=0, ddof=1), 1) and values[:, 0].std() < 0.01
    assert np.allclose(np.abs(white[:, 1:].T @ scaled[:, 1:]) / 49, np.eye(4), atol=1e-6)


def test_standardised_latents_that_are_all_constant_stay_so() -> None:
    mean, matrix = whiten_standardised(np.full((5, 2), [0.0, 3.0]))
    assert mean.tolist() == [0, 3] and np.isfinite(matrix).all()
