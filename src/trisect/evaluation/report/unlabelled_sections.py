"""The sections of a page on what interventions show without true values: the closed form's statements, and scores."""

from __future__ import annotations

import math

from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.report import figures
from trisect.evaluation.report.headline import label_free_verdicts
from trisect.evaluation.report.parts import amount, between, bullets, mark, number, paragraph, picture, section, table
from trisect.evaluation.report.report import Report
from trisect.evaluation.shown import shown
from trisect.evaluation.suite import Evaluation
from trisect.markup import Markup, element, joined
from trisect.models.closed_form.statement import FOUND, Statement


def statements(report: Report) -> Markup | str:
    """What the closed form says of each variable, from the interventions of the training data."""
    given = report.evaluation.statements
    if not given:
        return ""
    note = (
        "From the training data alone, without true values. Found: the direction that the interventions move is known "
        "up to an error that the data bound. Cannot tell: they are too few, or their effect is too small or entangled. "
        "Not there: they are many enough, and move nothing."
    )
    expected = joined(["expected R", element("sup", "2")])
    effect = "effect (nats)"
    head = (
        "variable",
        "verdict",
        expected,
        "95 % interval",
        effect,
        "p",
        "interventions",
        "why, and what would settle it",
    )
    return section("What the interventions show", paragraph(note), table(head, [_statement(each) for each in given]))


def _statement(each: Statement) -> list[object]:
    why = "; ".join(part for part in (each.reason, each.advice) if part)
    interval = between((each.low, each.high))
    values = [
        number(each.expected_r2),
        interval,
        amount(each.effect),
        chance(each.p_value),
        str(each.num_interventions),
    ]
    return [each.variable, mark(each.verdict), *values, why]


def chance(p_value: float) -> str:
    """A p-value; empty if there is none."""
    return "" if math.isnan(p_value) else f"{p_value:.3f}"


def label_free(report: Report) -> Markup | str:
    """What can be said without labels."""
    matrix = report.evaluation.label_free
    if matrix is None:
        return ""
    note = (
        "No ground truth is used here. Each entry says how well a classifier predicts interventions on the column's "
        "variable from the previous frame and the row's slot (AUROC on held-out transitions). Best is 1 on the "
        "diagonal, and elsewhere what the previous frame alone reaches: 0.5 if targets do not depend on the past. p: "
        "how often a slot that adds nothing to the past would do as well by chance."
    )
    png = figures.matrix_figure(matrix.matrix, matrix.rows, matrix.columns, (0.5, 1.0))
    alt = f"AUROC of interventions on every variable (columns) from every slot (rows); own slots {number(matrix.diag)}."
    pictures = element("div", picture(png, "AUROC", alt), _gains(report.evaluation, matrix), class_="figures")
    return section("Without labels", paragraph(note), pictures, bullets(_facts(report.evaluation, matrix)))


def _gains(evaluation: Evaluation, matrix: InterventionMatrix) -> Markup:
    """The past's AUROC for every target, and what the own slot adds to it."""
    rows, verdict_of = [], label_free_verdicts(evaluation)
    for name in matrix.columns:
        at, gain = matrix.place(name, name), matrix.gain(name, name)
        p_value = float(matrix.p_values[at])
        added = [number(float(matrix.past[at])), number(gain.value), between((gain.low, gain.high)), chance(p_value)]
        rows.append([name, mark(verdict_of[name].verdict) if name in verdict_of else "", *added])
    return table(("variable", "verdict", "the past alone", "the own slot adds", "95 % interval", "p"), rows)


def _facts(evaluation: Evaluation, matrix: InterventionMatrix) -> list[str]:
    facts = []
    if evaluation.nll is not None:
        facts.append(f"Held-out negative log-likelihood: {evaluation.nll:.3f} nats per transition.")
    if evaluation.confidence is not None:
        facts.append(_certainty(evaluation, matrix))
    return facts


def _certainty(evaluation: Evaluation, matrix: InterventionMatrix) -> str:
    """The probabilities of the assignment, unless they are those of slots that contain nothing."""
    assert evaluation.confidence is not None
    silent = (name for name, each in shown(matrix).items() if each.verdict != FOUND)
    nothing = list(dict.fromkeys([*evaluation.slots.empty(), *silent]))
    if nothing:
        return (
            "How certain the assignment is says nothing here, because these slots are not seen to add to what the past "
            f"says of their interventions: {', '.join(nothing)}."
        )
    return (
        f"A latent's most probable slot has a probability of {evaluation.confidence['mean']:.2f} on average and of at "
        f"least {evaluation.confidence['min']:.2f}."
    )
