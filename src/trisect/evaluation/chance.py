"""The score that an assignment reaches by chance: the same latents, assigned to slots at random."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.evaluation import scores
from trisect.evaluation.correlation import halves, score_columns, standardised
from trisect.evaluation.probes.read_out import ReadOut
from trisect.evaluation.probes.ridge import RidgeProbe
from trisect.evaluation.score_matrix import Truth, mean, number
from trisect.evaluation.slots import Slots

PERCENTILE = 95.0
MAX_DRAWS = 20  # draws per random assignment before giving up


@dataclass(frozen=True)
class ChanceSettings:
    """How chance is estimated.

    Attributes:
        num_assignments: random assignments, at least 2.
        max_rows: samples used at most, both halves together.
        probe: a quick probe; it scores the model's assignment too, so that both scores can be compared.
    """

    num_assignments: int = 200
    max_rows: int = 4000
    probe: RidgeProbe = field(default_factory=lambda: RidgeProbe("ridge", num_features=100))

    def __post_init__(self) -> None:
        checks.positive_int(self.num_assignments, "num_assignments of the chance score", 2)
        checks.positive_int(self.max_rows, "max_rows of the chance score", 4)


@dataclass(frozen=True)
class Chance:
    """Mean score of the targeted variables in their own slots, by chance and for the model, with the same quick probe.

    Attributes:
        r2, spearman: 95th percentile over the random assignments; NaN if undefined.
        own_r2, own_spearman: scores of the model's assignment.
        num_assignments: number of random assignments.
        probe: name of the probe.
    """

    r2: float
    spearman: float
    own_r2: float
    own_spearman: float
    num_assignments: int
    probe: str

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {name: number(value) if isinstance(value, float) else value for name, value in asdict(self).items()}


def chance(
    latents: Float[np.ndarray, "samples latents"],
    slots: Slots,
    truth: Truth,
    rng: np.random.Generator,
    settings: ChanceSettings | None = None,
) -> Chance:
    """Score random assignments that keep the model's slot sizes.

    The model's assignment is not among them: with few latents it would be drawn often and hide its advantage.

    Args:
        latents: latents of an independent test set.
        slots: the model's slots.
        truth: factors of the same samples.
        rng: draws samples, assignments and the probe's features.
        settings: by default `ChanceSettings()`.

    Returns:
        Both scores. If ``own_r2`` does not exceed ``r2``, the model's assignment is no better than a random one.
    """
    settings = settings or ChanceSettings()
    rows = rng.permutation(len(latents))[: settings.max_rows]
    assignments = [slots, *_random_assignments(slots, settings.num_assignments, rng)]
    sample = Truth(truth.factors[rows], truth.variables)
    sets = [_latents_of(each, name) for each in assignments for name in each.variables]
    scores_of = _scores_of_sets(sets, latents[rows], sample, settings.probe, rng)
    diags = np.array([_diag(each, scores_of, truth.variables.names) for each in assignments])
    own_r2, own_spearman = (float(entry) for entry in diags[0])
    r2, spearman = _percentile(diags[1:, 0]), _percentile(diags[1:, 1])
    return Chance(r2, spearman, own_r2, own_spearman, len(assignments) - 1, settings.probe.name)


def _random_assignments(slots: Slots, count: int, rng: np.random.Generator) -> list[Slots]:
    """Random assignments other than the model's; fewer than ``count``, or none, if hardly any other exists."""
    draws = (slots.permuted(rng) for _ in range(MAX_DRAWS * count))
    others = (draw for draw in draws if not np.array_equal(draw.assignment, slots.assignment))
    return list(itertools.islice(others, count))


def _scores_of_sets(
    sets: Sequence[tuple[int, ...]],
    latents: np.ndarray,
    truth: Truth,
    probe: RidgeProbe,
    rng: np.random.Generator,
) -> dict[tuple[int, ...], np.ndarray]:
    """Both scores (2, variables) of every distinct set of latents."""
    train, test = halves(len(latents), rng)
    scaled = standardised(latents, train, test)
    scored = Truth(truth.factors[test], truth.variables)
    scores_of: dict[tuple[int, ...], np.ndarray] = {(): _both(np.zeros_like(scored.factors), scored)}
    for columns in dict.fromkeys(sets):
        if columns:  # one set at a time, so that hundreds of predictions are not in memory together
            train_latents, test_latents = (half[:, list(columns)] for half in scaled)
            read_out = ReadOut((train_latents,), (test_latents,), truth.factors[train], truth.variables.factors)
            scores_of[columns] = _both(probe.predict(read_out, rng)[0], scored)
    return scores_of


def _latents_of(slots: Slots, name: str) -> tuple[int, ...]:
    return tuple(int(latent) for latent in slots.columns(name))


def _both(prediction: np.ndarray, truth: Truth) -> np.ndarray:
    return np.stack([score_columns(prediction, truth, score) for score in (scores.r2, scores.spearman)])


def _diag(slots: Slots, scores_of: dict[tuple[int, ...], np.ndarray], names: Sequence[str]) -> list[float]:
    matched = [(_latents_of(slots, name), names.index(name)) for name in slots.variables if name in names]
    return [mean(float(scores_of[latents][k, column]) for latents, column in matched) for k in range(2)]


def _percentile(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(np.percentile(defined, PERCENTILE)) if len(defined) else float("nan")
