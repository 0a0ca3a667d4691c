"""The record of a run's training: which weights were kept, with what score, and whether it went on too long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from trisect.methods.recipe import Recipe

ROSE = 0.25
"""A held-out score rises clearly if it loses this share of what it had gained before its best."""
ROSE_OF_BEST = 0.1
"""It also does if it rises by this share of its best (or of 1 nat): the first score may have been far off."""


def facts(history: Mapping[str, Any], recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Stage -> its number of steps, the step whose weights were kept and their held-out score, and the best of both.

    Args:
        history: stage -> its record, as the engine stores it.
        recipe: for records of earlier versions, which do not name the weights that were kept.
    """
    return {stage: _facts(stage, record, recipe) for stage, record in history.items()}


def curves(history: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Training total and held-out score of every stage over its steps."""
    drawn = {}
    for stage, record in history.items():
        if record["terms"]:
            steps, terms = zip(*record["terms"])
            drawn[f"{stage}: training total"] = (np.array(steps), np.array([t["total"] for t in terms]))
        if record["scores"]:
            steps, scores = zip(*record["scores"])
            drawn[f"{stage}: held-out {record['criterion']}"] = (np.array(steps), np.array(scores))
    return drawn


def _facts(stage: str, record: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    last = keeps_last(stage, recipe)
    kept = record["steps"] if last else record["best_step"]
    return {
        "criterion": record["criterion"],
        "steps": record["steps"],
        "kept_step": kept,
        "kept_score": dict(map(tuple, record["scores"])).get(kept),
        "best_step": record["best_step"],
        "best_score": record["best_score"],
    }


def keeps_last(stage: str, recipe: Recipe) -> bool:
    """Whether the recipe keeps the last weights of a stage instead of the best."""
    training = getattr(recipe, _field(stage), None)
    return training is not None and training.keep == "last"


def _field(stage: str) -> str:
    """The field of a recipe with the training settings of a stage."""
    return f"{'variational' if stage == 'vae' else stage}_training"


def warnings(history: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """Sentences on stages whose held-out score became worse, and on weights that are not the best ones."""
    for stage, record in history.items():
        scores = [(int(step), float(score)) for step, score in record["scores"]]
        if scores and _rose(scores):
            yield _rising(stage, record, scores, last=keeps_last(stage, recipe))


def _rose(scores: list[tuple[int, float]]) -> bool:
    values = [score for _, score in scores]
    best = min(values)
    rise = max(values[values.index(best) :]) - best
    return rise > 1e-9 * abs(best) and rise > min(ROSE * (values[0] - best), ROSE_OF_BEST * max(1.0, abs(best)))


def _rising(stage: str, record: Mapping[str, Any], scores: list[tuple[int, float]], *, last: bool) -> str:
    best_step, best = min(scores, key=lambda pair: pair[1])
    worst_step, worst = max((pair for pair in scores if pair[0] >= best_step), key=lambda pair: pair[1])
    criterion = str(record["criterion"]).replace("_", " ")
    rise = (
        f"{stage}: the held-out {criterion} was lowest at step {best_step} ({_short(best)}) and rose to "
        f"{_short(worst)} at step {worst_step}"
    )
    if not last:
        return f"{rise}: longer training made the model worse; the weights of step {best_step} were kept"
    final_step, final = scores[-1]
    return (
        f"{rise}; keep='last' (--{_field(stage)}.keep last) kept the weights of step {final_step}, which score "
        f"{_short(final)}; keep='best' would keep those of step {best_step}"
    )


def _short(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else str(value)
