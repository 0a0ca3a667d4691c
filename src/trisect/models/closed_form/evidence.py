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

from collections.abc import Mapping
from dataclasses import dataclass

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
"""Probability beyond either end of an interval."""
CONFOUNDED = "its targets follow from those of the other variables (record steps in which they do not)"
LEAST_RATIO = 0.1
"""Ratios of variances below this count as this in the effect of one group, which one outlier would dominate."""
TO_SPARE = 1.5
"""Factor of the number of interventions that would settle a variable; without it, they would in half of all cases."""
MOST_MORE = 100
"""A number of interventions this many times the recorded one is no advice."""


class Replicates:
    """The directions of some variables without one group of transitions after the other.

    Args:
        sums: sums of the effects.
        found: column of a variable -> its directions from all groups, from which the search starts.
        steady: as for `trisect.models.closed_form.directions.contrasts`.
    """

    def __init__(self, sums: EffectSums, found: Mapping[int, Directions], steady: np.ndarray | None = None):
        self.sums, self.found = sums, found
        self._without: dict[int, list[Directions]] = {variable: [] for variable in found}
        self._shares: dict[int, list[np.ndarray]] = {variable: [] for variable in found}
        for group in range(NUM_GROUPS):
            rest = sums.without(group)
            effects, again = rest.whole, contrasts(rest, steady)
            for variable, each in found.items():
                directions = directions_of(again[variable], each.vectors.shape[1], each.vectors)
                self._without[variable].append(directions)
                self._shares[variable].append(self._effects(effects, group, variable, directions))

    def _effects(self, effects: Effects, group: int, variable: int, directions: Directions) -> np.ndarray:
        """The effect in one group along each direction that the other groups gave, linear in the group's data."""
        change, mean = self.sums.share(variable, group)
        v = directions.vectors
        still = np.maximum(np.einsum("ln,lk,kn->n", v, effects.base, v), TINY)
        growth = np.einsum("ln,lk,kn->n", v, effects.covariance[variable], v) / still
        slope = 1 - 1 / np.maximum(1 + growth, LEAST_RATIO)
        of_noise = slope * np.einsum("ln,lk,kn->n", v, change, v)
        of_mean = np.einsum("pn,pq,qn->n", effects.mean[variable] @ v, effects.inputs[variable], mean @ v)
        return np.asarray((of_noise + of_mean) / still)

    def p_values(self, variable: int) -> np.ndarray:
        """The p-value of no effect along each direction of a variable."""
        shares = np.stack(self._shares[variable])[self.sums.counts[:, variable] > 0]
        count = len(shares)
        if count < 2:
            return np.ones(shares.shape[1])
        z = shares.sum(axis=0) / np.maximum(np.sqrt((shares**2).sum(axis=0)), 1e-300)
        t = z * np.sqrt((count - 1) / np.maximum(count - z**2, 1e-9))
        return np.asarray(special.stdtr(count - 1, -t / np.sqrt(2)))

    def error(self, variable: int, number: int) -> float:
        """e of the first directions of a variable."""
        whole = np.linalg.qr(self.found[variable].vectors[:, :number])[0]
        lost = 0.0
        for again in self._without[variable]:
            other = np.linalg.qr(again.vectors[:, :number])[0]
            lost += 1 - float(((whole.T @ other) ** 2).sum()) / number
        return (NUM_GROUPS - 1) / NUM_GROUPS * lost

    def evidence(self, variable: int, number: int) -> Evidence:
        """What the transitions say of the first directions of a variable."""
        found, sums = self.found[variable], self.sums
        return Evidence(
            effect=float(found.divergences[0]),
            p_value=float(self.p_values(variable)[0]),
            error=self.error(variable, number),
            freedom=max((len(found.vectors) - number) * number, 1),
            num_interventions=int(sums.counts[:, variable].sum()),
            confounded=bool(sums.confounded[variable]),
        )


@dataclass(frozen=True)
class Evidence:
    """What the transitions say of one variable.

    Attributes:
        effect: the divergence along its first direction, in nats.
        p_value: of no effect along it.
        error: e of its directions.
        freedom: in how many ways the directions may turn: their number times that of the other dimensions.
        num_interventions: number of transitions with an intervention on it.
        confounded: its targets follow from those of the other variables.
    """

    effect: float
    p_value: float
    error: float
    freedom: int
    num_interventions: int
    confounded: bool

    @property
    def seen(self) -> bool:
        """Whether chance alone would hardly show such an effect."""
        return self.p_value <= SIGNIFICANT

    @property
    def errors(self) -> tuple[float, float]:
        """The ends of the 95 % interval of the error."""
        low, high = stats.f.ppf((TAIL, 1 - TAIL), self.freedom, NUM_GROUPS - 1)
        return self.error * float(low), self.error * float(high)


def statement(evidence: Evidence, name: str) -> Statement:
    """What may be said about the variable of this name."""
    least, most = evidence.errors
    expected, low, high = (float(np.clip(1 - error, 0, 1)) for error in (evidence.error, most, least))
    if not evidence.seen:
        expected = low = 0.0
    verdict, settling, reason = _verdict(evidence, low)
    count = evidence.num_interventions
    return Statement(name, verdict, expected, low, high, evidence.effect, evidence.p_value, count, settling, reason)


def _verdict(evidence: Evidence, low: float) -> tuple[str, int | None, str]:
    """The verdict, the number of interventions that would settle it, and the reason."""
    count = evidence.num_interventions
    if evidence.confounded:
        return CANNOT_TELL, None, CONFOUNDED
    if evidence.seen and low >= ENOUGH:
        return FOUND, None, ""
    if evidence.seen:
        reason = f"{count} interventions show an effect, but not well enough along which direction (R2 from {low:.2f})"
        return CANNOT_TELL, _settling(count, evidence.errors[1] / (1 - ENOUGH)), reason
    if evidence.effect < WORTH:
        return NOT_THERE, None, f"{count} interventions show no effect on these latents"
    reason = f"{count} interventions show no effect that chance would not show as well"
    return CANNOT_TELL, _settling(count, min(evidence.effect / WORTH, _until_seen(evidence))), reason


def _until_seen(evidence: Evidence) -> float:
    """How many times the interventions would show the direction of an effect that chance may explain, if it is real."""
    deviations = float(stats.norm.isf(evidence.p_value))
    until_significant = (float(stats.norm.isf(SIGNIFICANT)) / deviations) ** 2 if deviations > 0 else np.inf
    return max(until_significant, evidence.errors[1] / (1 - ENOUGH))


def _settling(count: int, times: float) -> int | None:
    """This many times the interventions with some to spare, to two digits; None if they are too many to record."""
    if times * TO_SPARE > MOST_MORE:
        return None
    number = count * times * TO_SPARE
    digits = max(int(np.floor(np.log10(max(number, 1)))) - 1, 0)
    return int(np.ceil(number / 10**digits)) * 10**digits
