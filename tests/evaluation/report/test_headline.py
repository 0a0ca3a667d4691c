"""The first sentence: it counts what is identified, what leaks, and what the noise slot holds, and claims no more."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from trisect.evaluation.auroc import Gain
from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.onsets import Onset, Switch
from trisect.evaluation.report.headline import label_free_verdicts
from trisect.evaluation.report.page import render
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.summary import sentences
from trisect.evaluation.score_matrix import ScoreMatrix, Scores
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import Evaluation
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, Statement

NAMES = ("ball", "box", "fan")


def labelled(own: list[float], *wrong: tuple[str, str, float], never: bool = False) -> Evaluation:
    """As many variables as own scores, and entries (slot, variable, R2) in wrong slots; ``never``: also variable x."""
    rows = (*NAMES[: len(own)], "noise")
    columns = (*NAMES[: len(own)], "x") if never else NAMES[: len(own)]
    matrix = np.zeros((len(rows), len(columns)))
    matrix[range(len(own)), range(len(own))] = own
    for slot, name, value in wrong:
        matrix[rows.index(slot), columns.index(name)] = value
    both = ScoreMatrix(matrix, rows, columns)
    slots = Slots(np.eye(len(rows), dtype=bool), rows)
    return Evaluation(slots, {"long": Scores(both, both, "long")})


def headline(*args: object, **more: object) -> str:
    return sentences(labelled(*args, **more))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "wrong", "expected"),
    [
        (
            [0.97, 0.99, 0.96],
            [],
            "All 3 targeted variables are identified, each in its own slot. The slots are well sep",
        ),
        (
            [0.97, 0.99],
            [],
            "Both targeted variables are identified, each in its own slot. The slots are well separated:",
        ),
        (
            [0.97, 0.9, 0.2],
            [],
            "1 of the 3 targeted variables is identified. The slots are well separated: none predicts",
        ),
        ([0.1, 0.2], [], "None of the 2 targeted variables is identified."),
        ([0.1, 0.2, 0.3], [], "None of the 3 targeted variables is identified."),
        ([0.97], [], "The only targeted variable, ball, is identified"),
        ([0.85], [], "The only targeted variable, ball, is mostly identified"),
        ([float("nan")], [], "The only targeted variable, ball, could not be scored"),
        (
            [0.97, 0.99],
            [("ball", "box", 0.5), ("box", "ball", 0.4)],
            "Both targeted variables are identified, but no slot is separated from the others: slot ball also predicts "
            "box (R2 0.50), slot box also predicts ball (R2 0.40).",
        ),
        (
            [0.2, 0.1, 0.3],
            [("ball", "box", 0.5)],
            "None of the 3 targeted variables is identified. 1 of the 3 slots is not separated: slot ball predicts "
            "box better than box's slot does (R2 0.50 against 0.10).",
        ),
        ([0.97], [], "The only targeted variable, ball, is identified."),
        ([0.97], [("noise", "ball", 0.5)], "The only targeted variable, ball, is identified, but the noise slot also"),
    ],
)
def test_none_some_and_all_are_counted(own, wrong, expected) -> None:
    assert headline(own, *wrong).startswith(expected)


def test_content_that_is_never_intervened_on_is_no_part_of_a_minimal_slot() -> None:
    assert headline([0.97, 0.99], ("box", "x", 1.0), never=True) == (
        "Both targeted variables are identified, but 1 of the 2 slots is not separated: slot box also "
        "predicts x (R2 1.00)."
    )
    assert headline([0.97], ("ball", "x", 0.6), never=True) == (
        "The only targeted variable, ball, is identified, but slot ball also predicts x (R2 0.60)."
    )
    assert headline([0.97], never=True).endswith(
        "ball, is identified, and its slot does not predict another variable with an R2 above 0.10."
    )
    assert "well separated" in headline([0.97, 0.99], ("noise", "x", 0.99), never=True)


def test_every_leak_is_said_once() -> None:
    wrong = [(slot, name, 0.3) for slot, name in itertools.product((*NAMES, "noise"), NAMES) if slot != name]
    paragraph = " ".join(sentences(labelled([0.99] * 3, *wrong)))
    named = [f"{slot} also predicts {name} (" for slot in ("slot ball", "slot box") for name in NAMES]
    assert all(paragraph.count(each) <= 1 for each in named)
    assert "There is more leakage:" in paragraph and "and 3 more." in paragraph


def free(
    own: float, past: float, names: tuple[str, ...] = NAMES, count: int = 40, spread: float = 0.0
) -> InterventionMatrix:
    """Every own slot has this AUROC, every other that of the past; the difference has this standard error."""
    rows, num = (*names, "noise"), len(names)
    matrix = np.full((num + 1, num), past) + np.eye(num + 1, num) * (own - past)
    blocks = np.full((num + 1, num, 30), spread / np.sqrt(31)) * np.tile([1, -1], 15)
    counts = np.full(num, count)
    return InterventionMatrix(matrix, rows, names, np.full(num, past), blocks=blocks, counts=counts)


def unlabelled(matrix: InterventionMatrix | None, *statements: Statement) -> Evaluation:
    rows = (*(matrix.columns if matrix else NAMES), "noise")
    return Evaluation(Slots(np.eye(len(rows), dtype=bool), rows), label_free=matrix, statements=statements)


def statement(name: str, verdict: str, **more: object) -> Statement:
    facts = {"expected_r2": 0.95, "low": 0.9, "high": 0.98, "effect": 3.2, "p_value": 0.001, "num_interventions": 40}
    return Statement(name, verdict, **(facts | more))  # type: ignore[arg-type]


def test_without_true_values_nothing_is_called_identified() -> None:
    for evaluation in (
        unlabelled(free(0.96, 0.5)),
        unlabelled(free(0.96, 0.96)),
        unlabelled(free(0.6, 0.5, spread=0.2)),
    ):
        assert "identified" not in sentences(evaluation)[0]
    assert "all 3 variables are found." in sentences(unlabelled(free(0.96, 0.5)))[0]
    assert (
        "none of the 3 variables is found; cannot tell: ball, box, fan." in sentences(unlabelled(free(0.96, 0.96)))[0]
    )
    assert "none of the 3 variables is found; not there: ball, box, fan." in sentences(unlabelled(free(0.5, 0.5)))[0]
    (first, *_) = sentences(unlabelled(free(0.97, 0.5, names=("ball",))))
    assert first == "There are no ground-truth factors. By interventions alone, the only variable, ball, is found."
    (first, *_) = sentences(unlabelled(free(0.6, 0.5, names=("ball",), spread=0.2)))
    assert first.endswith("the only variable, ball, may or may not be found: the data cannot tell.")


def test_a_variable_that_another_slot_shows_is_not_said_to_be_nowhere() -> None:
    matrix = free(0.96, 0.5)
    matrix.matrix[1, 1], matrix.matrix[3, 1], matrix.matrix[2, 2] = 0.52, 0.93, 0.5
    (first, *_) = sentences(unlabelled(matrix))
    assert first == (
        "There are no ground-truth factors. By interventions alone, 1 of the 3 variables is found (ball); in "
        "another slot: box; not there: fan. But the noise slot predicts the interventions on box better than box's "
        "slot does (AUROC 0.93 against 0.52)."
    )


def test_a_variable_whose_statement_is_not_found_is_not_counted() -> None:
    tell = statement("fan", CANNOT_TELL, settling=90, reason="its effect is small")
    evaluation = unlabelled(free(0.96, 0.5), statement("ball", FOUND), statement("box", NOT_THERE, reason="x"), tell)
    found = sentences(evaluation)
    assert "1 of the 3 variables is found (ball); cannot tell: fan; not there: box." in found[0]
    assert any(
        "fan: cannot tell, because its effect is small; about 90 interventions instead of 40 would settle it" in each
        for each in found
    )
    assert label_free_verdicts(evaluation)["fan"].settling == 90


def test_a_statement_that_held_out_steps_do_not_bear_out_is_not_counted() -> None:
    evaluation = unlabelled(free(0.5, 0.5), *(statement(name, FOUND) for name in NAMES))
    assert "none of the 3 variables is found; cannot tell: ball, box, fan." in sentences(evaluation)[0]
    assert "on held-out steps its slot does not predict" in label_free_verdicts(evaluation)["ball"].reason


def test_statements_alone_make_a_headline() -> None:
    assert (
        "2 of the 3 variables are found (ball, box); cannot tell: fan."
        in sentences(
            unlabelled(
                None, statement("ball", FOUND), statement("box", FOUND), statement("fan", CANNOT_TELL, reason="x")
            )
        )[0]
    )
    assert sentences(unlabelled(None))[0].startswith(
        "There are no ground-truth factors and no held-out interventions, so"
    )


def test_no_slot_is_cleared_of_leakage_by_statements_alone() -> None:
    given = (statement("ball", FOUND), statement("box", FOUND), statement("fan", FOUND))
    assert "No slot is seen" not in sentences(unlabelled(None, *given))[0]
    assert "No slot is seen" in sentences(unlabelled(free(0.96, 0.5), *given))[0]


def test_a_leak_that_true_values_show_is_not_said_again_by_interventions() -> None:
    scored, matrix = labelled([0.97, 0.99, 0.98], ("ball", "box", 0.5)), free(0.96, 0.5)
    matrix.matrix[0, 1] = matrix.matrix[2, 1] = 0.9
    paragraph = " ".join(sentences(Evaluation(scored.slots, scored.probes, label_free=matrix)))
    assert "slot ball also predicts box (R2 0.50)" in paragraph and "slot fan also predicts the interv" in paragraph
    assert "slot ball also predicts the interventions" not in paragraph


def test_chance_may_explain_what_the_own_slots_add() -> None:
    matrix = replace(free(0.96, 0.5), p_diag=0.001)
    assert "no sign that the slots" not in " ".join(sentences(unlabelled(matrix)))
    paragraph = " ".join(sentences(unlabelled(replace(matrix, p_diag=0.2))))
    assert "p = 0.200), so this is no sign that the slots contain their variables" in paragraph


def test_the_advice_is_enough_for_beginnings_and_for_ends() -> None:
    begins = Switch(0.8, 0.5, Gain(0.3, -0.1, 0.7), 0.2, 10)
    ends = replace(begins, count=20)
    for pair in ((begins, ends), (ends, begins)):
        matrix = replace(free(0.96, 0.96), onsets=(Onset("ball", *pair),))
        assert "; about 40 of each would tell" in " ".join(sentences(unlabelled(matrix)))


def test_contradictions_between_statements_and_true_values_are_said() -> None:
    scored = labelled([0.3, 0.97, 0.99])
    given = (statement("ball", FOUND), statement("box", CANNOT_TELL, reason="x"), statement("fan", FOUND))
    found = sentences(Evaluation(scored.slots, scored.probes, statements=given))
    assert found[0].startswith("2 of the 3 targeted variables are identified"), "true values come first"
    modest = (statement("ball", FOUND, low=0.3), *given[1:])
    assert not any("show a direction" in each for each in sentences(replace(scored, statements=modest)))
    said = [each for each in found if "interventions" in each and "R2" in each]
    assert len(said) == 2
    assert said[0].startswith("The interventions on ball show a direction of their own (expected R2 0.95), but slot")
    assert said[1] == "The true values show more of box (R2 0.97) than its interventions do (cannot tell)."


def test_statements_are_in_the_report_and_on_the_page() -> None:
    tell = statement("fan", CANNOT_TELL, settling=90, reason="its effect is small")
    report = Report("run", NAMES, unlabelled(free(0.96, 0.5), statement("ball", FOUND), tell))
    stored = report.to_json()
    assert [Statement.from_json(each) for each in stored["statements"]] == list(report.evaluation.statements)
    assert stored["label_free_verdicts"]["fan"] == {
        "verdict": "cannot tell",
        "reason": "its effect is small",
        "settling": 90,
    }
    page = render(report)
    for expected in (
        "What the interventions show",
        "0.90\u00a0to\u00a00.98",
        "its effect is small; about 90 interventions",
    ):
        assert expected in page, expected
    assert Report("run", NAMES, unlabelled(free(0.96, 0.5))).to_json()["statements"] is None
    assert "What the interventions show" not in render(Report("run", NAMES, unlabelled(free(0.96, 0.5))))
