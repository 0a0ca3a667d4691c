"""The result in words: which variables were identified, in which slot, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trisect.evaluation.score_matrix import ScoreMatrix
from trisect.evaluation.suite import Evaluation

IDENTIFIED = 0.95
MOSTLY = 0.80
LEAKS = 0.10  # a slot that predicts a wrong variable with a larger R2 leaks
AS_GOOD = 0.01  # a baseline whose mean R2 is at most this far below the model's does as well


def verdicts(matrix: ScoreMatrix) -> dict[str, str]:
    """Variable -> verdict on its R2 in its own slot.

    "identified" from 0.95, "mostly identified" from 0.80, else "not identified"; "not scored" if the R2 is undefined.
    A variable without its own slot is "never intervened on".
    """
    scores = {name: matrix[name, name] if name in matrix.rows[:-1] else None for name in matrix.columns}
    return {name: _verdict(score) for name, score in scores.items()}


def sentences(evaluation: Evaluation) -> list[str]:
    """Plain sentences, the most important one first."""
    return list(_with_labels(evaluation) if evaluation.headline is not None else _without_labels(evaluation))


def _verdict(score: float | None) -> str:
    if score is None:
        return "never intervened on"
    if math.isnan(score):
        return "not scored"
    if score >= IDENTIFIED:
        return "identified"
    return "mostly identified" if score >= MOSTLY else "not identified"


def _with_labels(evaluation: Evaluation) -> Iterator[str]:
    assert evaluation.headline is not None
    matrix = evaluation.headline.r2
    yield _counted(matrix)
    yield from _groups(matrix)
    yield _leakage(matrix)
    yield from _noise(matrix)
    yield from _chance(evaluation)
    yield from _beaten(evaluation)


def _without_labels(evaluation: Evaluation) -> Iterator[str]:
    yield "There are no ground-truth factors, so this report cannot say which variable a slot contains."
    if evaluation.label_free is None:
        return
    yield (
        f"On average, a slot predicts its own interventions with AUROC {evaluation.label_free.diag:.2f} (1 is best) "
        f"and those of other variables with AUROC {evaluation.label_free.off_diag:.2f} (0.5 is best)."
    )


def _counted(matrix: ScoreMatrix) -> str:
    targeted = [verdict for name, verdict in verdicts(matrix).items() if name in matrix.rows[:-1]]
    identified = targeted.count("identified")
    if len(targeted) == 1:
        return f"The only targeted variable is {targeted[0]}."
    if targeted and identified == len(targeted):
        every = "Both" if identified == 2 else f"All {identified}"
        return f"{every} targeted variables are identified, each in its own slot."
    verb = "is" if identified < 2 else "are"
    return f"{identified or 'None'} of the {len(targeted)} targeted variables {verb} identified."


def _groups(matrix: ScoreMatrix) -> Iterator[str]:
    verdict_of = verdicts(matrix)
    openings = {
        "identified": "Identified (R2 of 0.95 or more)",
        "mostly identified": "Mostly identified (0.80 to 0.95)",
    }
    openings |= {"not identified": "Not identified (below 0.80)"}
    for verdict, opening in openings.items():
        named = [f"{name} {matrix[name, name]:.2f}" for name, each in verdict_of.items() if each == verdict]
        if named:
            yield f"{opening}: {', '.join(named)}."
    undefined = [name for name, each in verdict_of.items() if each == "not scored"]
    if undefined:
        yield f"Not scored, because the true value does not vary: {', '.join(undefined)}."


def _leakage(matrix: ScoreMatrix) -> str:
    wrong = [(matrix[slot, name], slot, name) for slot in matrix.rows[:-1] for name in matrix.columns if name != slot]
    leaks = sorted((entry for entry in wrong if entry[0] > LEAKS), reverse=True)
    if not leaks:
        return f"The slots are well separated: none predicts another variable with an R2 above {LEAKS:.2f}."
    largest = ", ".join(f"slot {slot} also predicts {name} (R2 {score:.2f})" for score, slot, name in leaks[:3])
    return f"There is leakage: {largest}{', and more' if len(leaks) > 3 else ''}."


def _noise(matrix: ScoreMatrix) -> Iterator[str]:
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


def _chance(evaluation: Evaluation) -> Iterator[str]:
    by_chance = evaluation.chance
    if by_chance is None or math.isnan(by_chance.r2):
        return
    above = "above" if by_chance.own_r2 > by_chance.r2 else "NOT above"
    yield (
        f"Assigning the same latents to slots at random reaches a mean R2 of {by_chance.r2:.2f} (95th percentile). "
        f"The model's assignment reaches {by_chance.own_r2:.2f} with the same quick probe, which is {above} chance."
    )


def _beaten(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.baselines is None:
        return
    model = evaluation.probes.get(evaluation.baselines.probe, evaluation.headline)
    assert model is not None
    names = ("random encoder", "principal components", "closed form")
    scores = {name: entry.r2.diag for name, entry in evaluation.baselines.scores.items() if name in names}
    as_good = [f"{name} ({score:.2f})" for name, score in scores.items() if score > model.r2.diag - AS_GOOD]
    if as_good:
        yield f"Simple baselines do as well (mean R2 of variables in their own slots): {', '.join(as_good)}."
