from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trisect.evaluation.scores import (
    angle_difference,
    circular_rank_correlation,
    is_constant,
    r2,
    spearman,
    why_undefined,
)
from trisect.variables import Angle, Categorical, Continuous, Factor

X, A, B, C = Continuous("x"), Angle("a"), Categorical("b", 2), Categorical("c", 4)


def example(factor: Factor, rng: np.random.Generator, size: int = 500) -> np.ndarray:
    if isinstance(factor, Categorical):
        return rng.integers(factor.num_categories, size=size).astype(float)
    return rng.uniform(0, 2 * np.pi, size) if isinstance(factor, Angle) else rng.normal(size=size)


@pytest.mark.parametrize("factor", [X, A, B, C])
class TestLaws:
    """Laws for every kind of factor."""

    def test_perfect_prediction_scores_one(self, factor, rng):
        truth = example(factor, rng)
        assert r2(truth, truth, factor) == 1.0
        rank = spearman(truth, truth, factor)
        assert np.isnan(rank) if factor is C else rank == pytest.approx(1.0)

    def test_constant_truth_is_undefined(self, factor, rng):
        prediction, truth = example(factor, rng), np.ones(500)
        assert np.isnan(r2(prediction, truth, factor)) and np.isnan(spearman(prediction, truth, factor))
        assert np.isnan(r2(truth, truth, factor)) and np.isnan(spearman(truth, truth, factor))

    def test_constant_prediction_scores_zero(self, factor, rng):
        truth, prediction = example(factor, rng), np.ones(500)
        assert r2(prediction, truth, factor) == 0.0
        assert (
            np.isnan(spearman(prediction, truth, factor)) if factor is C else spearman(prediction, truth, factor) == 0
        )

    def test_never_above_one_and_unrelated_near_zero(self, factor, rng):
        prediction, truth = example(factor, rng, 20_000), example(factor, rng, 20_000)
        score = r2(prediction, truth, factor)
        # two independent draws are twice as far apart (squared) as one from its mean; circular: exactly as far
        assert score == pytest.approx(-1.0 if factor is X else 0.0, abs=0.05)
        if factor is not C:
            assert abs(spearman(prediction, truth, factor)) < 0.03

    def test_nan_is_refused(self, factor, rng):
        truth = example(factor, rng)
        broken = truth.copy()
        broken[7] = np.nan
        for score in (r2, spearman):
            with pytest.raises(ValueError, match=r"must be finite; got .* in row 7"):
                score(broken, truth, factor)
            with pytest.raises(ValueError, match="truth of factor"):
                score(truth, broken, factor)

    def test_other_length_is_refused(self, factor, rng):
        with pytest.raises(ValueError, match="shape of the prediction"):
            r2(np.zeros(3), np.arange(4.0), factor)


def test_continuous_scores_by_hand(rng):
    prediction, truth = rng.normal(size=50), rng.normal(size=50)
    by_hand = 1 - sum((p - t) ** 2 for p, t in zip(prediction, truth)) / sum((t - truth.mean()) ** 2 for t in truth)
    assert r2(prediction, truth, X) == pytest.approx(by_hand)
    assert spearman(prediction, truth, X) == pytest.approx(stats.spearmanr(prediction, truth).statistic)


def test_noise_of_known_size(rng):
    truth = rng.normal(size=200_000)
    assert r2(truth + 0.5 * rng.normal(size=200_000), truth, X) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("offset", [1.0, -5.16, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearly_constant_truth_is_undefined(offset, dtype, rng):
    truth = (offset + 1e-8 * rng.normal(size=100)).astype(dtype)
    assert np.isnan(r2(rng.normal(size=100), truth, X))
    assert why_undefined(truth, X, r2) == "the truth is constant in the test half"


@pytest.mark.parametrize("unit", [1e-30, 1e-9, 1e-4, 1e6, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_unit_of_a_factor_changes_no_score(unit, dtype, rng):
    truth = (rng.normal(size=300) * unit).astype(dtype)
    prediction = truth.astype(np.float64) + 0.5 * unit * rng.normal(size=300)
    assert r2(prediction, truth, X) == pytest.approx(0.75, abs=0.07)
    assert spearman(prediction, truth, X) > 0.8
    assert r2(np.full(300, 3 * unit), truth, X) == 0 == spearman(np.zeros(300), truth, X)


def test_rounding_around_zero_is_a_constant_prediction(rng):
    truth, prediction = rng.normal(size=300), 1e-12 * rng.normal(size=300)
    assert r2(prediction, truth, X) == 0 == spearman(prediction, truth, X)
    assert r2(1e-3 * truth, truth, X) > 0.0005 and spearman(1e-3 * truth, truth, X) == pytest.approx(1)


def test_a_small_spread_on_a_large_offset_is_scored_while_float32_shows_it(rng):
    truth = (1e5 + rng.normal(size=300)).astype(np.float32)
    assert r2(truth, truth, X) == 1 and why_undefined(truth, X, r2) is None


def test_float32_offset_keeps_the_score(rng):
    truth = (1e4 + rng.normal(size=1000)).astype(np.float32)
    prediction = truth + np.float32(0.25)
    exact = 1 - 0.0625 / truth.astype(np.float64).var()
    assert r2(prediction, truth, X) == pytest.approx(exact, rel=1e-9)


def test_angle_r2_of_wrapped_noise(rng):
    truth, noise = rng.uniform(0, 2 * np.pi, 100_000), 0.3 * rng.normal(size=100_000)
    # uniform angles: mean squared distance to any direction is pi^2 / 3
    assert r2(np.mod(truth + noise, 2 * np.pi), truth, A) == pytest.approx(1 - 3 * 0.09 / np.pi**2, abs=0.003)


def test_one_degree_and_359_are_close(rng):
    truth = np.radians(rng.normal(0, 20, 1000))
    prediction = np.mod(truth - np.radians(2), 2 * np.pi)
    assert r2(prediction, np.mod(truth, 2 * np.pi), A) == pytest.approx(1 - 4 / np.degrees(truth).var(), abs=1e-3)
    assert spearman(prediction, np.mod(truth, 2 * np.pi), A) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("turn", [0.5, np.pi / 2, 3.0])
def test_angle_scores_do_not_depend_on_where_zero_is(turn, rng):
    truth = np.mod(rng.normal(1.0, 0.8, 2000), 2 * np.pi)
    prediction = np.mod(truth + 0.4 * rng.normal(size=2000), 2 * np.pi)
    turned = [np.mod(angle + turn, 2 * np.pi) for angle in (prediction, truth)]
    for score in (r2, spearman):
        assert score(turned[0], turned[1], A) == pytest.approx(score(prediction, truth, A), abs=1e-9)


def test_mirrored_inputs_score_alike(rng):
    # angles whose sine does not vary (0 or pi), and the same turned by 90 degrees: their cosine does not vary
    flips, guesses = rng.integers(2, size=1000), rng.integers(2, size=1000)
    guesses = np.where(rng.random(1000) < 0.6, flips, guesses)
    flat, upright = np.pi * flips, np.pi * flips + np.pi / 2
    for score in (r2, spearman):
        first, second = score(np.pi * guesses, flat, A), score(np.pi * guesses + np.pi / 2, upright, A)
        assert first == pytest.approx(second, abs=1e-9) and first > 0.3
        assert score(flat, flat, A) == pytest.approx(1.0) and score(upright, upright, A) == pytest.approx(1.0)


def test_two_valued_unrelated_angles_rank_near_zero(rng):
    truth, prediction = np.pi * (rng.random((2, 20_000)) < 0.1)
    assert circular_rank_correlation(prediction, truth) < 0.03


def test_degrees_as_radians_are_refused():
    with pytest.raises(ValueError, match="convert degrees"):
        A.check(np.array([10.0, 359.0]))


def test_categories_count_errors_against_the_mode():
    truth = np.array([0, 0, 0, 1, 2, 3.0])
    prediction = np.array([0, 0, 1, 1, 2, 0.0])  # 2 errors; always 0 makes 3
    assert r2(prediction, truth, C) == pytest.approx(1 / 3)


def test_more_than_two_categories_have_no_ranks(rng):
    assert why_undefined(example(C, rng), C, spearman) == "4 categories have no order"
    assert why_undefined(example(C, rng), C, r2) is None
    assert why_undefined(example(B, rng), B, spearman) is None


def test_angle_difference_is_along_the_shorter_arc():
    assert angle_difference(np.radians([1.0, 359.0]), np.radians([359.0, 1.0])) == pytest.approx(
        np.radians([2.0, -2.0])
    )


def test_angles_around_zero_are_constant_together():
    assert is_constant(np.array([0.0, 2 * np.pi, 2 * np.pi - 1e-8]), A)
    assert not is_constant(np.array([0.0, 2 * np.pi, 0.1]), A)


def test_whole_turns_change_no_angle_score(rng):
    truth = rng.uniform(0, 2 * np.pi, 500)
    prediction = np.mod(truth + 0.4 * rng.normal(size=500), 2 * np.pi)
    turned = prediction - 2 * np.pi * rng.integers(2, size=500)
    for score in (r2, spearman):
        assert score(turned, truth, A) == pytest.approx(score(prediction, truth, A), abs=1e-9)
        assert score(truth, turned, A) == pytest.approx(score(truth, prediction, A), abs=1e-9)
