from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.label_free import (
    collapsed,
    confidence,
    intervention_matrix,
)
from trisect.evaluation.probes.target_probe import TargetProbe, target_fit
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, scored_pairs
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, Statement


def test_scored_pairs_by_hand(rng):
    targets = rng.random((30, 3)) < 0.4
    counted = scored_pairs(targets, 5)
    for i in range(5):
        for j in range(3):
            expected = np.ones(30, bool) if i == j or i >= 3 else ~targets[:, i]
            assert (counted[i, :, j] == expected).all()


class TestImpulses:
    """A latent of deviation 1, or 6 when intervened on: the best AUROC is 2/pi atan 6 = .895."""

    def test_diagonal_is_the_best_possible_and_the_rest_is_guessing(self, impulse_world):
        matrix = intervention_matrix(*impulse_world, np.random.default_rng(0))
        assert matrix.rows == ("a", "b", "c", "noise") and matrix.columns == ("a", "b", "c")
        assert np.diagonal(matrix.matrix) == pytest.approx(2 / np.pi * np.arctan(6), abs=0.035)
        assert matrix.matrix[~np.eye(4, 3, dtype=bool)] == pytest.approx(0.5, abs=0.06)
        assert matrix.baseline == pytest.approx(0.5, abs=0.06)
        assert matrix.diag > 0.86 and matrix.off_diag == pytest.approx(0.5, abs=0.03) and matrix.warnings == ()
        assert np.diagonal(matrix.p_values).max() <= 0.002 and matrix.p_diag <= 0.002 and matrix.onsets == ()
        assert (matrix.p_values[~np.eye(4, 3, dtype=bool)] <= 0.05).sum() <= 2, "9 entries in which there is nothing"
        assert (matrix.counts == impulse_world[1].targets.sum(axis=0)).all()

    def test_leakage_shows_off_the_diagonal(self, impulse_world):
        train, test, slots = impulse_world
        mixing = np.eye(4, dtype=np.float32)
        mixing[1, 0] = 1.0  # latent 0 is a + b
        mixed = [Transitions(part.latents @ mixing, part.pairs, part.targets) for part in (train, test)]
        matrix = intervention_matrix(*mixed, slots, np.random.default_rng(0))
        # a + b has deviation sqrt 2, or sqrt 37 with b intervened on
        assert matrix.matrix[0, 1] == pytest.approx(2 / np.pi * np.arctan(np.sqrt(37 / 2)), abs=0.05)
        assert matrix.matrix[1, 0] == pytest.approx(0.5, abs=0.06)

    def test_collapsed_and_empty_slots_are_named(self, impulse_world):
        train, test, _ = impulse_world
        slots = Slots(np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 1, 0, 0]]), ("a", "b", "c", "noise"))
        matrix = intervention_matrix(train, test, slots, np.random.default_rng(0))
        assert len(matrix.warnings) == 2
        assert matrix.warnings[0] == "slot 'c' contains no latents"
        assert matrix.warnings[1].startswith("slot 'b' has collapsed")
        assert matrix.matrix[3, 1] > 0.8  # b's latent lies in the noise slot

    def test_same_value_inside_a_validation_loop(self, impulse_world):
        quick = TargetProbe(fit=target_fit(60))
        outside = intervention_matrix(*impulse_world, np.random.default_rng(0), quick)
        with torch.inference_mode():
            inside = intervention_matrix(*impulse_world, np.random.default_rng(0), quick)
        assert (inside.matrix == outside.matrix).all()

    def test_no_held_out_intervention_is_undefined(self, impulse_world):
        train, test, slots = impulse_world
        targets = test.targets.copy()
        targets[:, 2] = False
        silent = Transitions(test.latents, test.pairs, targets)
        matrix = intervention_matrix(train, silent, slots, np.random.default_rng(0), TargetProbe(fit=target_fit(60)))
        assert np.isnan(matrix.matrix[:, 2]).all() and not np.isnan(matrix.matrix[:, :2]).any()
        assert matrix.to_json()["matrix"][0][2] is None
        assert any("'c' both with and without" in text for text in matrix.warnings)

    def test_shapes_are_checked(self, impulse_world):
        train, test, slots = impulse_world
        with pytest.raises(ValueError, match="latents of the training transitions"):
            intervention_matrix(train, test, Slots(slots.assignment[:3], slots.names), np.random.default_rng(0))
        with pytest.raises(ValueError, match="number of the test transitions"):
            intervention_matrix(train, test.first(0)[0], slots, np.random.default_rng(0))


def test_single_targets_do_not_show_through_the_condition(impulse_world):
    """With one target per step, slot a predicts a's interventions, and thus that b had none: this must not count."""
    train, test, slots = impulse_world
    shifted = [np.concatenate([np.zeros((1, 3), bool), part.targets]) for part in (train, test)]
    latents = [part.latents.copy() for part in (train, test)]
    for z, targets in zip(latents, shifted):
        z[:, 0] = targets[:, 0] * 10.0 + 0.01 * z[:, 3]
    parts = [Transitions(z, part.pairs, part.targets) for z, part in zip(latents, (train, test))]
    matrix = intervention_matrix(*parts, slots, np.random.default_rng(0))
    assert matrix.matrix[0, 0] > 0.99
    assert matrix.matrix[0, 1:] == pytest.approx(0.5, abs=0.06)
    assert (matrix.baseline == matrix.past[-1]).all() and (matrix.past[0] != matrix.past[-1]).any()


def test_matrix_means_and_json():
    matrix = InterventionMatrix(
        np.array([[0.9, 0.6], [0.4, np.nan], [0.1, 0.1]]), ("a", "b", "noise"), ("a", "b"), np.array([0.5, np.nan])
    )
    assert matrix.diag == 0.9 and matrix.off_diag == 0.5
    stored = json.loads(json.dumps(matrix.to_json(nll=float("nan")), allow_nan=False))
    assert set(stored) >= {"matrix", "rows", "columns", "diag", "off_diag", "baseline", "nll"}
    assert stored["nll"] is None and stored["baseline"] == [0.5, None] and stored["matrix"][1] == [0.4, None]
    assert stored["p_values"] == [[None, None]] * 3 and stored["diag_p_value"] is None and stored["onsets"] == []


def test_confidence():
    slots = Slots(np.eye(2, dtype=bool), ("a", "noise"))
    entry, warnings = confidence(np.array([[0.9, 0.1], [0.4, 0.6]]), slots)
    assert entry == {"per_latent": [0.9, 0.6], "mean": 0.75, "min": 0.6}
    assert warnings[0].startswith("1 of 2 latents are undecided")
    assert confidence(np.array([[0.9, 0.1], [0.1, 0.9]]), slots)[1] == ()


ROWS = ("a", "noise")
SLOTS = Slots(np.eye(2, dtype=bool), ROWS)


def matrix_of(own: float, past: float, spread: float = 0.0) -> InterventionMatrix:
    """One variable whose slot has this AUROC; the past has the other, and the difference this standard error."""
    blocks = np.full((2, 1, 30), spread / np.sqrt(31)) * np.tile([1, -1], 15)
    values = np.array([[own], [past]])
    return InterventionMatrix(values, ROWS, ("a",), np.array([past]), (), np.full((2, 1), past), blocks)


def test_good_slots_have_not_collapsed():
    assert collapsed(SLOTS, matrix_of(0.95, 0.5)) == []
    assert collapsed(SLOTS, matrix_of(0.97, 0.9)) == []


def test_a_slot_that_adds_nothing_to_the_past_is_no_success():
    (sentence,) = collapsed(SLOTS, matrix_of(0.96, 0.96))
    assert sentence.startswith("the past alone predicts the interventions on 'a' (AUROC 0.96)")
    assert "cannot show what it contains" in sentence and "collapsed" not in sentence
    (sentence,) = collapsed(SLOTS, matrix_of(1.0, 0.999))
    assert "cannot show what it contains" in sentence


def test_a_slot_that_contains_its_variable_has_not_collapsed():
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5), {"a": 0.99})
    assert sentence.startswith("slot 'a' predicts its variable (R2 0.99) but not its interventions")
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5), {"a": 0.2})
    assert sentence.startswith("slot 'a' has collapsed") and "AUROC 0.55 only, and the past alone with 0.50" in sentence


def said(verdict: str, reason: str = "") -> Statement:
    return Statement("a", verdict, 0.9, 0.5, 0.95, 2.0, 0.01, 300, None, reason)


def test_a_slot_has_not_collapsed_where_the_closed_form_cannot_tell() -> None:
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5), statements=[said(CANNOT_TELL, "300 interventions are few")])
    assert "collapsed" not in sentence
    assert sentence == (
        "the training data do not show what belongs in slot 'a' (300 interventions are few); on held-out steps it "
        "predicts its own interventions with AUROC 0.55 only, and the past alone with 0.50"
    )
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5), statements=[said(FOUND)])
    assert sentence.startswith("the training data show what belongs in slot 'a', but on held-out steps it predicts")
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5), statements=[said(NOT_THERE, "they move nothing")])
    assert sentence.startswith("slot 'a' has collapsed: ")
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5), statements=[replace(said(CANNOT_TELL, "few"), variable="b")])
    assert sentence.startswith("slot 'a' has collapsed: "), "the statement is of another variable"
    assert collapsed(SLOTS, matrix_of(0.95, 0.5), statements=[said(CANNOT_TELL, "few")]) == []


def test_few_interventions_allow_no_claim():
    (sentence,) = collapsed(SLOTS, matrix_of(0.55, 0.5, 0.2))
    assert sentence.startswith("there are too few held-out interventions on 'a' to tell")
    assert "interval of the difference -0.36 to 0.46" in sentence


def test_a_leak_must_be_large_and_certain():
    values = np.array([[0.95, 0.76], [0.5, 0.95], [0.58, 0.55]])
    rows, past = ("a", "b", "noise"), np.full(2, 0.5)
    certain = InterventionMatrix(values, rows, rows[:2], past)
    assert certain.leaks() == [("a", "b")]
    blocks = np.tile([0.1, -0.1], (3, 2, 15)) / np.sqrt(31)  # an error of 0.1 each: .26 may be chance among 4 entries
    assert InterventionMatrix(values, rows, rows[:2], past, blocks=blocks).leaks() == []
    assert InterventionMatrix(values, rows, rows[:2], past, (), np.full((3, 2), 0.75)).leaks() == []


def test_a_leak_that_chance_explains_is_none() -> None:
    values, rows = np.array([[0.95, 0.76], [0.5, 0.95], [0.9, 0.5]]), ("a", "b", "noise")
    p_values = np.array([[0.001, 0.2], [0.5, 0.001], [0.001, 0.5]])
    matrix = InterventionMatrix(values, rows, rows[:2], np.full(2, 0.5), p_values=p_values)
    assert matrix.leaks() == [("noise", "a")] and matrix.elsewhere() == []


def test_a_slot_that_predicts_a_target_better_than_its_own_slot_is_found() -> None:
    values, rows = np.array([[0.55, 0.5], [0.5, 0.95], [0.93, 0.8]]), ("a", "b", "noise")
    matrix = InterventionMatrix(values, rows, rows[:2], np.full(2, 0.5))
    assert matrix.elsewhere() == [("noise", "a")]
    assert matrix.leaks() == [("noise", "a"), ("noise", "b")]
    close = np.array([[0.9, 0.5], [0.5, 0.95], [0.93, 0.5]])  # .80 and .86 of the gap to 1
    assert InterventionMatrix(close, rows, rows[:2], np.full(2, 0.5)).elsewhere() == []


def test_the_share_of_the_gap_that_a_slot_closes() -> None:
    """A past below 1/2 counts as 1/2, as it is chance; one near 1 leaves no gap, and then nothing leaks."""
    rows, past = ("a", "b", "noise"), np.array([[0.8, 0.3], [0.5, 0.995], [0.995, 0.5]])
    values = np.array([[0.9, 0.55], [0.65, 1.0], [1.0, 0.5]])
    matrix = InterventionMatrix(values, rows, rows[:2], np.full(2, 0.5), past=past)
    assert matrix.added == pytest.approx(np.array([[0.5, 0.1], [0.3, np.nan], [np.nan, 0.0]]), nan_ok=True)
    assert matrix.leaks() == [("b", "a")]


def held_world(seed: int, num_frames: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Two switches that are each held for about 25 steps; latent k shows switch k, latent 2 is noise."""
    rng = np.random.default_rng(seed)
    held = np.cumsum(rng.random((num_frames, 2)) < 0.04, axis=0) % 2 == 1
    latents = np.concatenate([held * 4.0, np.zeros((num_frames, 1))], axis=1) + rng.normal(size=(num_frames, 3))
    return latents.astype(np.float32), held


def held_transitions(seed: int) -> Transitions:
    latents, held = held_world(seed)
    rows = np.arange(len(latents) - 1)
    return Transitions(latents, np.stack([rows, rows + 1], axis=1), held[1:])


def test_interventions_that_last_are_compared_with_the_past():
    """The past predicts interventions that are held; slots without latents of their own add nothing to it."""
    train, test = held_transitions(0), held_transitions(1)
    good = Slots(np.eye(3, dtype=bool), ("a", "b", "noise"))
    quick = TargetProbe(fit=target_fit(300))
    matrix = intervention_matrix(train, test, good, np.random.default_rng(0), quick)
    assert matrix.past_diag > 0.85 and matrix.warnings == () and matrix.own_gain.low > 0
    assert matrix.off_diag > 0.8 and abs(matrix.others_gain.value) < 0.03 and matrix.leaks() == []
    noise = Slots(np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=bool), ("a", "b", "noise"))
    empty = intervention_matrix(train, test, noise, np.random.default_rng(0), quick)
    assert empty.diag > 0.85 and empty.own_gain.value < 0.02
    for name, sentence in zip("ab", empty.warnings, strict=True):
        assert sentence.startswith(f"the past alone predicts the interventions on '{name}' (AUROC 0.")
    assert ("noise", "a") in empty.leaks() and ("noise", "b") in empty.leaks()


@pytest.mark.parametrize("broken", [{"width": 0}, {"max_pairs": 0}, {"held_out": 0.0}])
def test_probe_settings_are_checked(broken):
    with pytest.raises(ValueError, match="of a target probe must be"):
        TargetProbe(**broken)
