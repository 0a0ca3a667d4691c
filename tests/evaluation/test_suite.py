from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.evaluation.evaluation_input import EvaluationInput, EvaluationSettings
from trisect.evaluation.suite import evaluate_latents
from trisect.models.closed_form.statement import CANNOT_TELL, Statement

QUICK = EvaluationSettings(probes=("ridge",), target_steps=200)


def keep(latents: np.ndarray, pairs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return latents, np.eye(latents.shape[1], targets.shape[1] + 1, dtype=bool)


@pytest.fixture
def inputs(baseline_input, impulse_world) -> EvaluationInput:
    _, test, slots = impulse_world
    return EvaluationInput(
        slots,
        baseline_input.transitions,
        test,
        baseline_input.latents,
        baseline_input.truth,
        baseline_input.observations,
    )


def test_everything_there_is(inputs):
    probs = np.where(inputs.slots.assignment, 0.97, 0.01)
    evaluation = evaluate_latents(replace(inputs, probs=probs, nll=2.5), keep, np.random.default_rng(0), QUICK)
    assert evaluation.headline is evaluation.probes["ridge"] and evaluation.headline.r2.diag == pytest.approx(
        1.0, abs=0.02
    )
    assert evaluation.chance.own_r2 > evaluation.chance.r2 and evaluation.label_free.diag > 0.85
    assert evaluation.baselines.scores["closed form"].r2.diag == pytest.approx(1.0, abs=0.02)
    assert evaluation.confidence["min"] == pytest.approx(0.97) and evaluation.nll == 2.5
    assert evaluation.warnings == () and evaluation.notes == ()
    wrong = evaluation.dependence.truth.matrix[~np.eye(4, dtype=bool)]
    assert np.abs(wrong).max() < 0.1, "independent variables do not predict each other"


def test_statements_keep_warnings_from_saying_that_a_slot_has_collapsed(inputs):
    latents = inputs.test.latents.copy()
    latents[:, 0] = np.random.default_rng(1).normal(size=len(latents))
    silent = replace(inputs, truth=None, test=replace(inputs.test, latents=latents))
    tell = Statement("a", CANNOT_TELL, 0.5, 0.1, 0.9, 2.0, 0.01, 300, None, "300 interventions are few")
    without = evaluate_latents(silent, keep, np.random.default_rng(0), QUICK).warnings
    assert len(without) == 1 and without[0].startswith("slot 'a' has collapsed")
    (sentence,) = evaluate_latents(replace(silent, statements=(tell,)), keep, np.random.default_rng(0), QUICK).warnings
    assert sentence.startswith("the training data do not show what belongs in slot 'a' (300 interventions are few)")


def test_without_labels(inputs):
    evaluation = evaluate_latents(replace(inputs, truth=None), keep, np.random.default_rng(0), QUICK)
    assert evaluation.headline is None and evaluation.chance is None and evaluation.baselines is None
    assert evaluation.label_free is not None
    assert evaluation.notes == ("no ground-truth factors: R2, Spearman, chance and baselines are left out",)
    assert evaluation.warnings == () and evaluation.dependence is None


def test_without_sequences(inputs):
    evaluation = evaluate_latents(replace(inputs, train=None, observations=None), keep, np.random.default_rng(0), QUICK)
    assert evaluation.label_free is None and evaluation.baselines is None and evaluation.headline is not None
    assert len(evaluation.notes) == 2 and "intervention matrix is left out" in evaluation.notes[1]


def test_leaving_a_part_out_changes_no_other(inputs):
    whole = evaluate_latents(inputs, keep, np.random.default_rng(0), QUICK)
    part = evaluate_latents(replace(inputs, test=None), None, np.random.default_rng(0), QUICK)
    assert (part.headline.r2.matrix == whole.headline.r2.matrix).all() and part.chance == whole.chance


def test_samples_and_pairs_are_limited(inputs):
    settings = replace(QUICK, max_samples=1200, max_pairs=500, max_test_pairs=700)
    seen = []

    def identify(latents, pairs, targets):
        seen.append((len(latents), len(pairs)))
        return keep(latents, pairs, targets)

    evaluation = evaluate_latents(inputs, identify, np.random.default_rng(0), settings)
    assert set(seen) == {(501 + 1200, 500)} and len(seen) == 8
    assert (evaluation.label_free.counts == inputs.test.targets[:700].sum(axis=0)).all()
    assert evaluation.headline.r2.diag == pytest.approx(1.0, abs=0.02)


def test_skipped_baselines_are_among_the_warnings(inputs):
    evaluation = evaluate_latents(replace(inputs, observations=None), keep, np.random.default_rng(0), QUICK)
    assert evaluation.warnings[0] == "baseline 'random encoder' was skipped: no observations were given"


@pytest.mark.parametrize(
    "broken",
    [
        {"probes": ()},
        {"probes": ("lnog",)},
        {"max_samples": 2},
        {"max_pairs": 0},
        {"max_test_pairs": 0},
        {"target_steps": 0},
    ],
)
def test_settings_are_checked(broken):
    with pytest.raises(ValueError, match="of an evaluation must be"):
        EvaluationSettings(**broken)
