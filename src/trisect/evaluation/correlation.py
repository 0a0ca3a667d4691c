"""Correlation matrices: how well each variable can be predicted from each slot (Lippe et al., ICML 2022, section 6).

Half of an independent test set trains a probe per slot, the other half is scored. Rows are slots, columns are all
variables, matched **by name**; the score of a variable with several factors is their mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.evaluation import scores
from trisect.evaluation.probes.read_out import Probe, ReadOut
from trisect.evaluation.slots import Slots
from trisect.variables import VariableSpace

ENOUGH_ROWS = 1000  # with fewer, scores differ visibly between halves and probes overfit


@dataclass(frozen=True)
class Truth:
    """The factors of the samples to score.

    Attributes:
        factors: (samples, factors), in their own units.
        variables: the variables that the columns belong to.

    Raises:
        ValueError: the number of columns is wrong, or a value is outside its factor's range.
    """

    factors: np.ndarray
    variables: VariableSpace

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", np.asarray(self.factors, dtype=np.float64))
        self.variables.check_factors(self.factors)


@dataclass(frozen=True)
class ScoreMatrix:
    """One score for every slot and variable.

    Attributes:
        matrix: (slots, variables) float64; NaN if undefined.
        rows: slot names, the targeted variables in their order, then "noise".
        columns: names of all variables.
        excluded: factor or slot that could not be scored -> reason.
    """

    matrix: Float[np.ndarray, "slots variables"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, names: tuple[str, str]) -> float:
        """The entry of a slot and a variable, both by name."""
        return float(self.matrix[self.rows.index(names[0]), self.columns.index(names[1])])

    @property
    def diag(self) -> float:
        """Mean score of the targeted variables in their own slots; NaN if none is defined."""
        return mean(self[name, name] for name in self.rows[:-1] if name in self.columns)

    @property
    def diag_all(self) -> float:
        """The same mean, including the variables that are never intervened on, in the noise slot."""
        return mean(self[name if name in self.rows[:-1] else self.rows[-1], name] for name in self.columns)

    @property
    def sep_slots(self) -> float:
        """Mean over slots (without noise) of the largest entry of a wrong variable: 0 is best."""
        return mean(_largest(self._wrong()[row]) for row in range(len(self.rows) - 1))

    @property
    def sep_variables(self) -> float:
        """Mean over all variables of the largest entry in a wrong slot (without noise): 0 is best."""
        return mean(_largest(self._wrong()[:-1, column]) for column in range(len(self.columns)))

    def _wrong(self) -> np.ndarray:
        same_name = np.equal.outer(np.asarray(self.rows), np.asarray(self.columns))
        return np.where(same_name, np.nan, self.matrix)

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {
            "matrix": [[number(entry) for entry in row] for row in self.matrix],
            "rows": list(self.rows),
            "columns": list(self.columns),
            "diag": number(self.diag),
            "diag_all": number(self.diag_all),
            "sep_slots": number(self.sep_slots),
            "sep_variables": number(self.sep_variables),
            "excluded": dict(self.excluded),
        }


@dataclass(frozen=True)
class Scores:
    """The two score matrices of one set of latents.

    Attributes:
        r2, spearman: the matrices.
        probe: name of the probe.
        warnings: sentences on the limits of these scores.
    """

    r2: ScoreMatrix
    spearman: ScoreMatrix
    probe: str
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {
            "probe": self.probe,
            "r2": self.r2.to_json(),
            "spearman": self.spearman.to_json(),
            "warnings": list(self.warnings),
        }


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
    varies = deviation > 1e-7 * np.maximum(1e-3, np.abs(mean_))
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


def mean(values: Iterable[float]) -> float:
    """Mean of the defined values; NaN if there are none."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def number(value: float | None) -> float | None:
    """A float for JSON; NaN and infinity become None."""
    return float(value) if value is not None and math.isfinite(value) else None


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
    return Scores(r2, spearman, probe, tuple(_warnings(slots, truth)))


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


def _largest(entries: np.ndarray) -> float:
    defined = entries[~np.isnan(entries)]
    return float(defined.max()) if len(defined) else float("nan")
