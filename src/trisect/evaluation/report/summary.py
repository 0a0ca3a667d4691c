"""The result in words: which variables were identified, in which slot, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trisect.evaluation.intervention_matrix import InterventionMatrix, interval
from trisect.evaluation.onsets import Onset, Switch
from trisect.evaluation.report.comparisons import comparisons
from trisect.evaluation.report.headline import labelled, unlabelled
from trisect.evaluation.report.separation import explained, separation
from trisect.evaluation.report.verdicts import IDENTIFIED, MOSTLY, apart, contradictions, verdicts
from trisect.evaluation.score_matrix import ScoreMatrix
from trisect.evaluation.shown import BEGINS, CERTAIN, GOES_ON, found_switches, onset_shows, settling
from trisect.evaluation.suite import Evaluation
from trisect.evaluation.visibility.blame import sentences as blamed
from trisect.models.closed_form.statement import FOUND


def sentences(evaluation: Evaluation) -> list[str]:
    """Plain sentences, the most important one first."""
    return list(_with_labels(evaluation) if evaluation.headline is not None else _without_labels(evaluation))


def _with_labels(evaluation: Evaluation) -> Iterator[str]:
    assert evaluation.headline is not None
    matrix = evaluation.headline.r2
    yield labelled(evaluation)
    yield from _groups(matrix)
    yield from separation(evaluation).others()
    yield from _not_separable(matrix)
    yield from explained(evaluation)
    yield from contradictions(evaluation)
    yield from _never(matrix)
    yield from _lasting(evaluation.label_free)
    yield from _blamed(evaluation)
    yield from comparisons(evaluation)


def _without_labels(evaluation: Evaluation) -> Iterator[str]:
    yield unlabelled(evaluation)
    yield "Interventions alone cannot show what else a slot contains, or how exactly it follows its variable."
    yield from (f"{each}." for each in evaluation.statements if each.verdict != FOUND)
    yield from separation(evaluation).others()
    yield from _lasting(evaluation.label_free)
    yield from _blamed(evaluation)
    matrix = evaluation.label_free
    if matrix is None or math.isnan(matrix.diag):
        return
    yield _own(matrix)
    if not math.isnan(matrix.off_diag):
        yield _others(matrix)


def _blamed(evaluation: Evaluation) -> list[str]:
    """A sentence on every variable of which something is lost: where, and what to do."""
    return blamed(evaluation.visibility) if evaluation.visibility is not None else []


def _own(matrix: InterventionMatrix) -> str:
    one = len(matrix.columns) == 1
    subject = "The slot of the only variable predicts its" if one else "On average, a slot predicts its own"
    start = f"{subject} interventions with AUROC {matrix.diag:.2f} (1 is best); the past alone predicts them with "
    gain, by_chance = matrix.own_gain, "" if math.isnan(matrix.p_diag) else f"; p = {matrix.p_diag:.3f}"
    adds = gain.low > 0 and not matrix.p_diag > CERTAIN
    end = "" if adds else ", so this is no sign that the slots contain their variables"
    return f"{start}{matrix.past_diag:.2f} (95 % interval of the difference {interval(gain)}{by_chance}){end}."


def _others(matrix: InterventionMatrix) -> str:
    gain, past = matrix.others_gain, matrix.off_diag - matrix.others_gain.value
    return (
        f"It predicts those of other variables with AUROC {matrix.off_diag:.2f} (best is no more than the past alone, "
        f"which reaches {past:.2f} on these steps; 95 % interval of the difference {interval(gain)})."
    )


def _lasting(matrix: InterventionMatrix | None) -> Iterator[str]:
    """What the slots of variables show whose interventions last for several steps."""
    for onset in matrix.onsets if matrix is not None else ():
        yield f"Interventions on {onset.variable} last for several steps: {_onset(matrix, onset)}."


def _onset(matrix: InterventionMatrix | None, onset: Onset) -> str:
    assert matrix is not None
    name, shows = onset.variable, onset_shows(matrix, onset.variable)
    pairs = (("begin", onset.begins), ("end", onset.ends))
    if shows == BEGINS:
        seen = [_switch(word, switch) for (word, switch), is_found in zip(pairs, found_switches(onset)) if is_found]
        return f"slot {name} shows when they {' and '.join(seen)}"
    if shows == GOES_ON:
        both = " or ".join(_switch(word, switch) for word, switch in pairs)
        return f"slot {name} does not show when they {both}, so at best that they go on"
    counts = f"{onset.begins.count} beginnings and {onset.ends.count} ends"
    needed = max(settling(onset.begins) or 0, settling(onset.ends) or 0)
    advice = f"; about {needed} of each would tell" if needed else ""
    return f"the {counts} among the held-out steps are too few to tell whether slot {name} shows them{advice}"


def _switch(word: str, switch: Switch) -> str:
    return f"{word} (AUROC {switch.auroc:.2f}; the past alone {switch.past:.2f})"


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


def _not_separable(matrix: ScoreMatrix) -> Iterator[str]:
    """A sentence where no slot predicts its own variable, so that there is nothing to separate."""
    own = [matrix[name, name] for name in matrix.rows[:-1] if name in matrix.columns]
    if len(matrix.columns) > 1 and not any(score >= MOSTLY for score in own):
        yield f"Separation cannot be scored: no slot predicts its own variable with an R2 of {MOSTLY:.2f}."


def _never(matrix: ScoreMatrix) -> Iterator[str]:
    never = [name for name in matrix.columns if name not in matrix.rows[:-1]]
    if not never:
        return
    noise = matrix.rows[-1]
    scores = ", ".join(f"{name} {apart(matrix[noise, name])}" for name in never if not math.isnan(matrix[noise, name]))
    yield (
        f"Never intervened on, and therefore not identifiable from interventions: {', '.join(never)}. If no step in "
        "the data replaces a variable's mechanism, nothing distinguishes it from the rest of the world: it belongs in "
        "the noise slot" + (f" (R2 there: {scores})." if scores else ".")
    )
