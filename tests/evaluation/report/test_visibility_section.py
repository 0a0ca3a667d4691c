from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.visibility.known import NAMES, SLOTS, dots, transitions, walks, with_nuisance

from trisect.evaluation.evaluation_input import EvaluationInput, EvaluationSettings
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.visibility_section import visibility as shown
from trisect.evaluation.report.writing import write_report
from trisect.evaluation.suite import Evaluation, evaluate_latents


@pytest.fixture(scope="module")
def given() -> EvaluationInput:
    """Latents without a, of frames that show it."""
    parts, frames = [], []
    for seed, count in ((0, 1500), (1, 1500)):
        values, targets = walks(count, seed)
        blind = np.column_stack([np.random.default_rng(seed).normal(size=count), values[:, 1:]])
        parts.append(transitions(with_nuisance(blind, seed), targets))
        frames.append(dots(values))
    return EvaluationInput(SLOTS, *parts, observations=(frames[0], frames[0][:0]), test_frames=frames[1])


def evaluated(given: EvaluationInput, settings: EvaluationSettings) -> Evaluation:
    return evaluate_latents(given, None, np.random.default_rng(0), settings)


@pytest.fixture(scope="module")
def evaluation(given: EvaluationInput) -> Evaluation:
    return evaluated(given, EvaluationSettings(target_steps=100))


def test_the_lost_variable_is_named_in_the_text_the_page_and_the_numbers(evaluation, tmp_path: Path):
    report = Report("a run", NAMES, evaluation)
    (sentence,) = [each for each in report.sentences if "the encoder loses it" in each]
    assert sentence.startswith("a: the encoder loses it: the frames show its interventions (AUROC 0.")
    numbers, page = write_report(report, tmp_path)
    stored = json.loads(numbers.read_text())["visibility"]
    assert [stored[name]["verdict"] for name in NAMES] == ["lost by the encoder", "fine", "fine"]
    assert stored["a"]["sentence"] == sentence and stored["a"]["frames"]["auroc"] > 0.8 > stored["a"]["slot"]["auroc"]
    text = page.read_text(encoding="utf-8")
    assert "What the frames show, and who loses it" in text and text.count("lost by the encoder") == 1


def test_without_frames_the_column_is_absent_and_the_latents_scores_are_the_same(given, evaluation):
    blind = evaluated(given, EvaluationSettings(target_steps=100, frames=False))
    assert set(evaluation.visibility.read) - set(blind.visibility.read) == {"frames"}
    assert (blind.visibility.read["slot"].share == evaluation.visibility.read["slot"].share).all()
    page = str(shown(Report("a run", NAMES, blind)))
    assert "What the latents hold, and who loses it" in page and "<th>frames</th>" not in page
    assert "<th>frames</th>" in str(shown(Report("a run", NAMES, evaluation)))


def test_labels_add_their_columns(evaluation):
    labelled = replace(evaluation.visibility, slot_r2={"a": 0.12}, latents_r2={"a": 0.34})
    page = str(shown(Report("a run", NAMES, replace(evaluation, visibility=labelled))))
    assert "0.12" in page and "0.34" in page and "n/a" in page, "b has no true value"


def test_warnings_reach_the_report(evaluation):
    noisy = replace(evaluation.visibility, noise_is_empty=True, never=("score",))
    report = Report("a run", NAMES, replace(evaluation, visibility=noisy))
    (warning,) = [each for each in report.all_warnings if "noise slot" in each]
    assert warning.startswith("no latent belongs to the noise slot") and "(score, or the background)" in warning


def test_nothing_without_sequences(given):
    alone = evaluated(replace(given, train=None, test=None), EvaluationSettings(target_steps=100))
    report = Report("a run", NAMES, alone)
    assert alone.visibility is None and shown(report) == "" and report.to_json()["visibility"] is None
