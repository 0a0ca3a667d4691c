"""Sentences that compare a model's scores with those of chance and of simple baselines."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trisect.evaluation.suite import Evaluation

AS_GOOD = 0.01  # a baseline whose mean R2 is at most this far below the model's does as well
SIMPLE = ("random encoder", "principal components", "closed form")


def comparisons(evaluation: Evaluation) -> Iterator[str]:
    """Whether the assignment is better than chance, and which simple baselines do as well."""
    yield from _chance(evaluation)
    yield from _beaten(evaluation)
    yield from _shuffled(evaluation)


def _chance(evaluation: Evaluation) -> Iterator[str]:
    by_chance = evaluation.chance
    if by_chance is None or math.isnan(by_chance.r2):
        return
    above = "above" if round(by_chance.own_r2, 2) > round(by_chance.r2, 2) else "NOT above"
    yield (
        f"Assigning the same latents to slots at random reaches a mean R2 of {by_chance.r2:.2f} (95th percentile). "
        f"The model's assignment reaches {by_chance.own_r2:.2f} with the same quick probe, which is {above} chance."
    )


def _beaten(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.baselines is None:
        return
    model = evaluation.probes.get(evaluation.baselines.probe, evaluation.headline)
    assert model is not None
    names = [name for name in SIMPLE if name not in evaluation.equal_baselines]
    scores = {name: entry.r2.diag for name, entry in evaluation.baselines.scores.items() if name in names}
    as_good = [f"{name} ({score:.2f})" for name, score in scores.items() if score > model.r2.diag - AS_GOOD]
    if as_good:
        yield (
            f"Simple baselines do as well (mean R2 of variables in their own slots): {', '.join(as_good)}. The model "
            f"reaches {model.r2.diag:.2f} with the same probe."
        )


def _shuffled(evaluation: Evaluation) -> Iterator[str]:
    """A warning if targets without meaning lead to the same score as the true ones."""
    control = evaluation.baselines.scores.get("shuffled targets") if evaluation.baselines else None
    if control is None or evaluation.baselines is None:
        return
    model = evaluation.probes.get(evaluation.baselines.probe, evaluation.headline)
    assert model is not None
    if control.r2.diag > model.r2.diag - AS_GOOD:
        yield (
            f"Shuffled targets lead to a mean R2 of {control.r2.diag:.2f}, no less than the model's "
            f"{model.r2.diag:.2f}: these scores do not show that the model used the interventions."
        )
