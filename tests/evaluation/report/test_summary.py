from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.evaluation.baselines import Baselines
from trisect.evaluation.chance import Chance
from trisect.evaluation.dependence import Dependence
from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.summary import sentences
from trisect.evaluation.report.verdicts import above_threshold, apart, dependent, leaks, verdicts
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
    assert paragraph.startswith(
        "1 of the 3 targeted variables is identified, but 1 of the 3 slots is not separated: slot a also predicts b "
        "(R2 0.40)."
    )
    assert (
        "Mostly identified (0.80 to 0.95): b 0.85." in paragraph and "Not identified (below 0.80): c 0.30." in paragraph
    )
    assert paragraph.count("slot a also predicts b") == 1, "once is enough"


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
    assert paragraph.startswith(
        "There are no ground-truth factors. By interventions alone, all 3 variables are found. No slot"
    )
    assert "cannot show what else a slot contains" in paragraph
    assert "AUROC 0.90" in paragraph and "0.50" in paragraph
    assert "identified" not in paragraph


def with_leaks(*entries: tuple[str, str, float], diag: float = 0.99) -> Scores:
    matrix = scores((diag, diag, diag)).r2.matrix.copy()
    for slot, variable, value in entries:
        matrix[ROWS.index(slot), COLUMNS.index(variable)] = value
    both = ScoreMatrix(matrix, ROWS, COLUMNS)
    return Scores(both, both, "long")


def interventions(*entries: tuple[str, str, float], past: float = 0.5) -> InterventionMatrix:
    matrix = np.full((4, 3), past) + np.eye(4, 3) * (0.98 - past)
    for slot, variable, value in entries:
        matrix[ROWS.index(slot), COLUMNS.index(variable)] = value
    return InterventionMatrix(matrix, ROWS, ROWS[:3], np.full(3, past))


def test_a_leak_is_in_the_headline() -> None:
    found = sentences(Evaluation(SLOTS, {"long": with_leaks(("c", "a", 1.0), ("b", "a", 0.3))}))
    assert found[0] == (
        "All 3 targeted variables are identified, but 2 of the 3 slots are not separated: slot c also predicts a "
        "(R2 1.00), slot b also predicts a (R2 0.30)."
    )
    assert not any("well separated" in sentence or "more leakage" in sentence for sentence in found)


def test_what_the_noise_slot_predicts_is_said() -> None:
    found = sentences(Evaluation(SLOTS, {"long": with_leaks(("noise", "b", 0.84))}))
    assert found[0] == "All 3 targeted variables are identified, but the noise slot also predicts b (R2 0.84)."
    fan = with_leaks(("noise", "b", 0.84), ("b", "b", -0.1))
    found = sentences(Evaluation(SLOTS, {"long": fan}))
    better = "the noise slot predicts b better than b's slot does (R2 0.84 against -0.10)"
    assert found[0] == f"2 of the 3 targeted variables are identified, but {better}."
    assert "Not identified (below 0.80): b -0.10." in found
    assert better in Report("run", COLUMNS, Evaluation(SLOTS, {"long": fan})).all_warnings


def test_a_variable_that_belongs_in_the_noise_slot_is_no_leak() -> None:
    assert "well separated" in text(Evaluation(SLOTS, {"long": with_leaks(("noise", "score", 0.99))}))


def test_interventions_that_another_slot_predicts_are_in_the_headline() -> None:
    free = interventions(("a", "b", 0.76), ("noise", "c", 0.7))
    found = sentences(Evaluation(SLOTS, {"long": with_leaks()}, label_free=free))
    leaks = (
        "1 of the 3 slots is not separated: slot a also predicts the interventions on b (AUROC 0.76; the past alone "
        "0.50), and the noise slot also predicts the interventions on c (AUROC 0.70; the past alone 0.50)."
    )
    assert found[0] == f"All 3 targeted variables are identified, but {leaks}"
    assert "well separated" not in " ".join(found)
    unlabelled = sentences(Evaluation(SLOTS, label_free=free))
    assert unlabelled[0].endswith(f"all 3 variables are found. But {leaks}")


def test_interventions_that_the_past_predicts_are_no_leak() -> None:
    free = interventions(("a", "b", 0.96), past=0.96)
    assert "each in its own slot" in text(Evaluation(SLOTS, {"long": with_leaks()}, label_free=free))


@pytest.mark.parametrize(("value", "leaks"), [(0.1, False), (0.1004, False), (0.105001, True), (0.11, True)])
def test_a_leak_is_never_printed_as_its_threshold(value: float, leaks: bool) -> None:
    paragraph = text(Evaluation(SLOTS, {"long": with_leaks(("a", "b", value))}))
    assert above_threshold(value) is leaks
    assert ("not separated: slot a also predicts b (R2 0.11)" in paragraph) is leaks
    assert ("none predicts another variable with an R2 above 0.10" in paragraph) is not leaks


def test_a_score_is_printed_on_its_side_of_the_edge() -> None:
    assert apart(0.9499, 0.95, 0.8) == "0.9499" and apart(0.9501, 0.95) == "0.95" and apart(0.7996, 0.8) == "0.7996"
    assert apart(-0.001, 0.8) == "0.00" and apart(1 - 1e-12, 1.0) == "1.000000"
    paragraph = text(Evaluation(SLOTS, {"long": scores((0.9496, 0.99, 0.99))}))
    assert "Mostly identified (0.80 to 0.95): a 0.9496." in paragraph


def test_slots_that_predict_nothing_are_not_separated() -> None:
    paragraph = text(Evaluation(SLOTS, {"long": scores((0.1, 0.0, -0.2))}))
    assert "Separation cannot be scored" in paragraph and "well separated" not in paragraph


def related(plain: float, beyond: float) -> Evaluation:
    """Slot a predicts b, whose true value that of a predicts with R2 .60."""
    truth, rest = (ScoreMatrix(np.eye(4), ROWS, COLUMNS) for _ in range(2))
    truth.matrix[0, 1], rest.matrix[0, 1] = 0.6, beyond
    probes = {"long": with_leaks(("a", "b", plain))}
    return Evaluation(SLOTS, probes, dependence=Dependence(truth, rest, rest), independent=False)


def test_related_variables_are_not_called_leakage() -> None:
    found = sentences(related(0.62, 0.02))
    assert found[0] == (
        "All 3 targeted variables are identified, each in its own slot. The slots are well separated: none predicts "
        "another variable with an R2 above 0.10 that its own variable does not explain."
    )
    assert any(
        "without leakage: b in slot a (R2 0.62, of which 0.02 goes beyond what the true a predicts)" in each
        for each in found
    )
    hidden = sentences(related(0.62, 0.2))
    assert hidden[0].endswith("slot a also predicts b (R2 0.62, 0.20 of it beyond what the true a predicts).")
    whole = sentences(related(0.62, 0.97))
    assert whole[0].endswith("slot a also predicts b (R2 0.62)."), "no more than there is"
    more = sentences(related(0.85, 0.2))
    assert more[0].endswith("slot a also predicts b (R2 0.85, 0.25 of it beyond what the true a predicts).")
    assert not any("without leakage" in each for each in more)


def test_a_recording_in_which_nothing_depends_is_scored_by_plain_leakage() -> None:
    truth, rest = (ScoreMatrix(np.eye(4), ROWS, COLUMNS) for _ in range(2))
    leaking = Evaluation(SLOTS, {"long": with_leaks(("a", "b", 0.3))}, dependence=Dependence(truth, rest, rest))
    for independent in (True, False):
        (first, *_) = sentences(replace(leaking, independent=independent))
        assert "slot a also predicts b (R2 0.30" in first
    beyond = Report("run", COLUMNS, leaking).to_json()["leakage_beyond"]
    assert beyond["matrix"][0][1] == pytest.approx(0.3) and beyond["sep_slots"] == pytest.approx(0.1)


def test_what_depends_counts_by_its_part_beyond_and_what_does_not_counts_whole() -> None:
    """R2 .62 of b in slot a, .02 of it beyond what the true a predicts."""
    recorded = related(0.62, 0.02)
    assert [leak.variable for leak in dependent(recorded)] == ["b"] and not leaks(recorded)
    drawn = replace(recorded, independent=True)
    assert not leaks(drawn), "also where samples should be independent, but true values predict each other"
    apart_, measured = related(0.62, 0.02), related(0.62, 0.02).dependence
    measured.truth.matrix[0, 1] = 0.0
    little = replace(apart_, dependence=measured)
    assert leaks(little)[0].size == pytest.approx(0.62) and leaks(replace(little, independent=True))[0].beyond is None
    assert leaks(little)[0].beyond is not None, "in a recording every R2 counts by its part beyond"


def test_the_noise_slot_leaks_whole_if_every_variable_has_a_slot() -> None:
    """No variable is left that it could stand for; otherwise the true values of those may explain what it predicts."""
    rows, columns = ROWS, COLUMNS[:3]
    noisy, truth, rest = (ScoreMatrix(np.eye(4, 3), rows, columns) for _ in range(3))
    noisy.matrix[3, 1] = 0.62
    truth.matrix[3, 1] = 0.6
    every = Evaluation(
        SLOTS, {"long": Scores(noisy, noisy, "long")}, dependence=Dependence(truth, rest, rest), independent=False
    )
    assert [(leak.slot, leak.beyond) for leak in leaks(every)] == [(ROWS[3], None)]


def test_above_chance_means_above_as_printed() -> None:
    for own, words in ((0.2149, "NOT above"), (0.2151, "which is above"), (0.1, "NOT above")):
        evaluation = Evaluation(SLOTS, {"long": with_leaks()}, chance=Chance(0.2051, 0.2, own, 0.2, 200, "ridge"))
        assert words in text(evaluation), own


def test_the_closed_form_is_not_its_own_baseline() -> None:
    base = Baselines({"closed form": scores((0.99, 0.99, 0.99)), "random encoder": scores((0.9, 0.9, 0.9))}, {}, "long")
    evaluation = Evaluation(SLOTS, {"long": with_leaks()}, base)
    assert "Simple baselines do as well" in text(evaluation) and "closed form (0.99)" in text(evaluation)
    assert "Simple baselines" not in text(
        Evaluation(SLOTS, {"long": with_leaks()}, base, equal_baselines=("closed form",))
    )


def test_shuffled_targets_that_do_as_well_are_a_warning() -> None:
    base = Baselines({"shuffled targets": scores((0.98, 0.99, 0.99))}, {}, "long")
    assert "Shuffled targets lead to a mean R2 of 0.99" in text(Evaluation(SLOTS, {"long": with_leaks()}, base))
    base = Baselines({"shuffled targets": scores((0.2, 0.3, 0.1))}, {}, "long")
    assert "Shuffled targets" not in text(Evaluation(SLOTS, {"long": with_leaks()}, base))


def test_one_variable_has_no_others() -> None:
    slots = Slots(np.eye(2, dtype=bool), ("a", "noise"))
    free = InterventionMatrix(np.array([[0.97], [0.5]]), ("a", "noise"), ("a",), np.array([0.5]))
    paragraph = text(Evaluation(slots, label_free=free))
    assert "The slot of the only variable predicts its interventions with AUROC 0.97" in paragraph
    assert "nan" not in paragraph and "other variables" not in paragraph
    matrix = ScoreMatrix(np.array([[0.99], [0.7]]), ("a", "noise"), ("a",))
    (first, *_) = sentences(Evaluation(slots, {"long": Scores(matrix, matrix, "long")}))
    assert first == "The only targeted variable, a, is identified, but the noise slot also predicts a (R2 0.70)."
    alone = ScoreMatrix(np.array([[0.99], [0.0]]), ("a", "noise"), ("a",))
    assert "separated" not in text(Evaluation(slots, {"long": Scores(alone, alone, "long")}))


def test_a_variable_without_a_score_is_not_counted_as_missed() -> None:
    paragraph = text(Evaluation(SLOTS, {"long": scores((float("nan"), 0.99, 0.99))}))
    assert paragraph.startswith("2 of the 3 targeted variables are identified; 1 could not be scored.")


def test_held_interventions_are_no_success_without_labels() -> None:
    held = np.full((4, 3), 0.92) + np.eye(4, 3) * 0.04
    past = np.full((4, 3), 0.92) + np.eye(4, 3) * 0.04
    paragraph = text(Evaluation(SLOTS, label_free=InterventionMatrix(held, ROWS, ROWS[:3], np.full(3, 0.96), (), past)))
    assert paragraph.startswith(
        "There are no ground-truth factors. By interventions alone, none of the 3 variables is found; "
        "cannot tell: a, b, c."
    )
    assert (
        "the past alone predicts them with 0.96 (95 % interval of the difference 0.00 to 0.00), so this is" in paragraph
    )
    assert "no sign that the slots contain their variables" in paragraph
    assert "the past alone, which reaches 0.92 on these steps" in paragraph


def test_undefined_scores_are_never_printed_as_nan() -> None:
    nothing = InterventionMatrix(np.full((4, 3), np.nan), ROWS, ROWS[:3], np.full(3, np.nan))
    paragraphs = [text(Evaluation(SLOTS, label_free=nothing))]
    paragraphs.append(text(Evaluation(SLOTS, {"long": scores((float("nan"), 0.9, 0.9))}, label_free=nothing)))
    assert not any("nan" in paragraph for paragraph in paragraphs)
