"""Evidence: how certain the directions of every variable are, and what may be said about it.

Leaving out one group of consecutive transitions after the other (the jackknife; Efron & Tibshirani, 1993) gives G
further estimates of a variable's directions. Two things follow from them.

*Error.* With c_g the mean squared cosine between the directions from all groups and those without group g, in units in
which the latents are white, the share of the directions' variance that more data would change is about

    e = (G - 1) / G * sum_g (1 - c_g),

so 1 - e is the R2 to expect between them and the directions that infinitely many transitions would give. It bounds the
error of chance alone: a code that bends, or effects within one step, add to it.

*Effect.* Along the directions without group g, the effect in group g has mean zero if interventions change nothing, as
the group had no part in choosing them. The sum over groups divided by its standard error gives the p-value of no
effect. The standard error is not that of independent groups: every pair of groups meets twice in the sum, once with
either in the other's directions. If interventions change nothing, the sum is a degenerate U-statistic, whose variance
is twice the sum of the groups' variances; so the t statistic is divided by sqrt(2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from trisect.models.closed_form.directions import Directions, contrasts, directions_of
from trisect.models.closed_form.effects import NUM_GROUPS, TINY, Effects, EffectSums
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, Statement

SIGNIFICANT = 0.01
"""Largest p-value of an effect that counts as seen."""
ENOUGH = 0.8
"""A variable is found if its expected R2 is above this even at the lower end of the interval."""
WORTH = 0.02
"""Smallest divergence of an effect worth finding, in nats."""
TAIL = 0.025


class Replicates:
    """The directions of all variables without one group of transitions after the other.

    Args:
        sums: sums of the effects.
        found: every variable's directions from all groups, from which the search starts.
        steady: as for `trisect.models.closed_form.directions.contrasts`.
    """

    def __init__(self, sums: EffectSums, found: Sequence[Directions], steady: float = 0.0):
        self.sums, self.found = sums, found
        self._without: list[list[Directions]] = []
        self._shares = np.zeros((NUM_GROUPS, len(found), max(each.vectors.shape[1] for each in found)))
        for group in range(NUM_GROUPS):
            rest = sums.without(group)
            again = [
                directions_of(contrast, each.vectors.shape[1], each.vectors)
                for contrast, each in zip(contrasts(rest, steady), found)
            ]
            self._without.append(again)
            effects = rest.whole
            for variable, each in enumerate(again):
                self._shares[group, variable, : each.vectors.shape[1]] = self._effects(effects, group, variable, each)

    def _effects(self, effects: Effects, group: int, variable: int, directions: Directions) -> np.ndarray:
        """The effect in one group along each direction that the other groups gave, linear in the group's data."""
        change, mean = self.sums.share(variable, group)
        v = directions.vectors
        still = np.maximum(np.einsum("ln,lk,kn->n", v, effects.base, v), TINY)
        growth = np.einsum("ln,lk,kn->n", v, effects.covariance[variable], v) / still
        slope = 1 - 1 / np.maximum(1 + growth, 0.1)
        of_noise = slope * np.einsum("ln,lk,kn->n", v, change, v)
        of_mean = np.einsum("pn,pq,qn->n", effects.mean[variable] @ v, effects.inputs[variable], mean @ v)
        return np.asarray((of_noise + of_mean) / still)

    def p_values(self, variable: int) -> np.ndarray:
        """The p-value of no effect along each direction of a variable."""
        number = self.found[variable].vectors.shape[1]
        shares = self._shares[self.sums.counts[:, variable] > 0, variable, :number]
        count = len(shares)
        if count < 2:
            return np.ones(number)
        z = shares.sum(axis=0) / np.maximum(np.sqrt((shares**2).sum(axis=0)), 1e-300)
        t = z * np.sqrt((count - 1) / np.maximum(count - z**2, 1e-9))
        return np.asarray(special.stdtr(count - 1, -t / np.sqrt(2)))

    def error(self, variable: int, number: int) -> float:
        """e of the first directions of a variable."""
        whole = np.linalg.qr(self.found[variable].vectors[:, :number])[0]
        lost = 0.0
        for again in self._without:
            other = np.linalg.qr(again[variable].vectors[:, :number])[0]
            lost += 1 - float(((whole.T @ other) ** 2).sum()) / number
        return (NUM_GROUPS - 1) / NUM_GROUPS * lost


def statement(replicates: Replicates, variable: int, number: int, name: str) -> Statement:
    """What may be said about one variable.

    Args:
        replicates: its directions without one group after the other.
        variable: its column.
        number: how many directions its slot has.
        name: its name.
    """
    sums, found = replicates.sums, replicates.found[variable]
    count, size = int(sums.counts[:, variable].sum()), len(found.vectors)
    p_value, effect = float(replicates.p_values(variable)[0]), float(found.divergences[0])
    error = replicates.error(variable, number)
    freedom = max((size - number) * number, 1)
    low_factor, high_factor = stats.f.ppf((TAIL, 1 - TAIL), freedom, NUM_GROUPS - 1)
    expected, low, high = (float(np.clip(1 - error * by, 0, 1)) for by in (1.0, high_factor, low_factor))
    if p_value > SIGNIFICANT:
        expected = low = 0.0
    worst = (error * float(high_factor), low)
    verdict, settling, reason = _verdict(bool(sums.confounded[variable]), p_value, effect, worst, count)
    return Statement(name, verdict, expected, low, high, effect, p_value, count, settling, reason)


def _verdict(
    confounded: bool, p_value: float, effect: float, worst: tuple[float, float], count: int
) -> tuple[str, int | None, str]:
    """The verdict, the number of interventions that would settle it, and the reason."""
    error, low = worst
    if confounded:
        return CANNOT_TELL, None, "its targets follow from those of the other variables"
    if p_value <= SIGNIFICANT and low >= ENOUGH:
        return FOUND, None, ""
    if p_value <= SIGNIFICANT:
        reason = f"{count} interventions show an effect, but not well enough along which direction (R2 from {low:.2f})"
        return CANNOT_TELL, _rounded(count * error / (1 - ENOUGH)), reason
    if effect < WORTH:
        return NOT_THERE, None, f"{count} interventions show no effect on these latents"
    reason = f"{count} interventions show no effect that chance would not show as well"
    return CANNOT_TELL, _rounded(count * effect / WORTH), reason


def _rounded(number: float) -> int:
    """The number upwards to two digits."""
    digits = max(int(np.floor(np.log10(max(number, 1)))) - 1, 0)
    return int(np.ceil(number / 10**digits)) * 10**digits
