from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.dynamics import MULTIPLIED, num_polynomials, pair_features, polynomials, random_features

Z = np.random.default_rng(0).normal(size=(9, 3))
SOME = [slice(2, 7), np.array([8, 0, 0])]


@pytest.mark.parametrize("rows", SOME, ids=["slice", "numbers"])
def test_polynomials_by_hand(rows: slice | np.ndarray) -> None:
    a, b, c = Z[rows].T
    expected = np.stack([np.ones_like(a), a, b, c, a * a, a * b, a * c, b * b, b * c, c * c], axis=1)
    assert np.array_equal(polynomials(Z)(rows), expected)
    assert num_polynomials(3) == 10


def test_only_the_last_of_many_latents_are_multiplied() -> None:
    z = np.random.default_rng(0).normal(size=(5, MULTIPLIED + 3))
    features = polynomials(z)(slice(None))
    assert features.shape == (5, num_polynomials(MULTIPLIED + 3))
    assert np.array_equal(features[:, : MULTIPLIED + 4], np.column_stack([np.ones(5), z]))
    assert np.array_equal(features[:, MULTIPLIED + 4 :], polynomials(z[:, 3:])(slice(None))[:, 1 + MULTIPLIED :])


@pytest.mark.parametrize("make", [random_features, pair_features])
@pytest.mark.parametrize("rows", SOME, ids=["slice", "numbers"])
def test_random_features_are_fixed_functions_of_their_row(make, rows: slice | np.ndarray) -> None:
    before = Z.copy()
    features = make(Z, 5, np.random.default_rng(1))
    every = np.stack([features(slice(k, k + 1))[0] for k in range(len(Z))])
    assert every.shape == (9, 5) and (np.abs(every) < 1).all()
    assert np.allclose(features(rows), every[rows]) and np.array_equal(Z, before)


def test_a_pair_feature_sees_two_directions() -> None:
    features = pair_features(Z, 3, np.random.default_rng(1))  # of the pairs (0, 1), (0, 2), (1, 2)
    whole = features(slice(None))
    for feature, unseen in enumerate((2, 1, 0)):
        moved = Z.copy()
        moved[:, unseen] = moved[::-1, unseen]  # keeps its deviation
        alike = np.isclose(pair_features(moved, 3, np.random.default_rng(1))(slice(None)), whole).all(axis=0)
        assert alike.tolist() == [k == feature for k in range(3)]
