from __future__ import annotations

import json

import numpy as np
import pytest

from trisect.evaluation.correlation import correlation, correlations, standardised
from trisect.evaluation.probes.probe import PUBLISHED, RIDGE
from trisect.evaluation.score_matrix import ScoreMatrix, Truth
from trisect.evaluation.slots import Slots
from trisect.variables import Categorical, Continuous, VariableSpace

NAN = float("nan")


class TestKnownScores:
    """x + n/2 predicts x with R2 1/(1 + .25); y + x/2 predicts y with .8 and x with .2."""

    KNOWN = np.array([[0.8, 0, 0], [0.2, 0.8, 0], [0, 0, 1]])

    @pytest.mark.parametrize("probe", [RIDGE, PUBLISHED], ids=lambda probe: probe.name)
    def test_matrix(self, toy, probe, rng):
        scores = correlation(*toy, probe, rng)
        assert scores.r2.matrix == pytest.approx(self.KNOWN, abs=0.04)
        # Spearman of two normals with correlation r is 6/pi asin(r/2)
        assert scores.spearman.matrix == pytest.approx(6 / np.pi * np.arcsin(np.sqrt(self.KNOWN) / 2), abs=0.08)
        assert scores.r2.diag == pytest.approx(0.8, abs=0.02)
        assert scores.r2.diag_all == pytest.approx(2.6 / 3, abs=0.02)
        assert scores.r2.sep_slots == pytest.approx(0.1, abs=0.02)
        assert scores.r2.sep_variables == pytest.approx(0.2 / 3, abs=0.03)
        assert scores.probe == probe.name and scores.warnings == ()

    def test_scoring_twice_gives_the_same(self, toy):
        first, second = (correlation(*toy, PUBLISHED, np.random.default_rng(4)) for _ in range(2))
        assert (first.r2.matrix == second.r2.matrix).all() and (first.spearman.matrix == second.spearman.matrix).all()

    def test_permuted_columns_change_nothing(self, toy):
        latents, slots, truth = toy
        space = VariableSpace([Continuous("w"), Continuous("y"), Continuous("x")])
        permuted = Truth(truth.factors[:, ::-1], space)
        first = correlation(latents, slots, truth, RIDGE, np.random.default_rng(4))
        second = correlation(latents, slots, permuted, RIDGE, np.random.default_rng(4))
        assert second.r2.matrix[:, ::-1] == pytest.approx(first.r2.matrix, abs=1e-9)
        for name in ("diag", "diag_all", "sep_slots", "sep_variables"):
            assert getattr(second.r2, name) == pytest.approx(getattr(first.r2, name), abs=1e-9)

    def test_permuted_slots_are_matched_by_name(self, toy):
        latents, slots, truth = toy
        swapped = Slots(slots.assignment[:, [1, 0, 2]], ("y", "x", "noise"))
        scores = correlation(latents, swapped, truth, RIDGE, np.random.default_rng(4))
        assert scores.r2["x", "x"] == pytest.approx(0.8, abs=0.03) and scores.r2.diag == pytest.approx(0.8, abs=0.03)


def test_affine_latents_score_alike(toy):
    latents, slots, truth = toy
    moved = (latents * np.array([1e-4, 1e3, -2]) + np.array([0, 5, 1])).astype(np.float32)
    first, second = (correlation(z, slots, truth, RIDGE, np.random.default_rng(0)) for z in (latents, moved))
    assert second.r2.matrix == pytest.approx(first.r2.matrix, abs=0.02)


def test_several_readings_share_a_training(toy):
    latents, slots, truth = toy
    reversed_ = (latents[:, ::-1].copy(), Slots(slots.assignment[::-1], slots.names))
    scores = correlations(
        {"a": (latents, slots), "all": (latents, slots.showing_all()), "b": reversed_},
        truth,
        RIDGE,
        np.random.default_rng(0),
    )
    assert list(scores) == ["a", "all", "b"]
    assert scores["b"].r2.matrix == pytest.approx(scores["a"].r2.matrix, abs=0.02)
    # all latents: all rows are equal; z1 - z0/2 predicts y better than z1 alone
    rows = scores["all"].r2.matrix
    assert (rows == rows[0]).all() and rows[0, 1] > 0.9


def test_an_empty_slot_scores_zero_with_a_warning(toy, rng):
    latents, _, truth = toy
    slots = Slots(np.eye(3, dtype=bool)[[0, 0, 2]], ("x", "y", "noise"))
    scores = correlation(latents, slots, truth, RIDGE, rng)
    assert (scores.r2.matrix[1] == 0).all() and (scores.spearman.matrix[1] == 0).all()
    assert scores.warnings == ("slot 'y' contains no latents: it scores 0",)


def test_no_latent_in_any_slot_but_one_constant_latent(toy, rng):
    _, slots, truth = toy
    latents = np.full((4000, 3), 3.3, np.float32)
    scores = correlation(latents, slots, truth, RIDGE, rng)
    assert (scores.r2.matrix == 0).all() and (scores.spearman.matrix == 0).all()


def test_constant_truth_is_excluded_and_named(toy, rng):
    latents, slots, truth = toy
    factors = truth.factors.copy()
    factors[:, 1] = -5.16
    scores = correlation(latents, slots, Truth(factors, truth.variables), RIDGE, rng)
    assert scores.r2.excluded == {"y": "the truth is constant in the test half"}
    assert np.isnan(scores.r2.matrix[:, 1]).all()
    assert scores.r2.diag == pytest.approx(0.8, abs=0.03)


def test_nan_latents_are_refused(toy, rng):
    latents, slots, truth = toy
    latents = latents.copy()
    latents[11, 1] = np.nan
    with pytest.raises(ValueError, match=r"latents of 'model' must be finite; got .* in row 11"):
        correlation(latents, slots, truth, RIDGE, rng)


def test_shapes_are_checked(toy, rng):
    latents, slots, truth = toy
    with pytest.raises(ValueError, match=r"shape of the latents of 'model' must be \(4000, 3\)"):
        correlation(latents[:, :2], slots, truth, RIDGE, rng)
    with pytest.raises(ValueError, match="number of samples to score"):
        correlation(latents[:3], slots, Truth(truth.factors[:3], truth.variables), RIDGE, rng)


def test_few_samples_give_a_warning(toy, rng):
    latents, slots, truth = toy
    scores = correlation(latents[:20], slots, Truth(truth.factors[:20], truth.variables), RIDGE, rng)
    assert "about 20 samples, fewer than 1000" in scores.warnings[0]


def test_a_variable_of_several_factors_scores_their_mean(toy, rng):
    latents, _, truth = toy
    space = VariableSpace(truth.variables.factors, {"pair": ["x", "y"], "w": ["w"]})
    slots = Slots(np.array([[1, 0], [1, 0], [0, 1]]), ("pair", "noise"))
    scores = correlation(latents, slots, Truth(truth.factors, space), RIDGE, rng)
    singles = correlation(latents, slots, truth, RIDGE, np.random.default_rng(0))
    assert scores.r2["pair", "pair"] == pytest.approx((singles.r2["pair", "x"] + singles.r2["pair", "y"]) / 2, abs=0.02)


def test_ranks_of_categories_are_left_out_of_the_mean_of_a_variable(rng):
    c, x = rng.integers(4, size=2000), rng.normal(size=2000)
    space = VariableSpace([Categorical("c", 4), Continuous("x")], {"both": ["c", "x"]})
    latents = np.stack([c, x], axis=1).astype(np.float32)
    scores = correlation(
        latents, Slots(np.array([[1, 0], [1, 0]]), ("both", "noise")), Truth(latents, space), RIDGE, rng
    )
    assert scores.spearman.excluded == {"c": "4 categories have no order"} and scores.r2.excluded == {}
    assert scores.spearman.diag == pytest.approx(1.0, abs=0.01)


class TestScoreMatrix:
    """Computed by hand: the rows are slots b, a, noise; c is never targeted."""

    MATRIX = ScoreMatrix(
        np.array([[0.2, 0.9, 0.1], [0.8, 0.3, NAN], [0.0, 0.0, 0.7]]), ("b", "a", "noise"), ("a", "b", "c")
    )

    def test_diag_is_matched_by_name(self):
        assert self.MATRIX.diag == pytest.approx((0.9 + 0.8) / 2)

    def test_with_the_never_intervened_variable(self):
        assert self.MATRIX.diag_all == pytest.approx((0.9 + 0.8 + 0.7) / 3)

    def test_seps(self):
        assert self.MATRIX.sep_slots == pytest.approx((0.2 + 0.3) / 2)
        assert self.MATRIX.sep_variables == pytest.approx((0.2 + 0.3 + 0.1) / 3)

    def test_json_has_null_for_undefined(self):
        stored = json.loads(json.dumps(self.MATRIX.to_json(), allow_nan=False))
        assert stored["matrix"][1] == [0.8, 0.3, None]
        assert stored["rows"] == ["b", "a", "noise"] and stored["columns"] == ["a", "b", "c"]
        assert stored["sep_slots"] == pytest.approx(0.25)

    def test_all_undefined(self):
        empty = ScoreMatrix(np.full((2, 1), NAN), ("a", "noise"), ("a",))
        assert np.isnan([empty.diag, empty.sep_slots, empty.sep_variables]).all()
        assert empty.to_json()["diag"] is None

    def test_one_variable_has_no_wrong_entries(self):
        single = ScoreMatrix(np.array([[0.5], [0.1]]), ("a", "noise"), ("a",))
        assert single.diag == 0.5 and np.isnan(single.sep_slots) and single.to_json()["sep_slots"] is None


def test_a_slot_without_ground_truth_is_named_and_left_out(toy, rng):
    latents, slots, truth = toy
    renamed = Slots(slots.assignment, ("x", "unknown", "noise"))
    scores = correlation(latents, renamed, truth, RIDGE, rng)
    assert scores.r2.excluded == {"unknown": "there is no ground truth for a variable of this name"}
    assert scores.r2.diag == pytest.approx(0.8, abs=0.03)


def test_standardised_uses_the_training_half_and_survives_constants():
    latents = np.array([[0.0, 7, 1], [2, 7, 1], [10, 7, 5]], dtype=np.float32)
    train, test = standardised(latents, np.array([0, 1]), np.array([2]))
    assert train.tolist() == [[-1, 0, 0], [1, 0, 0]] and test.tolist() == [[9, 0, 0]]


def test_truth_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="factor 'x' must be in"):
        Truth(np.array([[3.0]]), VariableSpace([Continuous("x", 0.0, 1.0)]))
