from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.dynamics import (
    MULTIPLIED,
    linear,
    num_polynomials,
    pair_features,
    plan,
    polynomials,
    random_features,
    regression,
    target_products,
)

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


def test_pair_features_do_not_depend_on_units_and_are_shifted() -> None:
    one, other = (pair_features(by * Z, 5, np.random.default_rng(1))(slice(None)) for by in (1.0, 1e3))
    assert np.allclose(one, other)
    at_nothing = pair_features(0 * Z, 50, np.random.default_rng(1))(slice(0, 1))[0]
    assert at_nothing.min() < -0.9 and at_nothing.max() > 0.9


def test_linear_features_and_products_with_targets_by_hand() -> None:
    on = np.array([[True, False], [False, False], [True, True]])
    z = np.array([[2.0, 3.0], [4.0, 5.0], [6.0, 7.0]])
    assert linear(z)(slice(1, 3)).tolist() == [[1, 4, 5], [1, 6, 7]]
    assert target_products(on, z, np.array([False, False]))(np.array([2, 0])).tolist() == [[1, 1], [1, 0]]
    assert target_products(on, z, np.array([True, False]))(slice(None)).tolist() == [
        [1, 2, 3, 0],
        [0] * 4,
        [1, 6, 7, 1],
    ]
    both = target_products(on, z, np.array([True, True]))
    assert both(slice(None)).tolist() == [[1, 2, 3, 0, 0, 0], [0] * 6, [1, 6, 7, 1, 6, 7]]


@pytest.mark.parametrize(
    ("quiet", "rows", "with_targets", "wide", "products", "num_random", "left"),
    [
        (6000, 6000, False, True, True, 100, 635),  # 750 features at most: 1 + 4 + 10 + 100 + 635
        (600, 650, False, True, True, 85, 0),  # 100 features
        (120, 130, False, True, False, 15, 0),  # 20 features: the products would be more than half of the rest
        (60, 65, False, False, False, 5, 0),  # 10 features
        (12, 13, False, False, False, 0, 0),  # never fewer than 1 and the latents
        (60, 6000, True, True, True, 100, 625),  # 750 for all rows, of which the targets' products take 10
    ],
)
def test_the_plan_by_the_number_of_rows(
    quiet: int, rows: int, with_targets: bool, wide: bool, products: bool, num_random: int, left: int
) -> None:
    """Four latents, 2 targets, at most 100 random features; one feature per six rows."""
    targets = np.zeros((rows, 2), dtype=bool)
    targets[quiet:, 0] = True
    planned = plan(targets, 4, 4, 100)
    assert planned.with_targets == with_targets
    assert planned.fitted.sum() == (rows if with_targets else quiet)
    assert (planned.wide, planned.products, planned.num_random, planned.left) == (wide, products, num_random, left)


def first_quiet(quiet: int, rows: int) -> np.ndarray:
    targets = np.zeros((rows, 2), dtype=bool)
    targets[quiet:, 0] = True
    return targets


def test_few_quiet_rows_that_allow_all_features_are_enough() -> None:
    """120 rows for 20 features: 1, 4 latents, 10 products and 5 random ones."""
    assert not plan(first_quiet(120, 6000), 4, 4, 5).with_targets
    assert plan(first_quiet(119, 6000), 4, 4, 5).with_targets


def test_earlier_latents_are_features_that_the_rows_must_allow() -> None:
    assert plan(first_quiet(600, 650), 4, 8, 100).num_random == 100 - 1 - 8 - 10


@pytest.mark.parametrize(("quiet", "beside"), [(60, 2 * 5), (6000, 0)])
def test_the_regression_has_the_planned_features(quiet: int, beside: int) -> None:
    """The products of targets and latents, then 1, 4 latents, 10 products, 4 earlier latents, and random ones."""
    rng, targets = np.random.default_rng(0), first_quiet(quiet, 6000)
    before, earlier = rng.normal(size=(2, 6000, 4))
    found = regression(plan(targets, 4, 8, 20), targets, before, earlier, 3.0, rng)
    assert found.grams.shape[1] == beside + 15 + 4 + 20 and found.num_beside == (1 if beside else 0)
    assert found.fitted.all()
