"""Effects: what an intervention on each variable changes in the residual, as additive functions of the targets.

Let r be the residual of the latents after a transition, their values minus what the past predicts without
interventions. Any kind of intervention changes its mean, its covariance, or both: noise that grows or shrinks, a value
that is shifted or fixed, a level that is held, another rule. With phi = (1, z^t),

    E[r | z^t, I]        = phi' M + sum_i I_i phi' G_i,
    Cov[r | z^t, I]      = C + sum_i I_i A_i.

M is what errors of the estimated dynamics leave, which is little. Both lines are linear in the targets, so least
squares over all transitions estimates G_i and then, from the residual of the first line, A_i, whatever the policy is:
targets may be drawn singly, independently or in groups, or be held over many steps. The interaction of I_i with z^t
matters: a changed rule moves the mean by an amount that depends on the state, and the changes of two variables with
common parents are correlated. If they stayed in the second line, their product would be taken for an effect of both.

Least squares splits into one regression per target (Frisch & Waugh 1933, Lovell 1963): with x~ what the other inputs do
not explain of x, the estimate is sum x~ y / sum x~^2. So sums over groups of transitions suffice for the estimate from
any set of groups: halves, for products whose noise has mean zero, and all but one, for error bars (the jackknife).
`trisect.models.closed_form.measuring` computes the sums.

Source: this library.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

NUM_GROUPS = 20
"""Number of groups of consecutive transitions."""
TINY = 1e-12
"""Lower bound of what sums are divided by."""


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
class Estimates:
    """The effects estimated from some groups.

    Attributes:
        whole: from all of them.
        halves: from the even ones, and from the odd ones.
        counts: (G, K), number of interventions; 0 in the other groups.
    """

    whole: Effects
    halves: tuple[Effects, Effects]
    counts: np.ndarray


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

    @cached_property
    def whole(self) -> Effects:
        """The effects estimated from all transitions."""
        return self.of(np.ones(len(self.counts), dtype=bool))

    @cached_property
    def halves(self) -> tuple[Effects, Effects]:
        """The effects estimated from the even groups, and from the odd ones."""
        even = np.arange(len(self.counts)) % 2 == 0
        return self.of(even), self.of(~even)

    def without(self, group: int) -> Estimates:
        """The effects estimated without one group; the halves keep their other groups."""
        if group not in self._left_out:
            rest = self._emptied(group)
            self._left_out[group] = Estimates(rest.whole, rest.halves, rest.counts)
        return self._left_out[group]

    @cached_property
    def _left_out(self) -> dict[int, Estimates]:
        return {}

    def _emptied(self, group: int) -> EffectSums:
        others = np.arange(len(self.counts)) != group

        def emptied(values: np.ndarray) -> np.ndarray:
            return values * others.reshape(-1, *(1,) * (values.ndim - 1))

        cross, gram, inputs = (tuple(map(emptied, each)) for each in (self.cross, self.gram, self.inputs))
        return EffectSums(
            base=emptied(self.base),
            base_power=emptied(self.base_power),
            change=emptied(self.change),
            change_power=emptied(self.change_power),
            cross=cross,
            gram=gram,
            inputs=inputs,
            counts=emptied(self.counts),
            confounded=self.confounded,
        )

    def share(self, variable: int, group: int) -> tuple[np.ndarray, np.ndarray]:
        """What one group adds to the estimates of A_i (L, L) and G_i (P_i, L), whose sums over groups they are."""
        change = self.change[group, variable] / max(float(self.change_power[:, variable].sum()), TINY)
        return change, self._inverse_grams[variable] @ self.cross[variable][group]

    @cached_property
    def _inverse_grams(self) -> tuple[np.ndarray, ...]:
        return tuple(pseudo_inverse(gram.sum(axis=0)) for gram in self.gram)

    def of(self, groups: np.ndarray) -> Effects:
        """The effects estimated from some groups, (G,) bool."""
        base = self.base[groups].sum(axis=0) / max(float(self.base_power[groups].sum()), TINY)
        power = np.maximum(self.change_power[groups].sum(axis=0), TINY)
        change = self.change[groups].sum(axis=0) / power[:, None, None]
        counts = np.maximum(self.counts[groups].sum(axis=0), 1)
        mean = tuple(
            pseudo_inverse(gram[groups].sum(axis=0)) @ cross[groups].sum(axis=0)
            for gram, cross in zip(self.gram, self.cross)
        )
        inputs = tuple(each[groups].sum(axis=0) / count for each, count in zip(self.inputs, counts))
        return Effects(base, change, mean, inputs)


def pseudo_inverse(gram: np.ndarray) -> np.ndarray:
    """Inverse (P, P) of a gram (P, P) that does not depend on units; what other inputs determine is left out."""
    scale = np.sqrt(np.maximum(np.diagonal(gram), TINY))
    sizes = np.outer(scale, scale)
    return np.asarray(np.linalg.pinv(gram / sizes, rcond=1e-8, hermitian=True) / sizes)
