"""Measuring: the sums from which the effects of interventions follow, in two passes over the transitions.

The first pass regresses the residual on phi and all products of targets and phi. The second takes what this leaves,
and what the other inputs leave of every product and of every target, and sums their products over groups of
transitions (see `trisect.models.closed_form.effects` for the symbols).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.models.closed_form.dynamics import target_products
from trisect.models.closed_form.effects import NUM_GROUPS, TINY, EffectSums, pseudo_inverse
from trisect.rows import chunks

ROWS_PER_INPUT = 4
"""Transitions with an intervention, and without, per entry of phi; with fewer, phi = 1."""
MOST_INPUTS = 1500
"""Largest number of products of targets and latents in one regression."""
SEPARATE = 1e-3
"""Smallest share of a target's variance that the other targets may leave; with less, it is compared alone."""
INTERVENED, QUIET = 0.01, 0.2
"""Weight of transitions with an intervention in the estimate of C if the others are at least this share of all."""
MOST_TAKEN = 0.75
"""Upper bound of the share of noise that a regression is said to take up."""


def measure(residual: np.ndarray, targets: np.ndarray, past: np.ndarray, keep: np.ndarray) -> EffectSums:
    """Sum up the effects of all interventions.

    Args:
        residual: r, (pairs, L).
        targets: (pairs, K) bool.
        past: z^t, (pairs, L), centred.
        keep: (pairs,) bool, the transitions to use.
    """
    rows = np.flatnonzero(keep)
    inputs = _Inputs(targets, past, _wide(targets[rows], past.shape[1]))
    regression = _regression(inputs, residual, rows)
    comparison = _comparison(targets[rows])
    totals = _Totals(inputs, residual.shape[1])
    for group, members in enumerate(np.array_split(rows, NUM_GROUPS)):
        for part in chunks(len(members)):
            totals.add(group, members[part], residual, regression, comparison)
    return totals.sums(comparison)


def _wide(targets: np.ndarray, num_latents: int) -> np.ndarray:
    """For which variables phi = (1, z^t): those with enough transitions of both kinds, if not too many in all."""
    size = 1 + num_latents
    fewest = np.minimum(targets.sum(axis=0), (~targets).sum(axis=0))
    wide = fewest >= ROWS_PER_INPUT * size
    total = int(wide.sum()) * size
    return np.asarray(wide & (total <= min(MOST_INPUTS, len(targets) / ROWS_PER_INPUT)))


@dataclass(frozen=True)
class _Inputs:
    """The inputs of the first regression: 1, z^t, and the products of every target with its phi.

    The residual still depends a little on z^t, as the dynamics are estimated. Without z^t among the inputs, this error
    would look like an effect of every intervention, and the same in all groups. ``wide`` (K,) bool: phi of the variable
    is (1, z^t) instead of 1; if none is, z^t is no input either.
    """

    targets: np.ndarray
    past: np.ndarray
    wide: np.ndarray

    @property
    def num_common(self) -> int:
        """The number of inputs before the products."""
        return 1 + self.past.shape[1] if self.wide.any() else 1

    @property
    def blocks(self) -> list[slice]:
        """The columns of every target's products."""
        sizes = np.where(self.wide, 1 + self.past.shape[1], 1)
        ends = self.num_common + np.cumsum(sizes)
        return [slice(end - size, end) for end, size in zip(ends.tolist(), sizes.tolist())]

    @property
    def widths(self) -> list[int]:
        """P_i of every variable."""
        return [block.stop - block.start for block in self.blocks]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """All inputs (rows, P)."""
        common = np.column_stack([np.ones(len(rows)), self.past[rows]])[:, : self.num_common]
        return np.hstack([common, target_products(self.targets, self.past, self.wide)(rows)])


@dataclass(frozen=True)
class _Regression:
    """The first regression.

    Attributes:
        weights: (P, L), of all inputs.
        away: (P, P_i) each, weights that give what the other inputs leave of a target's products.
    """

    weights: np.ndarray
    away: list[np.ndarray]


def _regression(inputs: _Inputs, residual: np.ndarray, rows: np.ndarray) -> _Regression:
    width = inputs.blocks[-1].stop
    total = np.zeros((width, width + residual.shape[1]))
    for each in chunks(len(rows)):
        part = rows[each]
        x = inputs(part)
        total += x.T @ np.hstack([x, residual[part]])
    inverse = pseudo_inverse(total[:, :width])
    away = [inverse[:, block] @ pseudo_inverse(inverse[block, block]) for block in inputs.blocks]
    return _Regression(inverse @ total[:, width:], away)


@dataclass(frozen=True)
class _Comparison:
    """The regression of squares and products of what the first one leaves on 1 and the targets.

    Attributes:
        away: (1 + K, 1 + K), weights that give what the others leave of the intercept and of every target.
        intervened: weight of transitions with an intervention in the row of the intercept.
        num_base: number of rows that the intercept comes from: those without an intervention, if there are enough.
        confounded: (K,) bool, targets that the others explain almost fully; they are compared alone.
    """

    away: np.ndarray
    intervened: float
    num_base: int
    confounded: np.ndarray

    def __call__(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Factors (rows, 1 + K) of the products of some rows, and of what the estimates are divided by."""
        left = _with_one(targets) @ self.away
        weight = np.ones_like(left)
        weight[:, 0] = _weight_in_base(targets, self.intervened)
        return weight * left, weight * left**2


def _comparison(targets: np.ndarray) -> _Comparison:
    """Compare rows of these targets.

    Rows with an intervention weigh little in the intercept, C, if there are enough others: noise that interventions
    make grow a hundredfold would hide it.
    """
    num_quiet = int((~targets.any(axis=1)).sum())
    enough = num_quiet >= QUIET * len(targets)
    intervened = INTERVENED if enough else 1.0
    x = _with_one(targets)
    gram = x.T @ x
    confounded = np.array([_left(gram, column) < SEPARATE for column in range(1, len(gram))])
    weighted = x.T @ (x * _weight_in_base(targets, intervened)[:, None])
    away = _divided_by_diagonal(pseudo_inverse(gram), len(x))
    away[:, 0] = _divided_by_diagonal(pseudo_inverse(weighted), len(x))[:, 0]
    for column in np.flatnonzero(confounded) + 1:
        away[:, column] = 0.0
        away[0, column], away[column, column] = -gram[0, column] / gram[0, 0], 1.0
    return _Comparison(away, intervened, num_quiet if enough else len(targets), confounded)


def _weight_in_base(targets: np.ndarray, intervened: float) -> np.ndarray:
    """Weight (rows,) of rows in the estimate of C, of which those with an intervention are given."""
    return np.where(targets.any(axis=1), intervened, 1.0)


def _with_one(targets: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(targets)), targets]).astype(np.float64)


def _divided_by_diagonal(inverse: np.ndarray, num_rows: int) -> np.ndarray:
    """Columns of the inverse of a gram, scaled so that each has the weight 1 of its own input."""
    diagonal = np.diagonal(inverse)
    return np.asarray(inverse / np.where(diagonal > TINY / num_rows, diagonal, 1.0))


def _left(gram: np.ndarray, column: int) -> float:
    """Share of a target's variance that a linear regression on the other targets leaves."""
    others = np.arange(len(gram)) != column
    cross = gram[others, column]
    left = gram[column, column] - cross @ np.linalg.lstsq(gram[np.ix_(others, others)], cross, rcond=None)[0]
    return float(left / max(gram[column, column] - gram[0, column] ** 2 / gram[0, 0], TINY))


class _Totals:
    """The sums of all groups as they grow; ``change`` and ``power`` of the intercept come before the targets' ones."""

    def __init__(self, inputs: _Inputs, num_latents: int):
        self.inputs = inputs
        widths, num_variables = inputs.widths, len(inputs.wide)
        self.change = np.zeros((NUM_GROUPS, 1 + num_variables, num_latents, num_latents))
        self.power = np.zeros((NUM_GROUPS, 1 + num_variables))
        self.counts = np.zeros((NUM_GROUPS, num_variables))
        self.cross = tuple(np.zeros((NUM_GROUPS, width, num_latents)) for width in widths)
        self.gram = tuple(np.zeros((NUM_GROUPS, width, width)) for width in widths)
        self.phi_gram = tuple(np.zeros((NUM_GROUPS, width, width)) for width in widths)

    def add(
        self, group: int, rows: np.ndarray, residual: np.ndarray, regression: _Regression, comparison: _Comparison
    ) -> None:
        """Add some rows to a group."""
        x, y, on = self.inputs(rows), residual[rows], self.inputs.targets[rows]
        left = y - x @ regression.weights
        factors, powers = comparison(on)
        self.power[group] += powers.sum(axis=0)
        self.counts[group] += on.sum(axis=0)
        for column, factor in enumerate(factors.T):
            self.change[group, column] += (left * factor[:, None]).T @ left
        for variable, (block, away) in enumerate(zip(self.inputs.blocks, regression.away)):
            own, phi = x @ away, x[on[:, variable], block]
            self.gram[variable][group] += own.T @ own
            self.cross[variable][group] += own.T @ y
            self.phi_gram[variable][group] += phi.T @ phi

    def sums(self, comparison: _Comparison) -> EffectSums:
        """The sums, with the noise that the first regression took up.

        The residuals' covariance is (1 - h) C without interventions, and (1 - h_i) (C + A_i) with one on i, where h is
        the number of inputs per row of that kind, and h_i that of its products.
        Without a correction, every intervention would seem to shrink noise.
        """
        quiet = min(self.inputs.num_common / comparison.num_base, MOST_TAKEN)
        taken = np.minimum(self.inputs.widths / np.maximum(self.counts.sum(axis=0), 1), MOST_TAKEN)[:, None, None]
        base, power = self.change[:, 0] / (1 - quiet), self.power[:, 0]
        noise = base.sum(axis=0) / max(float(power.sum()), TINY)
        change = (self.change[:, 1:] + (taken - quiet) * self.power[:, 1:, None, None] * noise) / (1 - taken)
        return EffectSums(
            base=base,
            base_power=power,
            change=change,
            change_power=self.power[:, 1:],
            cross=self.cross,
            gram=self.gram,
            inputs=self.phi_gram,
            counts=self.counts,
            confounded=comparison.confounded,
        )
