"""Switches that are held: a slot may show them at once, a step late, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.label_free import intervention_matrix
from trisect.evaluation.onsets import lasting
from trisect.evaluation.probes.target_probe import TargetProbe, target_fit
from trisect.evaluation.report.summary import sentences
from trisect.evaluation.shown import BEGINS, GOES_ON, onset_shows, shown
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import Evaluation
from trisect.evaluation.transitions import Transitions
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND

NAMES = ("prompt", "late", "silent")
SLOTS = Slots(np.eye(4, dtype=bool), (*NAMES, "noise"))


def transitions(seed: int, steps: int = 3000, episodes: int = 1) -> Transitions:
    """Three switches, each held for about 17 steps: a latent shows the first at once, one the second a step late."""
    rng = np.random.default_rng(seed)
    held = np.cumsum(rng.random((steps, 3)) < 0.06, axis=0) % 2 == 1
    late = np.concatenate([held[:1, 1], held[:-1, 1]])
    signal = np.stack([held[:, 0], late, np.zeros(steps), np.zeros(steps)], axis=1)
    rows = np.delete(np.arange(steps - 1), np.arange(steps // episodes, steps - 1, steps // episodes) - 1)
    latents = (5.0 * signal + rng.normal(size=(steps, 4))).astype(np.float32)
    return Transitions(latents, np.stack([rows, rows + 1], axis=1), held[rows + 1])


@pytest.fixture(scope="module")
def matrix() -> InterventionMatrix:
    probe = TargetProbe(fit=target_fit(300))
    return intervention_matrix(transitions(0), transitions(1), SLOTS, np.random.default_rng(0), probe)


def test_a_slot_that_shows_the_change_at_once_shows_both_ends(matrix) -> None:
    """Deviation 1, step 5: with the past known, the best AUROC is Phi(5 / sqrt 2), above .999."""
    onset = matrix.onsets[0]
    assert onset.variable == "prompt" and onset_shows(matrix, "prompt") == BEGINS
    for switch in (onset.begins, onset.ends):
        assert switch.auroc > 0.97 and abs(switch.past - 0.5) < 0.12 and switch.p_value <= 0.002
        assert switch.gain.low > 0.3 and 70 < switch.count < 110
    assert shown(matrix)["prompt"].verdict == FOUND


def test_a_slot_that_is_late_shows_only_that_interventions_go_on(matrix) -> None:
    """It adds to the past, because it shows the step before, but nothing on the moment of the change."""
    assert onset_shows(matrix, "late") == GOES_ON
    late = matrix.onsets[1]
    assert late.begins.p_value > 0.02 and late.ends.p_value > 0.02
    assert abs(late.begins.auroc - 0.5) < 0.12 and abs(late.ends.auroc - 0.5) < 0.12
    assert matrix.gain("late", "late").low > 0 and matrix.p_values[1, 1] <= 0.002


def test_a_slot_without_signal_is_not_found_by_either(matrix) -> None:
    assert onset_shows(matrix, "silent") == GOES_ON or onset_shows(matrix, "silent") == CANNOT_TELL
    assert shown(matrix)["silent"].verdict != FOUND and matrix.p_values[2, 2] > 0.02


def test_it_is_said_which_of_the_two_a_slot_shows(matrix) -> None:
    paragraph = " ".join(sentences(Evaluation(SLOTS, label_free=matrix)))
    assert "Interventions on prompt last for several steps: slot prompt shows when they begin (AUROC 0.9" in paragraph
    assert "and end (AUROC" in paragraph
    assert (
        "Interventions on late last for several steps: slot late does not show when they begin (AUROC 0." in paragraph
    )
    assert "so at best that they go on." in paragraph


def test_few_switches_allow_no_claim() -> None:
    probe = TargetProbe(fit=target_fit(150))
    few = intervention_matrix(transitions(0), transitions(1, steps=60), SLOTS, np.random.default_rng(0), probe)
    assert {onset_shows(few, onset.variable) for onset in few.onsets} <= {CANNOT_TELL}
    (first, *_) = [each for each in sentences(Evaluation(SLOTS, label_free=few)) if "last for several" in each]
    assert "too few to tell whether slot" in first and "of each would tell" in first


def test_the_first_step_of_an_episode_has_none_before_it() -> None:
    one, many = transitions(5, 400), transitions(5, 400, episodes=20)
    assert len(many) == 400 - 20 and len(np.unique(many.episodes)) == 20 and (one.episodes == 0).all()
    follows, before = many.targets_before()
    assert (~follows).sum() == 20 and not before[~follows].any()
    rows = np.flatnonzero(follows)
    assert (before[rows] == many.targets[rows - 1]).all() and (many.pairs[rows, 0] == many.pairs[rows - 1, 1]).all()


def test_independent_interventions_do_not_last() -> None:
    rng = np.random.default_rng(0)
    assert not lasting(rng.random(900) < 0.1, rng.random(100) < 0.1)
    assert lasting(rng.random(900) < 0.03, rng.random(100) < 0.9)
    assert not lasting(np.zeros(0, bool), np.ones(3, bool))
