"""Correlation matrices: how well each variable can be predicted from each slot (Lippe et al., ICML 2022, section 6).

Half of an independent test set trains a probe per slot, the other half is scored. Rows are slots, columns are all
variables, matched **by name**; the score of a variable with several factors is their mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.evaluation import scores
from trisect.evaluation.probes.read_out import Probe, ReadOut
from trisect.evaluation.score_matrix import Read, ScoreMatrix, Scores, Truth, mean
from trisect.evaluation.slots import Slots

ENOUGH_ROWS = 1000  # with fewer, scores differ visibly between halves and probes overfit
MAX_READ = 400
"""Samples per factor that are kept to be drawn."""


def correlation(
    latents: Float[np.ndarray, "samples latents"], slots: Slots, truth: Truth, probe: Probe, rng: np.random.Generator
) -> Scores:
    """Score every variable in every slot.

    Args:
        latents: latents of an independent test set, in any order.
        slots: assigns the latents to slots.
        truth: factors of the same samples.
        probe: one of `trisect.evaluation.probes.probe.PROBES`.
        rng: splits the samples into halves and trains the probe; nothing else is random.

    Raises:
        ValueError: the latents contain NaN or infinity, or the shapes do not match.
    """
    return correlations({"model": (latents, slots)}, truth, probe, rng)["model"]


def correlations(
    readings: Mapping[str, tuple[np.ndarray, Slots]], truth: Truth, probe: Probe, rng: np.random.Generator
) -> dict[str, Scores]:
    """`correlation` for several sets of latents of the same samples, with a single training of the probe.

    Args:
        readings: name -> (latents, slots).
        truth, probe, rng: as in `correlation`.
    """
    for name, (latents, slots) in readings.items():
        _check(latents, slots, truth, name)
    train, test = halves(len(truth.factors), rng)
    sets = _distinct_sets(readings)
    predictions = _predict([readings[name][0][:, list(used)] for name, used in sets], truth, (train, test), probe, rng)
    prediction_of = dict(zip(sets, predictions))
    scored = Truth(truth.factors[test], truth.variables)
    return {name: _score(prediction_of, name, slots, scored, probe.name) for name, (_, slots) in readings.items()}


def mean_scores(runs: Sequence[Scores]) -> Scores:
    """Entry-wise mean of the scores of several runs with the same rows and columns; NaN stays NaN."""
    first = runs[0]
    r2, spearman = (
        replace(getattr(first, name), matrix=np.mean([getattr(run, name).matrix for run in runs], axis=0))
        for name in ("r2", "spearman")
    )
    return replace(first, r2=r2, spearman=spearman)


def halves(num_rows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers of a random half for training and of the other half for testing."""
    checks.positive_int(num_rows, "the number of samples to score", 4)
    order = rng.permutation(num_rows)
    return order[: num_rows // 2], order[num_rows // 2 :]


def standardised(latents: np.ndarray, train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both halves, standardised by the training half's mean and deviation; a constant latent becomes 0."""
    mean_, deviation = latents[train].mean(axis=0, dtype=np.float64), latents[train].std(axis=0, dtype=np.float64)
    varies = deviation > 1e-7 * np.abs(mean_)
    scaled = np.where(varies, (latents - mean_) / np.where(varies, deviation, 1.0), 0.0).astype(np.float32)
    return scaled[train], scaled[test]


def score_columns(prediction: np.ndarray, truth: Truth, score: scores.Score) -> Float[np.ndarray, " variables"]:
    """One score per variable, the mean of its factors' defined scores; NaN if none is defined."""
    per_factor = [
        score(prediction[:, column], truth.factors[:, column], factor)
        for column, factor in enumerate(truth.variables.factors)
    ]
    names = truth.variables.names
    return np.array([mean(per_factor[k] for k in truth.variables.factor_columns(name)) for name in names])


def _check(latents: np.ndarray, slots: Slots, truth: Truth, name: str) -> None:
    checks.shape(latents, f"the latents of '{name}'", len(truth.factors), slots.num_latents)
    checks.finite(latents, f"the latents of '{name}'")


def _distinct_sets(readings: Mapping[str, tuple[np.ndarray, Slots]]) -> list[tuple[str, tuple[int, ...]]]:
    keys = (
        (name, tuple(slots.columns(slot).tolist())) for name, (_, slots) in readings.items() for slot in slots.names
    )
    return [key for key in dict.fromkeys(keys) if key[1]]


def _predict(
    sets: list[np.ndarray],
    truth: Truth,
    split: tuple[np.ndarray, np.ndarray],
    probe: Probe,
    rng: np.random.Generator,
) -> np.ndarray:
    if not sets:
        return np.empty((0, len(split[1]), len(truth.variables.factors)))
    scaled = [standardised(part, *split) for part in sets]
    train, test = tuple(pair[0] for pair in scaled), tuple(pair[1] for pair in scaled)
    return probe.predict(ReadOut(train, test, truth.factors[split[0]], truth.variables.factors), rng)


def _score(
    prediction_of: Mapping[tuple[str, tuple[int, ...]], np.ndarray], name: str, slots: Slots, truth: Truth, probe: str
) -> Scores:
    zeros = np.zeros_like(truth.factors)
    keys = [(name, tuple(slots.columns(slot).tolist())) for slot in slots.names]
    predictions = [prediction_of.get(key, zeros) for key in keys]
    r2, spearman = (_matrix(predictions, slots, truth, score) for score in (scores.r2, scores.spearman))
    own = {name: predictions[k] for k, name in enumerate(slots.variables) if name in truth.variables.names}
    intervals = {name: _interval(prediction, truth, name) for name, prediction in own.items()}
    return Scores(r2, spearman, probe, tuple(_warnings(slots, truth)), tuple(_read(own, truth)), intervals)


def _read(own: Mapping[str, np.ndarray], truth: Truth) -> Iterator[Read]:
    """Evenly spaced samples of the factors of all variables with a slot."""
    rows = np.unique(np.linspace(0, len(truth.factors) - 1, MAX_READ).astype(int))
    for name, prediction in own.items():
        for column in truth.variables.factor_columns(name):
            factor = truth.variables.factors[column]
            yield Read(factor.name, truth.factors[rows, column], prediction[rows, column])


def _interval(prediction: np.ndarray, truth: Truth, name: str) -> tuple[float, float]:
    """95 % interval of a variable's mean R2 over its factors, from the spread of its terms over the samples."""
    parts = [
        scores.r2_error(prediction[:, column], truth.factors[:, column], truth.variables.factors[column])
        for column in truth.variables.factor_columns(name)
    ]
    defined = [part for part in parts if not math.isnan(part[0])]
    if not defined:
        return math.nan, math.nan
    value, error = (float(np.mean(values)) for values in zip(*defined))  # factors may err together: no averaging out
    return value - 1.96 * error, min(1.0, value + 1.96 * error)


def _matrix(predictions: list[np.ndarray], slots: Slots, truth: Truth, score: scores.Score) -> ScoreMatrix:
    matrix = np.stack([score_columns(prediction, truth, score) for prediction in predictions])
    reasons = {
        factor.name: scores.why_undefined(truth.factors[:, column], factor, score)
        for column, factor in enumerate(truth.variables.factors)
    }
    excluded = {name: reason for name, reason in reasons.items() if reason is not None}
    for slot in slots.variables:
        if slot not in truth.variables.names:
            excluded[slot] = "there is no ground truth for a variable of this name"
    return ScoreMatrix(matrix, slots.names, truth.variables.names, excluded)


def _warnings(slots: Slots, truth: Truth) -> list[str]:
    warnings = [f"slot '{name}' contains no latents: it scores 0" for name in slots.empty()]
    if 2 * len(truth.factors) < ENOUGH_ROWS:
        warnings.append(
            f"the scores are rough: they use about {2 * len(truth.factors)} samples, fewer than {ENOUGH_ROWS}"
        )
    return warnings
