"""Scores without labels: the intervention matrix, the confidence of psi, and slots that contain nothing.

Entry (i, j) of the *intervention matrix* says how well a fresh classifier predicts, from (z^t, slot i of z^{t+1}) of
held-out transitions, whether variable j was intervened on. In a good model slot i predicts its own target and no
other. Some policies can be predicted from the past: if an intervention lasts for several steps, z^t alone shows it. So
every entry is compared with the classifier that sees z^t alone, on the same pairs: only what a slot adds to the past
speaks for it, or against it. No ground truth is used, so the matrix can select models without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import stdtrit

from trisect import checks
from trisect.evaluation.auroc import block_sums, contributions, standard_error
from trisect.evaluation.score_matrix import mean, number
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions, scored_pairs

if TYPE_CHECKING:
    from trisect.evaluation.probes.target_probe import TargetProbe

ADDS = 0.2  # a slot says something of a target if it closes this share of the gap between the past's AUROC and 1
SETTLED = 0.99  # where the past alone reaches a higher AUROC, nothing is left for a slot to add
HELD = 0.75  # a past that reaches a higher AUROC shows a policy that holds its interventions, or follows the state
DOUBT = 0.05  # probability with which an interval, or one of the leaks that are named, may be wrong
CONTAINS = 0.8  # a slot with a larger R2 of its variable contains it, whatever its AUROC
SURE = 0.8  # a latent whose most probable slot is less probable is undecided


class Gain(NamedTuple):
    """By how much an AUROC exceeds that of the past alone, with the ends of its 95 % interval; NaN if undefined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class InterventionMatrix:
    """AUROC of every target from every slot.

    Attributes:
        matrix: (slots, variables), the noise slot's row last; NaN if the held-out pairs do not have both classes.
        rows, columns: slot names; names of the targeted variables.
        baseline: (variables,), AUROC from z^t alone over all pairs: how well the past predicts each target.
        warnings: sentences on slots that contain or predict nothing.
        past: (slots, variables), AUROC from z^t alone on the pairs of each entry; by default ``baseline``.
        blocks: (slots, variables, blocks), contributions to the deviations of ``matrix - past``, summed over blocks of
            consecutive pairs; by default none, so that intervals have no width.
    """

    matrix: Float[np.ndarray, "slots variables"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    baseline: Float[np.ndarray, " variables"]
    warnings: tuple[str, ...] = field(default=())
    past: Float[np.ndarray, "slots variables"] = None  # type: ignore[assignment]
    blocks: Float[np.ndarray, "slots variables blocks"] = field(default=None, repr=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.past is None:
            object.__setattr__(self, "past", np.broadcast_to(self.baseline, self.matrix.shape).copy())
        if self.blocks is None:
            object.__setattr__(self, "blocks", np.zeros((*self.matrix.shape, 1)))

    @property
    def diag(self) -> float:
        """Mean AUROC of each variable's own slot: near 1 is good."""
        return mean(np.diagonal(self.matrix))

    @property
    def off_diag(self) -> float:
        """Mean AUROC of the other variables' slots without the noise slot: near 1/2 is good; NaN for one variable."""
        return mean(self.matrix[self._others])

    @property
    def past_diag(self) -> float:
        """Mean AUROC of the past alone, over the variables: what the own slots are compared with."""
        return mean(np.diagonal(self.past))

    @property
    def own_gain(self) -> Gain:
        """What the own slots add to the past, on average."""
        return self._gain(np.eye(*self.matrix.shape, dtype=bool))

    @property
    def others_gain(self) -> Gain:
        """What the other variables' slots, without the noise slot, add to the past, on average; 0 is best."""
        return self._gain(self._others)

    def gain(self, row: str, column: str) -> Gain:
        """What one slot adds to the past about one target."""
        at = np.zeros(self.matrix.shape, dtype=bool)
        at[self.rows.index(row), self.columns.index(column)] = True
        return self._gain(at)

    @property
    def added(self) -> Float[np.ndarray, "slots variables"]:
        """The share of the gap between the past's AUROC and 1 that a slot closes; NaN if the past leaves no gap."""
        past = np.clip(self.past, 0.5, 1.0)
        left = np.where(past > SETTLED, np.nan, 1 - past)
        return np.asarray((self.matrix - past) / left)

    def leaks(self) -> list[tuple[str, str]]:
        """Pairs (slot, variable) where another variable's slot, or the noise slot, predicts a target; worst first.

        A leak closes a fifth of the gap or more, by more than chance explains among all entries that are compared.
        """
        wrong = ~np.eye(*self.matrix.shape, dtype=bool)
        certain = self.matrix - self.past > self._half_width(int(wrong.sum())) * standard_error(self.blocks)
        at = np.argwhere(wrong & certain & (np.nan_to_num(self.added) >= ADDS))
        ordered = sorted(at.tolist(), key=lambda place: -self.added[place[0], place[1]])
        return [(self.rows[row], self.columns[column]) for row, column in ordered]

    def without_gain(self) -> tuple[str, ...]:
        """Variables whose own slot adds hardly anything to the past, although there is something to add."""
        return tuple(name for name, share in zip(self.columns, np.diagonal(self.added)) if share < ADDS)

    def uncertain(self) -> tuple[str, ...]:
        """Variables with too few held-out interventions to tell whether their own slot adds to the past."""
        width = self._half_width(1) * np.diagonal(standard_error(self.blocks))
        left = 1 - np.clip(np.diagonal(self.past), 0.5, 1.0)
        return tuple(name for name, wide, gap in zip(self.columns, width, left) if wide > max(ADDS * gap, 0.05))

    def _half_width(self, comparisons: int) -> float:
        """Standard errors on each side of an interval, if so many are looked at together (Student, Bonferroni)."""
        freedom = max(self.blocks.shape[-1] - 1, 1)
        return float(stdtrit(freedom, 1 - DOUBT / 2 / max(comparisons, 1)))

    @property
    def _others(self) -> Bool[np.ndarray, "slots variables"]:
        at = ~np.eye(*self.matrix.shape, dtype=bool)
        at[-1] = False
        return at

    def _gain(self, at: Bool[np.ndarray, "slots variables"]) -> Gain:
        """The mean gain over some entries, those that are defined."""
        at = at & ~np.isnan(self.matrix)
        if not at.any():
            return Gain(float("nan"), float("nan"), float("nan"))
        value = float((self.matrix - self.past)[at].mean())
        width = self._half_width(1) * float(standard_error(self.blocks[at].mean(axis=0)))
        return Gain(value, value - width, value + width)

    def to_json(self, nll: float | None = None) -> dict[str, Any]:
        """Plain types; undefined is None. ``nll``: held-out negative log-likelihood, if the model has one."""
        return {
            "matrix": _table(self.matrix),
            "rows": list(self.rows),
            "columns": list(self.columns),
            "diag": number(self.diag),
            "off_diag": number(self.off_diag),
            "baseline": [number(entry) for entry in self.baseline],
            "past": _table(self.past),
            "diag_over_past": _plain(self.own_gain),
            "off_diag_over_past": _plain(self.others_gain),
            "over_past_error": _table(standard_error(self.blocks)),
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


def interval(gain: Gain) -> str:
    """The interval in words, such as ``0.31 to 0.38``."""
    return f"{gain.low:.2f} to {gain.high:.2f}".replace("-0.00", "0.00")


def _place(matrix: InterventionMatrix, name: str) -> tuple[int, int]:
    return matrix.rows.index(name), matrix.columns.index(name)


def _table(values: np.ndarray) -> list[list[float | None]]:
    return [[number(entry) for entry in row] for row in values]


def _plain(gain: Gain) -> dict[str, Any]:
    return {"mean": number(gain.value), "interval": [number(gain.low), number(gain.high)]}
