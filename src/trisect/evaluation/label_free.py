"""Scores without labels: the intervention matrix, the confidence of psi, and slots that contain nothing.

Entry (i, j) of the *intervention matrix* says how well a fresh classifier predicts, from (z^t, slot i of z^{t+1}) of
held-out transitions, whether variable j was intervened on. In a good model slot i predicts its own target and no
other. Some policies can be predicted from the past: if an intervention lasts for several steps, z^t alone shows it. So
every entry is compared with the classifier that sees z^t alone, on the same pairs: only what a slot adds to the past
speaks for it, or against it. No ground truth is used, so the matrix can select models without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from trisect import checks
from trisect.evaluation.auroc import block_sums, contributions
from trisect.evaluation.intervention_matrix import SETTLED, InterventionMatrix, interval
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, scored_pairs

if TYPE_CHECKING:
    from trisect.evaluation.probes.target_probe import TargetProbe

HELD = 0.75  # a past that reaches a higher AUROC shows a policy that holds its interventions, or follows the state
CONTAINS = 0.8  # a slot with a larger R2 of its variable contains it, whatever its AUROC
SURE = 0.8  # a latent whose most probable slot is less probable is undecided


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
    matrix = _compared_with_past(logits, test.targets, slots)
    return replace(matrix, warnings=tuple(collapsed(slots, matrix)))


def _compared_with_past(
    logits: Float[np.ndarray, "networks pairs variables"], targets: Bool[np.ndarray, "pairs variables"], slots: Slots
) -> InterventionMatrix:
    """The AUROC of every slot and of the last network, which sees the past alone, on the same pairs."""
    scored = scored_pairs(targets, len(slots.names) + 1)
    shape = (len(slots.names), targets.shape[1])
    matrix, past, blocks = np.empty(shape), np.empty(shape), []
    for i, j in np.ndindex(*shape):
        rows, deviation = scored[i, :, j], np.zeros(len(targets))
        matrix[i, j], slot_s = contributions(logits[i, rows, j], targets[rows, j])
        past[i, j], past_s = contributions(logits[-1, rows, j], targets[rows, j])
        deviation[rows] = slot_s - past_s
        blocks.append(block_sums(deviation))
    stacked = np.stack(blocks).reshape(*shape, -1)
    # the noise slot's row has no condition: its pairs are all pairs
    return InterventionMatrix(matrix, slots.names, slots.variables, past[-1].copy(), (), past, stacked)


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


def collapsed(slots: Slots, matrix: InterventionMatrix, own_r2: Mapping[str, float] | None = None) -> list[str]:
    """Sentences on slots without latents, slots that do not predict their own target, and targets that never occur.

    Args:
        slots: the slots.
        matrix: their intervention matrix.
        own_r2: variable -> R2 in its own slot, if there are labels: a slot with a large one has not collapsed.
    """
    warnings = [f"slot '{name}' contains no latents" for name in slots.empty()]
    for name in slots.variables:
        if np.isnan(matrix.matrix[_place(matrix, name)]):
            warnings.append(f"the held-out pairs do not contain '{name}' both with and without intervention")
        elif name not in slots.empty():
            warnings += _silent(matrix, name, (own_r2 or {}).get(name, float("nan")))
    return warnings


def _silent(matrix: InterventionMatrix, name: str, own_r2: float) -> Iterator[str]:
    """Why a slot adds nothing to the past about its own target, as far as the data can tell."""
    own, past, differs = (
        f"{matrix.matrix[_place(matrix, name)]:.2f}",
        f"{matrix.past[_place(matrix, name)]:.2f}",
        interval(matrix.gain(name, name)),
    )
    adds = name not in matrix.without_gain() and matrix.past[_place(matrix, name)] <= SETTLED
    if name in matrix.uncertain():
        yield (
            f"there are too few held-out interventions on '{name}' to tell whether its slot predicts them (AUROC "
            f"{own}, and {past} from the past alone; 95 % interval of the difference {differs})"
        )
    elif not adds and matrix.past[_place(matrix, name)] > HELD:
        yield (
            f"the past alone predicts the interventions on '{name}' (AUROC {past}); its slot adds nothing to that "
            f"({own}), so these interventions cannot show what it contains: record interventions that do not follow "
            "from the step before"
        )
    elif not adds and own_r2 >= CONTAINS:
        yield (
            f"slot '{name}' predicts its variable (R2 {own_r2:.2f}) but not its interventions (AUROC {own}, and {past} "
            "from the past alone): they change little"
        )
    elif not adds:
        yield (
            f"slot '{name}' has collapsed: it predicts its own interventions with AUROC {own} only, and the past alone "
            f"with {past}"
        )


def _place(matrix: InterventionMatrix, name: str) -> tuple[int, int]:
    return matrix.rows.index(name), matrix.columns.index(name)
