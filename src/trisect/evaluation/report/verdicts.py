"""Verdicts on variables and slots: what is identified, and what a slot predicts that does not belong in it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.score_matrix import ScoreMatrix
from trisect.evaluation.suite import Evaluation
from trisect.models.closed_form.statement import FOUND, Statement

IDENTIFIED = 0.95
MOSTLY = 0.80
LEAKS = 0.10  # a slot that predicts a wrong variable with a larger R2 leaks
BETTER = 0.05  # a slot is better than another if its R2 is so much larger
MOST_DIGITS = 6


class Leak(NamedTuple):
    """A slot, noise included, that predicts a variable that does not belong in it, and with what R2.

    Attributes:
        slot, variable: their names.
        r2: plain R2.
        beyond: the part of it that the true value of the slot's own variable does not predict, see `beyond_own`; None
            where variables are independent, so that all of ``r2`` is leakage.
    """

    slot: str
    variable: str
    r2: float
    beyond: float | None = None

    @property
    def size(self) -> float:
        """What counts as leakage."""
        return self.r2 if self.beyond is None else self.beyond


def verdicts(matrix: ScoreMatrix) -> dict[str, str]:
    """Variable -> verdict on its R2 in its own slot.

    "identified" from 0.95, "mostly identified" from 0.80, else "not identified"; "not scored" if the R2 is undefined.
    A variable without its own slot is "never intervened on".
    """
    scores = {name: matrix[name, name] if name in matrix.rows[:-1] else None for name in matrix.columns}
    return {name: _verdict(score) for name, score in scores.items()}


def leaks(evaluation: Evaluation) -> tuple[Leak, ...]:
    """Where slots predict wrong variables with an R2 above 0.10, the largest first.

    The noise slot counts too: it must not predict a variable that has a slot. Where the scored samples are not
    independent, or true values predict each other in them, an R2 counts only by its part beyond that.
    """
    found = (leak for leak in _suspects(evaluation) if above_threshold(leak.size))
    return tuple(sorted(found, key=lambda leak: -leak.size))


def dependent(evaluation: Evaluation) -> tuple[Leak, ...]:
    """Where slots predict wrong variables, but hardly more than the true values of their own variables do."""
    return tuple(leak for leak in _suspects(evaluation) if not above_threshold(leak.size))


def better_elsewhere(evaluation: Evaluation) -> tuple[Leak, ...]:
    """The leaks of slots that predict a variable clearly better than the variable's own slot does."""
    matrix = evaluation.headline.r2 if evaluation.headline else None
    return tuple(leak for leak in leaks(evaluation) if matrix is not None and _is_better(matrix, leak))


def better_sentences(evaluation: Evaluation) -> list[str]:
    """Sentences on the slots, noise included, that predict a variable better than its own slot does."""
    if evaluation.headline is None:
        free = evaluation.label_free
        return [interventions_elsewhere(free, *leak) for leak in free.elsewhere()] if free is not None else []
    return [elsewhere(evaluation.headline.r2, leak) for leak in better_elsewhere(evaluation)]


def elsewhere(matrix: ScoreMatrix, leak: Leak) -> str:
    """A clause that compares a slot with the variable's own slot."""
    own, name = matrix[leak.variable, leak.variable], leak.variable
    slot = called(matrix.rows, leak.slot)
    return f"{slot} predicts {name} better than {name}'s slot does (R2 {leak.r2:.2f} against {own:.2f})"


def interventions_elsewhere(matrix: InterventionMatrix, slot: str, name: str) -> str:
    """The same by the interventions on the variable."""
    value, own = (matrix.matrix[matrix.place(each, name)] for each in (slot, name))
    return (
        f"{called(matrix.rows, slot)} predicts the interventions on {name} better than {name}'s slot does "
        f"(AUROC {value:.2f} against {own:.2f})"
    )


def called(rows: tuple[str, ...], slot: str) -> str:
    """What a slot is called in sentences."""
    return "the noise slot" if slot == rows[-1] else f"slot {slot}"


def contradictions(evaluation: Evaluation) -> list[str]:
    """Sentences where what the interventions show of a variable and its true values disagree."""
    matrix = evaluation.headline.r2 if evaluation.headline else None
    if matrix is None:
        return []
    scored = [each for each in evaluation.statements if each.variable in set(matrix.rows[:-1]) & set(matrix.columns)]
    return [text for each in scored if (text := _contradiction(each, matrix[each.variable, each.variable]))]


def _contradiction(statement: Statement, own: float) -> str:
    name = statement.variable
    if statement.verdict == FOUND and own < min(MOSTLY, statement.low - BETTER):
        return (
            f"The interventions on {name} show a direction of their own (expected R2 {statement.expected_r2:.2f}), but "
            f"slot {name} predicts the true {name} with R2 {own:.2f} only: the direction is not what it should be."
        )
    if statement.verdict != FOUND and own >= MOSTLY:
        return f"The true values show more of {name} (R2 {own:.2f}) than its interventions do ({statement.verdict})."
    return ""


def above_threshold(r2: float) -> bool:
    """Whether an R2, as it is printed, is above the threshold for leakage."""
    return round(r2, 2) > LEAKS


def apart(value: float, *edges: float) -> str:
    """The value with two digits, or with as many as show on which side of the nearest edge it lies.

    Example:
        >>> apart(0.9496, 0.95), apart(0.93, 0.95)
        ('0.9496', '0.93')
    """
    for digits in range(2, MOST_DIGITS):
        shown = round(value, digits)
        if all((shown >= edge) == (value >= edge) for edge in edges):
            return f"{shown:.{digits}f}".replace("-0.00", "0.00")
    return f"{value:.{MOST_DIGITS}f}"


def _verdict(score: float | None) -> str:
    if score is None:
        return "never intervened on"
    if math.isnan(score):
        return "not scored"
    if score >= IDENTIFIED:
        return "identified"
    return "mostly identified" if score >= MOSTLY else "not identified"


def _wrong(matrix: ScoreMatrix) -> list[tuple[str, str]]:
    """Slots and the variables that do not belong in them; those without a slot belong in the noise slot."""
    slots, noise = matrix.rows[:-1], matrix.rows[-1]
    wrong = [(slot, name) for slot in slots for name in matrix.columns if name != slot]
    return wrong + [(noise, name) for name in matrix.columns if name in slots]


def _suspects(evaluation: Evaluation) -> list[Leak]:
    """The entries of wrong slots whose plain R2 is above the threshold."""
    matrix = evaluation.headline.r2 if evaluation.headline else None
    if matrix is None:
        return []
    beyond = beyond_own(evaluation)
    entries = [
        Leak(*at, matrix[at], beyond[at] if beyond is not None and depends(evaluation, *at) else None)
        for at in _wrong(matrix)
    ]
    return [leak for leak in entries if above_threshold(leak.r2)]


def beyond_own(evaluation: Evaluation) -> ScoreMatrix | None:
    """What slots predict of variables beyond what the true values of their own variables predict.

    The larger of two lower bounds of it: what the quick probe reads of the rest (`Dependence.beyond`), and the headline
    probe's R2 minus that of the true values; but no more than the headline probe's R2. None without true values.
    """
    measured, headline = evaluation.dependence, evaluation.headline
    if measured is None or headline is None:
        return None
    above = headline.r2.matrix - np.clip(measured.truth.matrix, 0.0, None)
    larger = np.minimum(np.fmax(measured.beyond.matrix, above), headline.r2.matrix)
    return replace(measured.beyond, matrix=np.clip(larger, 0.0, None))


def depends(evaluation: Evaluation, slot: str, name: str) -> bool:
    """Whether the true values of a slot's own variables may predict another variable in the scored samples."""
    measured = evaluation.dependence
    never = measured is not None and set(measured.truth.columns) - set(evaluation.slots.variables)
    if measured is None or (slot == evaluation.slots.names[-1] and not never):
        return False
    return not evaluation.independent or above_threshold(measured.truth[slot, name])


def _is_better(matrix: ScoreMatrix, leak: Leak) -> bool:
    own = matrix[leak.variable, leak.variable] if leak.variable in matrix.rows[:-1] else math.nan
    return leak.r2 > own + BETTER
