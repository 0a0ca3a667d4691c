"""The benchmarks' probe on values whose R2 is known."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.polynomial_probe import beyond_truth, conditional, matrix, polynomials, r2

ROWS = 6000


def test_polynomials_are_all_monomials():
    rng = np.random.default_rng(0)
    assert polynomials(rng.normal(size=(50, 3))).shape == (50, 20)
    assert polynomials(rng.normal(size=(50, 13))).shape == (50, 105)  # cubes of 13 would be too many


def test_r2_of_a_noisy_curve():
    """Of x^3 + e, with variances 15 and 5, a probe of x explains three quarters; of noise nothing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 1))
    values = np.concatenate([x**3 + np.sqrt(5) * rng.normal(size=(ROWS, 1)), rng.normal(size=(ROWS, 1))], axis=1)
    assert r2(rng.normal(size=(60, 5)), rng.normal(size=(60, 1))) == 0, "worse than the mean, and clipped"
    curve, noise = r2(x, values)
    assert curve == pytest.approx(0.75, abs=0.05)
    assert noise < 0.005


def test_leaks_beyond_the_truth():
    """Two variables with a correlation of .6: the plain leak of .36 is the world's own; a mixed slot leaks more."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=ROWS)
    b = 0.6 * a + 0.8 * rng.normal(size=ROWS)
    values, slots, variables = np.stack([a, b], axis=1), np.array([0, 1]), np.array([0, 1])
    plain = matrix(values, slots, values, variables)
    assert plain[0, 1] == pytest.approx(0.36, abs=0.04)
    assert plain[0, 0] > 0.999
    assert beyond_truth(values, slots, values, variables).max() < 0.005
    assert conditional(values, slots, values, variables).max() < 0.005
    swapped = np.stack([b, a], axis=1)
    assert beyond_truth(swapped, slots, values, variables)[0, 1] == pytest.approx(0.64**2, abs=0.04)


def test_a_trace_of_another_variable_is_no_leak_but_shows_beside_the_truth():
    """The difference of a + .03 b and a is b, although a + .03 b says hardly more of b than a does."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(ROWS, 2))
    latents = values + 0.03 * values[:, ::-1]
    slots = variables = np.array([0, 1])
    assert beyond_truth(latents, slots, values, variables)[0, 1] < 0.01
    assert conditional(latents, slots, values, variables)[0, 1] > 0.4


def test_an_empty_slot_contains_nothing():
    values = np.random.default_rng(0).normal(size=(ROWS, 2))
    scores = matrix(values, np.array([0, 0]), values, np.array([0, 1]))
    assert scores[0].min() > 0.999
    assert not scores[1].any()
    assert not beyond_truth(values, np.array([0, 0]), values, np.array([0, 1]))[1].any()
