"""Scores without labels: the intervention matrix, the confidence of psi, and slots that contain nothing.

Entry (i, j) of the *intervention matrix* says how well a fresh classifier predicts, from (z^t, slot i of z^{t+1}) of
held-out transitions, whether variable j was intervened on. In a good model slot i predicts its own target and no
other: the diagonal is near 1, the rest near 1/2. No ground truth is used, so the matrix can select models without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from trisect import checks
from trisect.evaluation.correlation import mean, number
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, scored_pairs

if TYPE_CHECKING:
    from trisect.evaluation.probes.target_probe import TargetProbe

PREDICTS_NOTHING = 0.6  # a slot that predicts its own target with a lower AUROC hardly beats guessing
SURE = 0.8  # a latent whose most probable slot is less probable is undecided


@dataclass(frozen=True)
class InterventionMatrix:
    """AUROC of every target from every slot.

    Attributes:
        matrix: (slots, variables), the noise slot's row last; NaN if the held-out pairs do not have both classes.
        rows, columns: slot names; names of the targeted variables.
        baseline: (variables,), AUROC from z^t alone: how well the past predicts each target.
        warnings: sentences on slots that contain or predict nothing.
    """

    matrix: Float[np.ndarray, "slots variables"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    baseline: Float[np.ndarray, " variables"]
    warnings: tuple[str, ...] = field(default=())

    @property
    def diag(self) -> float:
        """Mean AUROC of each variable's own slot: near 1 is good."""
        return mean(np.diagonal(self.matrix))

    @property
    def off_diag(self) -> float:
        """Mean AUROC of the other variables' slots without the noise slot: near 1/2 is good; NaN for one variable."""
        variables = self.matrix[:-1]
        return mean(variables[~np.eye(len(variables), dtype=bool)])

    def to_json(self, nll: float | None = None) -> dict[str, Any]:
        """Plain types; undefined is None. ``nll``: held-out negative log-likelihood, if the model has one."""
        return {
            "matrix": [[number(entry) for entry in row] for row in self.matrix],
            "rows": list(self.rows),
            "columns": list(self.columns),
            "diag": number(self.diag),
            "off_diag": number(self.off_diag),
            "baseline": [number(entry) for entry in self.baseline],
            "nll": number(nll),
        }


def intervention_matrix(
    train: Transitions, test: Transitions, slots: Slots, rng: np.random.Generator, probe: TargetProbe | None = None
) -> InterventionMatrix:
    """Train a classifier per slot on ``train`` and score it on ``test``.

    Off the diagonal, entry (i, j) is trained and scored on pairs with I_i = 0 only: if the policy picks one target per
    step, I_i = 1 implies I_j = 0. The row of the noise slot and the baseline have no such condition.

    Args:
        train, test: transitions of different recordings or splits, latents of the same model.
        slots: which latent belongs to which slot.
        rng: trains the classifiers.
        probe: their settings; by default those of `TargetProbe`.

    Raises:
        ValueError: the numbers of latents or variables do not match the slots, or a split has no pairs.
    """
    from trisect.evaluation.probes.target_probe import TargetProbe

    for split, what in ((train, "the training transitions"), (test, "the test transitions")):
        checks.positive_int(len(split), f"the number of {what}")
        checks.shape(split.latents, f"the latents of {what}", None, slots.num_latents)
        checks.shape(split.targets, f"the targets of {what}", None, len(slots.variables))
    logits = (probe or TargetProbe()).predict(train, test, slots, rng)
    scored = scored_pairs(test.targets, len(slots.names) + 1)
    table = np.array(
        [[_entry(logits, test.targets, scored, i, j) for j in range(logits.shape[2])] for i in range(len(logits))]
    )
    warnings = tuple(collapsed(slots, np.diagonal(table)))
    return InterventionMatrix(table[:-1], slots.names, slots.variables, table[-1], warnings)


def auroc(score: Float[np.ndarray, " samples"], label: Bool[np.ndarray, " samples"]) -> float:
    """Probability that a positive sample scores above a negative one; ties count half (Mann and Whitney, 1947).

    Returns:
        In [0, 1]; NaN if one of the two classes is missing.

    Example:
        >>> auroc(np.array([0.1, 0.8, 0.5, 0.9]), np.array([False, False, True, True]))
        0.75
    """
    positives, negatives = int(label.sum()), int((~label).sum())
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(score)[label].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def confidence(probs: Float[np.ndarray, "latents slots"], slots: Slots) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Confidence of a soft assignment: each latent's largest probability.

    Args:
        probs: softmax of the assignment's logits; rows sum to 1.
        slots: the hard assignment.

    Returns:
        ``per_latent``, ``mean`` and ``min`` for the report, and a warning if a latent is undecided.
    """
    checks.shape(probs, "the assignment's probabilities", *slots.assignment.shape)
    largest = checks.finite(probs, "the assignment's probabilities").max(axis=1).astype(np.float64)
    entry = {"per_latent": [float(p) for p in largest], "mean": float(largest.mean()), "min": float(largest.min())}
    undecided = int((largest < SURE).sum())
    text = f"{undecided} of {len(largest)} latents are undecided between slots (largest probability below {SURE:g})"
    return entry, (text,) if undecided else ()


def collapsed(slots: Slots, own_auroc: Float[np.ndarray, " variables"]) -> list[str]:
    """Sentences on slots without latents, slots that do not predict their own target, and targets that never occur."""
    empty = slots.empty()
    warnings = [f"slot '{name}' contains no latents" for name in empty]
    for name, value in zip(slots.variables, own_auroc):
        if np.isnan(value):
            warnings.append(f"the held-out pairs do not contain '{name}' both with and without intervention")
        elif value < PREDICTS_NOTHING and name not in empty:
            warnings.append(
                f"slot '{name}' has collapsed: it predicts its own interventions with AUROC {value:.2f} only"
            )
    return warnings


def _entry(logits: np.ndarray, targets: np.ndarray, scored: np.ndarray, i: int, j: int) -> float:
    rows = scored[i, :, j]
    return auroc(logits[i, rows, j], targets[rows, j])
