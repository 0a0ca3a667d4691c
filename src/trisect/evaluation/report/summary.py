"""The result in words: which variables were identified, in which slot, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trisect.evaluation.intervention_matrix import InterventionMatrix, interval
from trisect.evaluation.report.comparisons import comparisons
from trisect.evaluation.report.verdicts import (
    IDENTIFIED,
    LEAKS,
    MOSTLY,
    apart,
    dependent,
    leaks,
    verdicts,
)
from trisect.evaluation.score_matrix import ScoreMatrix
from trisect.evaluation.suite import Evaluation

NAMED = 3
"""Leaks that a sentence names; the rest are counted."""


def sentences(evaluation: Evaluation) -> list[str]:
    """Plain sentences, the most important one first."""
    return list(_with_labels(evaluation) if evaluation.headline is not None else _without_labels(evaluation))


def _with_labels(evaluation: Evaluation) -> Iterator[str]:
    assert evaluation.headline is not None
    matrix = evaluation.headline.r2
    yield _counted(evaluation, matrix)
    yield from _groups(matrix)
    yield from _leakage(evaluation, matrix)
    yield from _never(matrix)
    yield from comparisons(evaluation)


def _without_labels(evaluation: Evaluation) -> Iterator[str]:
    yield "There are no ground-truth factors, so this report cannot say which variable a slot contains."
    matrix = evaluation.label_free
    if matrix is None or math.isnan(matrix.diag):
        return
    yield _own(matrix)
    if not math.isnan(matrix.off_diag):
        yield _others(matrix)
    slots, noise = _parted([(leak[0], _told(matrix, *leak)) for leak in matrix.leaks()], matrix.rows)
    if slots:
        yield f"There is leakage: {_listed(slots)}."
    if noise:
        yield f"No variable with interventions belongs in the noise slot, but {_listed(noise)}."


def _own(matrix: InterventionMatrix) -> str:
    one = len(matrix.columns) == 1
    subject = "The slot of the only variable predicts its" if one else "On average, a slot predicts its own"
    start = f"{subject} interventions with AUROC {matrix.diag:.2f} (1 is best); the past alone predicts them with "
    gain = matrix.own_gain
    if gain.low > 0 and len(matrix.without_gain()) < len(matrix.columns):
        return f"{start}{matrix.past_diag:.2f} (95 % interval of the difference {interval(gain)})."
    return f"{start}{matrix.past_diag:.2f}, so this is no sign that the slots contain their variables."


def _others(matrix: InterventionMatrix) -> str:
    gain, past = matrix.others_gain, matrix.off_diag - matrix.others_gain.value
    return (
        f"It predicts those of other variables with AUROC {matrix.off_diag:.2f} (best is no more than the past alone, "
        f"which reaches {past:.2f} on these steps; 95 % interval of the difference {interval(gain)})."
    )


def _told(matrix: InterventionMatrix, slot: str, name: str) -> str:
    at = matrix.rows.index(slot), matrix.columns.index(name)
    return f"the interventions on {name} (AUROC {matrix.matrix[at]:.2f}; the past alone {matrix.past[at]:.2f})"


def _counted(evaluation: Evaluation, matrix: ScoreMatrix) -> str:
    targeted = [verdict for name, verdict in verdicts(matrix).items() if name in matrix.rows[:-1]]
    identified = targeted.count("identified")
    slots, noise = _found(evaluation, matrix)
    but = f", but {(slots or noise)[0]}" if slots or noise else ""
    if len(targeted) == 1:
        return f"The only targeted variable is {targeted[0]}{but}."
    if targeted and identified == len(targeted):
        every = f"{'Both' if identified == 2 else f'All {identified}'} targeted variables are identified"
        return f"{every}, but not separated: {slots[0]}." if slots else f"{every}, each in its own slot{but}."
    verb = "is" if identified < 2 else "are"
    unknown = targeted.count("not scored")
    but = f"; {unknown} could not be scored" if unknown else ""
    return f"{identified or 'None'} of the {len(targeted)} targeted variables {verb} identified{but}."


def _found(evaluation: Evaluation, matrix: ScoreMatrix) -> tuple[list[str], list[str]]:
    """What the variables' slots, and what the noise slot predicts and should not: R2 first, then interventions."""
    free = evaluation.label_free
    entries = [(leak.slot, f"{leak.variable} (R2 {leak.r2:.2f})") for leak in leaks(evaluation)]
    entries += [(leak[0], _told(free, *leak)) for leak in free.leaks()] if free is not None else []
    return _parted(entries, matrix.rows)


def _parted(entries: list[tuple[str, str]], rows: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Phrases on the variables' slots, and those on the noise slot."""
    slots = [f"slot {slot} also predicts {what}" for slot, what in entries if slot != rows[-1]]
    return slots, [f"the noise slot also predicts {what}" for slot, what in entries if slot == rows[-1]]


def _groups(matrix: ScoreMatrix) -> Iterator[str]:
    verdict_of = verdicts(matrix)
    openings = {
        "identified": "Identified (R2 of 0.95 or more)",
        "mostly identified": "Mostly identified (0.80 to 0.95)",
        "not identified": "Not identified (below 0.80)",
    }
    for verdict, opening in openings.items():
        names = [name for name, each in verdict_of.items() if each == verdict]
        if names:
            yield f"{opening}: {', '.join(f'{n} {apart(matrix[n, n], IDENTIFIED, MOSTLY)}' for n in names)}."
    undefined = [name for name, each in verdict_of.items() if each == "not scored"]
    if undefined:
        yield f"Not scored, because the true value does not vary: {', '.join(undefined)}."


def _leakage(evaluation: Evaluation, matrix: ScoreMatrix) -> Iterator[str]:
    slots, noise = _found(evaluation, matrix)
    if slots or len(matrix.columns) > 1:
        yield f"There is leakage: {_listed(slots)}." if slots else _no_leaks(matrix)
    if noise:
        yield f"No variable with interventions belongs in the noise slot, but {_listed(noise)}."
    if related := dependent(evaluation):
        named = ", ".join(f"{leak.variable} in slot {leak.slot} (R2 {leak.r2:.2f})" for leak in related)
        yield (
            f"The true values of some variables predict each other in the scored samples, which explains {named}: "
            "this does not count as leakage. Independent test samples (split test_indep) would tell."
        )


def _no_leaks(matrix: ScoreMatrix) -> str:
    none = f"none predicts another variable with an R2 above {LEAKS:.2f}"
    if any(matrix[name, name] >= MOSTLY for name in matrix.rows[:-1] if name in matrix.columns):
        return f"The slots are well separated: {none}."
    return f"Separation cannot be judged: {none}, but none predicts its own variable with an R2 of {MOSTLY:.2f} either."


def _never(matrix: ScoreMatrix) -> Iterator[str]:
    never = [name for name in matrix.columns if name not in matrix.rows[:-1]]
    if not never:
        return
    noise = matrix.rows[-1]
    scores = ", ".join(f"{name} {matrix[noise, name]:.2f}" for name in never if not math.isnan(matrix[noise, name]))
    yield (
        f"Never intervened on, and therefore not identifiable from interventions: {', '.join(never)}. If no step in "
        "the data replaces a variable's mechanism, nothing distinguishes it from the rest of the world: it belongs in "
        "the noise slot" + (f" (R2 there: {scores})." if scores else ".")
    )


def _listed(phrases: list[str]) -> str:
    """The first phrases; those on the noise slot name it only once."""
    first = phrases[:1] + [phrase.removeprefix("the noise slot also predicts ") for phrase in phrases[1:NAMED]]
    return ", ".join(first) + (f", and {len(phrases) - NAMED} more" if len(phrases) > NAMED else "")
