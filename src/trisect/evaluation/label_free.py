"""Scores without labels: the intervention matrix, the confidence of psi, and slots that contain nothing.

Entry (i, j) of the *intervention matrix* says how well a fresh classifier predicts, from (z^t, slot i of z^{t+1}) of
held-out transitions, whether variable j was intervened on. In a good model slot i predicts its own target and no
other. Some policies can be predicted from the past: if an intervention lasts for several steps, z^t alone shows it. So
every entry is compared with the classifier that sees z^t alone, on the same pairs: only what a slot adds to the past
speaks for it, or against it. An interval and a p-value (`trisect.evaluation.shifts`) say how certain that is. No ground
truth is used, so the matrix can select models without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from trisect import checks
from trisect.evaluation.auroc import block_sums, compared
from trisect.evaluation.intervention_matrix import InterventionMatrix, interval
from trisect.evaluation.onsets import onsets
from trisect.evaluation.shifts import Readings, shifted
from trisect.evaluation.shown import LITTLE, TOO_FEW, Shown, shown
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, scored_pairs
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, Statement

if TYPE_CHECKING:
    from trisect.evaluation.probes.target_probe import Logits, TargetProbe

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
    (shifting,) = rng.spawn(1)
    read = (probe or TargetProbe()).predict(train, test, slots, rng)
    matrix = _compared_with_past(read, test, slots, shifting)
    return replace(matrix, warnings=tuple(collapsed(slots, matrix)))


def _compared_with_past(read: Logits, test: Transitions, slots: Slots, rng: np.random.Generator) -> InterventionMatrix:
    """The AUROC of every slot and of the last network, which sees the past alone, on the same pairs."""
    logits, targets = read.whole, test.targets
    scored = scored_pairs(targets, len(slots.names) + 1)
    shape = (len(slots.names), targets.shape[1])
    matrix, past, blocks = np.empty(shape), np.empty(shape), []
    for i, j in np.ndindex(*shape):
        rows, deviation = scored[i, :, j], np.zeros(len(targets))
        matrix[i, j], past[i, j], deviation[rows] = compared(logits[i, rows, j], logits[-1, rows, j], targets[rows, j])
        blocks.append(block_sums(deviation))
    p_values, p_diag = _p_values(read, test, scored, rng)
    diagonal = np.arange(shape[1])
    return InterventionMatrix(
        matrix,
        slots.names,
        slots.variables,
        baseline=past[-1].copy(),  # the noise slot's row has no condition: its pairs are all pairs
        past=past,
        blocks=np.stack(blocks).reshape(*shape, -1),
        p_values=p_values,
        p_diag=p_diag,
        counts=targets.sum(axis=0),
        onsets=onsets(_entries(read, diagonal, diagonal), test, slots.variables, rng),
    )


def _p_values(
    read: Logits, test: Transitions, scored: Bool[np.ndarray, "networks pairs variables"], rng: np.random.Generator
) -> tuple[Float[np.ndarray, "slots variables"], float]:
    """The p-value of every entry, and that of the mean of the diagonal; entries with the same pairs share shifts."""
    num_variables = read.whole.shape[2]
    values, diagonal = np.empty((num_variables + 1, num_variables)), np.arange(num_variables)
    groups = [(np.full(num_variables - 1, i), np.delete(diagonal, i)) for i in range(num_variables)]
    for i, j in [*groups, (np.full(num_variables, num_variables), diagonal), (diagonal, diagonal)]:
        if len(i):
            rows = scored[i[0], :, j[0]]
            moved = shifted(_entries(read, i, j).some(rows), test.targets[rows][:, j], test.episodes[rows], rng)
            values[i, j] = moved.p_values()
    return values, float(moved.mean().p_values()[0])


def _entries(read: Logits, slots: np.ndarray, variables: np.ndarray) -> Readings:
    """The logits of some entries (slot, variable) of the matrix."""
    whole, still = (logits[slots, :, variables].T for logits in (read.whole, read.still))
    return Readings(whole, still, read.whole[-1][:, variables])


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


def collapsed(
    slots: Slots,
    matrix: InterventionMatrix,
    own_r2: Mapping[str, float] | None = None,
    statements: Iterable[Statement] = (),
) -> list[str]:
    """Sentences on slots without latents, slots that do not predict their own target, and targets that never occur.

    A slot is said to have collapsed only if neither its R2 nor the statement of the closed form says otherwise.

    Args:
        slots: the slots.
        matrix: their intervention matrix.
        own_r2: variable -> R2 in its own slot, if there are labels.
        statements: what the closed form says of the variables, from the interventions of the training data.
    """
    silent = {name: each for name, each in shown(matrix).items() if each.verdict != FOUND and name not in slots.empty()}
    statement_of = {each.variable: each for each in statements}
    warnings = [f"slot '{name}' contains no latents" for name in slots.empty()]
    for name in slots.variables:
        if np.isnan(matrix.matrix[matrix.place(name, name)]):
            warnings.append(f"the held-out pairs do not contain '{name}' both with and without intervention")
        elif name in silent and silent[name].verdict == NOT_THERE:
            warnings.append(_absent(matrix, name, (own_r2 or {}).get(name, float("nan")), statement_of.get(name)))
        elif name in silent:
            warnings.append(_silent(matrix, name, silent[name]))
    return warnings


def _absent(matrix: InterventionMatrix, name: str, own_r2: float, statement: Statement | None) -> str:
    """What it means that a slot does not predict its own target although there are interventions enough."""
    own, past = f"{matrix.matrix[matrix.place(name, name)]:.2f}", f"{matrix.past[matrix.place(name, name)]:.2f}"
    only = f"it predicts its own interventions with AUROC {own} only, and the past alone with {past}"
    if own_r2 >= CONTAINS:
        return (
            f"slot '{name}' predicts its variable (R2 {own_r2:.2f}) but not its interventions (AUROC {own}, and {past} "
            "from the past alone): they change little"
        )
    if statement is not None and statement.verdict == CANNOT_TELL:
        shows = f"the training data do not show what belongs in slot '{name}' ({statement.reason})"
        return f"{shows}; on held-out steps {only}"
    if statement is not None and statement.verdict == FOUND:
        return f"the training data show what belongs in slot '{name}', but on held-out steps {only}"
    return f"slot '{name}' has collapsed: {only}"


def _silent(matrix: InterventionMatrix, name: str, verdict: Shown) -> str:
    """Why the data cannot tell whether a slot adds anything to the past about its own target."""
    own, past = f"{matrix.matrix[matrix.place(name, name)]:.2f}", f"{matrix.past[matrix.place(name, name)]:.2f}"
    differs = f"95 % interval of the difference {interval(matrix.gain(name, name))}"
    if verdict.cause == TOO_FEW:
        return (
            f"there are too few held-out interventions on '{name}' to tell whether its slot predicts them (AUROC "
            f"{own}, and {past} from the past alone; {differs}{_settled_by(matrix, name, verdict)})"
        )
    if verdict.cause == LITTLE:
        return (
            f"slot '{name}' adds little to what the past says of its interventions (AUROC {own}, and {past} from the "
            f"past alone; {differs})"
        )
    return (
        f"the past alone predicts the interventions on '{name}' (AUROC {past}); its slot adds nothing to that ({own}), "
        "so these interventions cannot show what it contains: record interventions that do not follow from the step "
        "before"
    )


def _settled_by(matrix: InterventionMatrix, name: str, verdict: Shown) -> str:
    if verdict.settling is None:
        return ""
    count = matrix.counts[matrix.columns.index(name)]
    return f"; about {verdict.settling} instead of {count} would settle it"
