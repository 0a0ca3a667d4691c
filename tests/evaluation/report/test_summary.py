from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.baselines import Baselines
from trisect.evaluation.chance import Chance
from trisect.evaluation.label_free import InterventionMatrix
from trisect.evaluation.report.summary import sentences, verdicts
from trisect.evaluation.score_matrix import ScoreMatrix, Scores
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import Evaluation

ROWS, COLUMNS = ("a", "b", "c", "noise"), ("a", "b", "c", "score")
SLOTS = Slots(np.eye(4, dtype=bool), ROWS)


def scores(diag: tuple[float, float, float], leak: float = 0.0, probe: str = "long") -> Scores:
    matrix = np.zeros((4, 4))
    matrix[range(3), range(3)] = diag
    matrix[0, 1], matrix[3, 3] = leak, 0.9
    both = ScoreMatrix(matrix, ROWS, COLUMNS)
    return Scores(both, both, probe)


def text(evaluation: Evaluation) -> str:
    return " ".join(sentences(evaluation))


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(1.0, "identified"), (0.95, "identified"), (0.949, "mostly identified"), (0.8, "mostly identified"),
     (0.799, "not identified"), (-3.0, "not identified"), (float("nan"), "not scored")],
)  # fmt: skip
def test_thresholds(score, verdict):
    assert verdicts(scores((score, 1, 1)).r2) == {
        "a": verdict, "b": "identified", "c": "identified", "score": "never intervened on"
    }  # fmt: skip


def test_all_identified():
    paragraph = text(Evaluation(SLOTS, {"long": scores((0.99, 0.98, 0.97))}))
    assert paragraph.startswith("All 3 targeted variables are identified, each in its own slot.")
    assert "none predicts another variable with an R2 above 0.10" in paragraph
    assert (
        "score. If no step in the data replaces a variable's mechanism" in paragraph
        and "noise slot (R2 there: score 0.90)" in paragraph
    )


def test_low_is_called_low():
    paragraph = text(Evaluation(SLOTS, {"long": scores((0.99, 0.85, 0.3), leak=0.4)}))
    assert paragraph.startswith("1 of the 3 targeted variables is identified.")
    assert (
        "Mostly identified (0.80 to 0.95): b 0.85." in paragraph and "Not identified (below 0.80): c 0.30." in paragraph
    )
    assert "There is leakage: slot a also predicts b (R2 0.40)." in paragraph


def test_chance_and_better_baselines_are_reported():
    base = Baselines({"principal components": scores((0.9, 0.9, 0.9), probe="ridge")}, {}, "ridge")
    probes = {"ridge": scores((0.2, 0.2, 0.2), probe="ridge"), "long": scores((0.3, 0.3, 0.3))}
    paragraph = text(Evaluation(SLOTS, probes, base, Chance(0.25, 0.3, 0.2, 0.2, 200, "ridge")))
    assert paragraph.startswith("None of the 3") and "NOT above chance" in paragraph
    assert (
        "Simple baselines do as well (mean R2 of variables in their own slots): principal components (0.90)."
        in paragraph
    )


def test_without_labels():
    matrix = InterventionMatrix(np.eye(4, 3) * 0.4 + 0.5, ROWS, ROWS[:3], np.full(3, 0.5))
    paragraph = text(Evaluation(SLOTS, label_free=matrix))
    assert (
        paragraph.startswith("There are no ground-truth factors") and "AUROC 0.90" in paragraph and "0.50" in paragraph
    )
