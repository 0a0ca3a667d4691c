"""Verdicts on variables and slots: what is identified, and what a slot predicts that does not belong in it."""

from __future__ import annotations

import math
from typing import NamedTuple

from trisect.evaluation.score_matrix import ScoreMatrix
from trisect.evaluation.suite import Evaluation

IDENTIFIED = 0.95
MOSTLY = 0.80
LEAKS = 0.10  # a slot that predicts a wrong variable with a larger R2 leaks
MOST_DIGITS = 6


class Leak(NamedTuple):
    """A slot, noise included, that predicts a variable that does not belong in it, and with what R2."""

    slot: str
    variable: str
    r2: float


def verdicts(matrix: ScoreMatrix) -> dict[str, str]:
    """Variable -> verdict on its R2 in its own slot.

    "identified" from 0.95, "mostly identified" from 0.80, else "not identified"; "not scored" if the R2 is undefined.
    A variable without its own slot is "never intervened on".
    """
    scores = {name: matrix[name, name] if name in matrix.rows[:-1] else None for name in matrix.columns}
    return {name: _verdict(score) for name, score in scores.items()}


def leaks(evaluation: Evaluation) -> tuple[Leak, ...]:
    """Where slots predict wrong variables with an R2 above 0.10, the largest first.

    The noise slot counts too: it must not predict a variable that has a slot. Where the true values of the variables
    predict each other in the scored samples, an R2 counts only by what it exceeds that.
    """
    matrix = evaluation.headline.r2 if evaluation.headline else None
    if matrix is None:
        return ()
    entries = (Leak(slot, name, matrix[slot, name]) for slot, name in _wrong(matrix))
    above = [leak for leak in entries if above_threshold(leak.r2 - _expected(evaluation, leak.slot, leak.variable))]
    return tuple(sorted(above, key=lambda leak: -leak.r2))


def dependent(evaluation: Evaluation) -> tuple[Leak, ...]:
    """Where slots predict wrong variables, but no more than the true values of their own variables do."""
    matrix = evaluation.headline.r2 if evaluation.headline else None
    if matrix is None:
        return ()
    entries = [Leak(slot, name, matrix[slot, name]) for slot, name in _wrong(matrix)]
    found = leaks(evaluation)
    return tuple(leak for leak in entries if above_threshold(leak.r2) and leak not in found)


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


def _expected(evaluation: Evaluation, slot: str, name: str) -> float:
    """R2 that a slot with its own variable and nothing else has, because the variables are related."""
    value = evaluation.dependence[slot, name] if evaluation.dependence is not None else 0.0
    return value if value > LEAKS else 0.0
