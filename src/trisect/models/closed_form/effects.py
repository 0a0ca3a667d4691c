"""Effects: what an intervention on each variable changes in the residual, as additive functions of the targets.

Let r be the residual of the latents after a transition, their values minus what the past predicts without
interventions. Any kind of intervention changes its mean, its covariance, or both: noise that grows or shrinks, a value
that is shifted or fixed, a level that is held, another rule. With phi = (1, z^t),

    E[r | z^t, I]        = m + sum_i I_i phi' G_i,
    Cov[r | z^t, I]      = C + sum_i I_i A_i.

Both lines are linear in the targets, so least squares over all transitions estimates G_i and then, from the residual of
the first line, A_i, whatever the policy is: targets may be drawn singly, independently or in groups, or be held over
many steps. The interaction of I_i with z^t matters: a changed rule moves the mean by an amount that depends on the
state, and the changes of two variables with common parents are correlated. If they stayed in the second line, their
product would be taken for an effect of both.

Least squares splits into one regression per target (Frisch & Waugh 1933, Lovell 1963): with x~ what the other inputs do
not explain of x, the estimate is sum x~ y / sum x~^2. So sums over groups of transitions suffice for the estimate from
any set of groups: halves, for products whose noise has mean zero, and all but one, for error bars (the jackknife).

Source: this library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trisect.rows import chunks

NUM_GROUPS = 20
"""Number of groups of consecutive transitions."""
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
TINY = 1e-12


@dataclass(frozen=True)
class Effects:
    """Estimated effects.

    Attributes:
        base: C, (L, L), covariance of the residual without interventions.
        covariance: A_i, (K, L, L), what an intervention adds to it; negative where noise shrinks.
        mean: G_i, (P_i, L) each, how it changes the mean.
        inputs: (P_i, P_i) each, second moment of phi where it happens.
    """

    base: np.ndarray
    covariance: np.ndarray
    mean: tuple[np.ndarray, ...]
    inputs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class EffectSums:
    """Sums over groups of transitions, from which `Effects` of any groups follow.

    Attributes:
        base, base_power: (G, L, L) and (G,), of the intercept: weighted sums of x~ e e' and of x~^2.
        change, change_power: (G, K, L, L) and (G, K), of the targets.
        cross, gram: (G, P_i, L) and (G, P_i, P_i) each, of the products of target and phi.
        inputs: (G, P_i, P_i) each, sums of phi phi' over the transitions with an intervention.
        counts: (G, K), number of interventions.
        confounded: (K,) bool, targets that the other targets explain almost fully.
    """

    base: np.ndarray
    base_power: np.ndarray
    change: np.ndarray
    change_power: np.ndarray
    cross: tuple[np.ndarray, ...]
    gram: tuple[np.ndarray, ...]
    inputs: tuple[np.ndarray, ...]
    counts: np.ndarray
    confounded: np.ndarray

    @property
    def whole(self) -> Effects:
        """The effects estimated from all transitions."""
        return self.of(np.ones(len(self.counts), dtype=bool))

    @property
    def halves(self) -> tuple[Effects, Effects]:
        """The effects estimated from the even groups, and from the odd ones."""
        even = np.arange(len(self.counts)) % 2 == 0
        return self.of(even), self.of(~even)

    def without(self, group: int) -> EffectSums:
        """The sums without one group; the halves keep their other groups."""

        def emptied(values: np.ndarray) -> np.ndarray:
            changed = values.copy()
            changed[group] = 0.0
            return changed

        base, power = emptied(self.base), emptied(self.base_power)
        change, change_power = emptied(self.change), emptied(self.change_power)
        cross, gram, inputs = (tuple(map(emptied, each)) for each in (self.cross, self.gram, self.inputs))
        return EffectSums(base, power, change, change_power, cross, gram, inputs, emptied(self.counts), self.confounded)

    def share(self, variable: int, group: int) -> tuple[np.ndarray, np.ndarray]:
        """What one group adds to the estimates of A_i (L, L) and G_i (P_i, L), whose sums over groups they are."""
        change = self.change[group, variable] / max(float(self.change_power[:, variable].sum()), TINY)
        return change, _solved(self.gram[variable].sum(axis=0), self.cross[variable][group])

    def of(self, groups: np.ndarray) -> Effects:
        """The effects estimated from some groups, (G,) bool."""
        base = self.base[groups].sum(axis=0) / max(float(self.base_power[groups].sum()), TINY)
        power = np.maximum(self.change_power[groups].sum(axis=0), TINY)
        change = self.change[groups].sum(axis=0) / power[:, None, None]
        counts = np.maximum(self.counts[groups].sum(axis=0), 1)
        mean = tuple(_solved(gram[groups].sum(axis=0), cross[groups].sum(axis=0)) for gram, cross in self._means())
        inputs = tuple(each[groups].sum(axis=0) / count for each, count in zip(self.inputs, counts))
        return Effects(base, change, mean, inputs)

    def _means(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return zip(self.gram, self.cross)


def measure(residual: np.ndarray, targets: np.ndarray, past: np.ndarray, keep: np.ndarray) -> EffectSums:
    """Sum up the effects of all interventions.

    Args:
        residual: r, (pairs, L).
        targets: (pairs, K) bool.
        past: z^t, (pairs, L), centred.
        keep: (pairs,) bool, the transitions to use.
    """
    rows = np.flatnonzero(keep)
    wide = _wide(targets[rows], past.shape[1])
    design = _Design(rows, targets, past, wide)
    gram = _summed(design, lambda part, x: x.T @ x)
    cross = _summed(design, lambda part, x: x.T @ residual[part])
    inverse = _inverse(gram)
    weights = inverse @ cross
    # the projection of every target's products on what the other inputs leave of them
    away = [inverse[:, block] @ _inverse(inverse[block, block]) for block in design.blocks]
    indicators, confounded = _alone(targets[rows])
    return _sums(design, residual, weights, away, indicators, confounded)


def _wide(targets: np.ndarray, num_latents: int) -> np.ndarray:
    """For which variables phi = (1, z^t): those with enough transitions of both kinds, if not too many in all."""
    size = 1 + num_latents
    fewest = np.minimum(targets.sum(axis=0), (~targets).sum(axis=0))
    wide = fewest >= ROWS_PER_INPUT * size
    total = int(wide.sum()) * size
    return wide & (total <= min(MOST_INPUTS, len(targets) / ROWS_PER_INPUT))


@dataclass(frozen=True)
class _Design:
    """The inputs of the first regression: 1, and the products of every target with its phi."""

    rows: np.ndarray
    targets: np.ndarray
    past: np.ndarray
    wide: np.ndarray

    @property
    def blocks(self) -> list[slice]:
        """The columns of every target's products."""
        sizes = np.where(self.wide, 1 + self.past.shape[1], 1)
        ends = 1 + np.cumsum(sizes)
        return [slice(end - size, end) for end, size in zip(ends.tolist(), sizes.tolist())]

    @property
    def taken(self) -> np.ndarray:
        """Share (K,) of the noise of rows with an intervention that P_i weights fitted to these n_i rows take up."""
        sizes = np.array([block.stop - block.start for block in self.blocks])
        counts = np.maximum(self.targets[self.rows].sum(axis=0), 1)
        return np.asarray(np.minimum(sizes / counts, MOST_TAKEN))

    def phi(self, part: np.ndarray, variable: int) -> np.ndarray:
        """phi of one variable in some rows, (rows, P_i)."""
        ones = np.ones((len(part), 1))
        return np.column_stack([ones, self.past[part]]) if self.wide[variable] else ones

    def inputs(self, part: np.ndarray) -> np.ndarray:
        """All inputs in some rows."""
        ones = np.ones((len(part), 1))
        products = [self.targets[part, i, None] * self.phi(part, i) for i in range(len(self.wide))]
        return np.hstack([ones, *products])

    def groups(self) -> list[np.ndarray]:
        """The rows of every group."""
        return np.array_split(self.rows, NUM_GROUPS)


def _summed(design: _Design, of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """A sum over all rows of a function of row numbers and their inputs."""
    total: np.ndarray | float = 0.0
    for rows in chunks(len(design.rows)):
        part = design.rows[rows]
        total = total + of(part, design.inputs(part))
    return np.asarray(total)


def _inverse(gram: np.ndarray) -> np.ndarray:
    """Inverse of a gram; what other inputs determine is left out."""
    scale = np.sqrt(np.maximum(np.diagonal(gram), TINY))
    return np.asarray(
        np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-8, hermitian=True) / np.outer(scale, scale)
    )


def _solved(gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    return _inverse(gram) @ cross


def _alone(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (1 + K, 1 + K) that give x~ of the intercept and of every target, and which targets are confounded."""
    x = np.column_stack([np.ones(len(targets)), targets]).astype(np.float64)
    gram = x.T @ x
    inverse = _inverse(gram)
    diagonal = np.diagonal(inverse)
    weights = inverse / np.where(diagonal > TINY / len(x), diagonal, 1.0)
    confounded = np.array([_left(gram, column) < SEPARATE for column in range(1, len(gram))])
    of_base = _inverse(x.T @ (x * _base_weights(targets, _intervened_weight(targets))[:, None]))
    weights[:, 0] = of_base[:, 0] / max(float(of_base[0, 0]), TINY / len(x))
    for column in np.flatnonzero(confounded) + 1:
        weights[:, column] = 0.0
        weights[0, column], weights[column, column] = -gram[0, column] / gram[0, 0], 1.0
    return weights, confounded


def _base_weights(targets: np.ndarray, intervened: float) -> np.ndarray:
    """Weights (rows,) of transitions in the least squares for C, of which those with an intervention are given."""
    return np.where(targets.any(axis=1), intervened, 1.0)


def _intervened_weight(targets: np.ndarray) -> float:
    """Small if there are enough other rows: noise that interventions make grow a hundredfold would hide C itself."""
    return INTERVENED if (~targets.any(axis=1)).mean() >= QUIET else 1.0


def _left(gram: np.ndarray, column: int) -> float:
    """Share of a target's variance that a linear regression on the other targets leaves."""
    others = np.arange(len(gram)) != column
    cross = gram[others, column]
    left = gram[column, column] - cross @ np.linalg.lstsq(gram[np.ix_(others, others)], cross, rcond=None)[0]
    return float(left / max(gram[column, column] - gram[0, column] ** 2 / gram[0, 0], TINY))


def _sums(
    design: _Design,
    residual: np.ndarray,
    weights: np.ndarray,
    away: Sequence[np.ndarray],
    indicators: np.ndarray,
    confounded: np.ndarray,
) -> EffectSums:
    size, num_variables = residual.shape[1], len(design.wide)
    change = np.zeros((NUM_GROUPS, 1 + num_variables, size, size))
    power, counts = np.zeros((NUM_GROUPS, 1 + num_variables)), np.zeros((NUM_GROUPS, num_variables))
    widths = [block.stop - block.start for block in design.blocks]
    cross = tuple(np.zeros((NUM_GROUPS, width, size)) for width in widths)
    gram, inputs = (tuple(np.zeros((NUM_GROUPS, width, width)) for width in widths) for _ in range(2))
    intervened = _intervened_weight(design.targets[design.rows])
    for group, members in enumerate(design.groups()):
        for rows in chunks(len(members)):
            part = members[rows]
            x, on = design.inputs(part), design.targets[part]
            left = residual[part] - x @ weights
            indicator = np.column_stack([np.ones(len(part)), on]) @ indicators
            weight = np.ones_like(indicator)
            weight[:, 0] = _base_weights(on, intervened)
            power[group] += (weight * indicator**2).sum(axis=0)
            indicator *= weight
            counts[group] += on.sum(axis=0)
            for column in range(1 + num_variables):
                change[group, column] += (left * indicator[:, column, None]).T @ left
            for variable in range(num_variables):
                own, phi = x @ away[variable], design.phi(part[on[:, variable]], variable)
                gram[variable][group] += own.T @ own
                cross[variable][group] += own.T @ residual[part]
                inputs[variable][group] += phi.T @ phi
    changed = _restored(change, power, design.taken)
    return EffectSums(change[:, 0], power[:, 0], changed, power[:, 1:], cross, gram, inputs, counts, confounded)


def _restored(change: np.ndarray, power: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """The sums (G, K, L, L) for A_i with the noise that the first regression took up.

    Residuals of rows with an intervention on i have the covariance (1 - h) (C + A_i), with h = P_i / n_i. Uncorrected,
    every intervention would seem to shrink noise by the share h.
    """
    base = change[:, 0].sum(axis=0) / max(float(power[:, 0].sum()), TINY)
    share = taken[:, None, None]
    return np.asarray((change[:, 1:] + share * power[:, 1:, None, None] * base) / (1 - share))
