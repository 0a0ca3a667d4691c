"""What score an assignment would reach by chance: the same latents, dealt to the slots at random."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.evaluation import scores
from trisect.evaluation.correlation import Truth, halves, mean, number, score_columns, standardised
from trisect.evaluation.probes.read_out import ReadOut
from trisect.evaluation.probes.ridge import RidgeProbe
from trisect.evaluation.slots import Slots

PERCENTILE = 95.0
MAX_DRAWS = 20  # draws per random assignment before giving up


@dataclass(frozen=True)
class ChanceSettings:
    """How chance is estimated.

    Attributes:
        num_assignments: random assignments, at least 2.
        max_rows: samples used at most, both halves together.
        probe: a quick one; it reads the model's own assignment too, so that like is compared with like.
    """

    num_assignments: int = 200
    max_rows: int = 4000
    probe: RidgeProbe = field(default_factory=lambda: RidgeProbe("ridge", num_features=100))

    def __post_init__(self) -> None:
        checks.positive_int(self.num_assignments, "num_assignments of the chance score", 2)
        checks.positive_int(self.max_rows, "max_rows of the chance score", 4)


@dataclass(frozen=True)
class Chance:
    """The mean score of the targeted variables in their own slots: by chance, and of the model, by one quick probe.

    Attributes:
        r2, spearman: 95th percentile over the random assignments; NaN is undefined.
        own_r2, own_spearman: of the model's own assignment.
        num_assignments: how many random assignments there were.
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

    The model's own assignment is not among them: with few latents it would come up often and hide what it is worth.

    Args:
        latents: of an independent test set.
        slots: the model's own.
        truth: factors of the same samples.
        rng: draws samples, assignments and the probe's features.
        settings: by default those of `ChanceSettings`.

    Returns:
        A model whose ``own_r2`` does not exceed ``r2`` has latents that are informative at best, not assigned.
    """
    settings = settings or ChanceSettings()
    rows = rng.permutation(len(latents))[: settings.max_rows]
    dealt = [slots, *_dealings(slots, settings.num_assignments, rng)]
    sample = Truth(truth.factors[rows], truth.variables)
    wanted = [_latents_of(dealing, name) for dealing in dealt for name in dealing.variables]
    known = _scores_of_sets(wanted, latents[rows], sample, settings.probe, rng)
    diags = np.array([_diag(s, known, truth.variables.names) for s in dealt])
    own = [float(entry) for entry in diags[0]]
    r2, spearman = _percentile(diags[1:, 0]), _percentile(diags[1:, 1])
    return Chance(r2, spearman, own[0], own[1], len(dealt) - 1, settings.probe.name)


def _dealings(slots: Slots, wanted: int, rng: np.random.Generator) -> list[Slots]:
    """Random assignments other than the model's; fewer than wanted, or none, where hardly any other exists."""
    drawn = (slots.permuted(rng) for _ in range(MAX_DRAWS * wanted))
    others = (dealt for dealt in drawn if not np.array_equal(dealt.assignment, slots.assignment))
    return list(itertools.islice(others, wanted))


def _scores_of_sets(
    wanted: Sequence[tuple[int, ...]],
    latents: np.ndarray,
    truth: Truth,
    probe: RidgeProbe,
    rng: np.random.Generator,
) -> dict[tuple[int, ...], np.ndarray]:
    """Both scores (2, variables) of every distinct set of latents."""
    train, test = halves(len(latents), rng)
    scaled = standardised(latents, train, test)
    sets = [used for used in dict.fromkeys(wanted) if used]
    scored = Truth(truth.factors[test], truth.variables)
    known: dict[tuple[int, ...], np.ndarray] = {(): _both(np.zeros_like(scored.factors), scored)}
    for used in sets:  # one at a time: hundreds of predictions need not lie in memory together
        parts = [half[:, list(used)] for half in scaled]
        question = ReadOut((parts[0],), (parts[1],), truth.factors[train], truth.variables.factors)
        known[used] = _both(probe.predict(question, rng)[0], scored)
    return known


def _latents_of(slots: Slots, name: str) -> tuple[int, ...]:
    return tuple(int(latent) for latent in slots.columns(name))


def _both(prediction: np.ndarray, truth: Truth) -> np.ndarray:
    return np.stack([score_columns(prediction, truth, score) for score in (scores.r2, scores.spearman)])


def _diag(slots: Slots, known: dict[tuple[int, ...], np.ndarray], names: Sequence[str]) -> list[float]:
    matched = [(_latents_of(slots, name), names.index(name)) for name in slots.variables if name in names]
    return [mean(float(known[used][k, column]) for used, column in matched) for k in range(2)]


def _percentile(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(np.percentile(defined, PERCENTILE)) if len(defined) else float("nan")
