"""Choosing: every variable's directions, found with several weights on steadiness, and what may be said about it.

Few transitions leave directions open if the past predicts some latents almost fully: a small effect along them is large
in units of what remains. So directions that differ from one part of the data to the next are searched again with more
weight on directions that are steady, see `steadiness` and `trisect.models.closed_form.directions.contrasts`. The first
stable ones whose effect is seen are taken; if there are none, the most stable ones whose effect is seen; if there are
none of these either, those with the smallest p-value.

Such a weight makes directions stable, but it also biases them. The first search has no weight and so no bias. If a
later one had none either, the two would lie apart by the difference of their errors (Hausman, 1978). What they lie
apart beyond this is bias, and counts as error.

The p-values of several searches on the same data depend on each other in an unknown way. The mean of
tan((1/2 - p) pi) over them is about Cauchy distributed whatever the dependence, far out; its p-value is the one that is
stated (Liu & Xie, "Cauchy combination test", 2020).

Source: this library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trisect.models.closed_form.directions import MOST_DIRECTIONS, contrasts, directions_of
from trisect.models.closed_form.effects import EffectSums
from trisect.models.closed_form.evidence import SIGNIFICANT, Evidence, Replicates, statement
from trisect.models.closed_form.statement import Statement

VALUES = (0.01, 0.03, 0.1)
"""Weights on the covariance of the latents."""
STEPS = 0.1
"""Weight on the covariance of the latents' steps."""
READING = 0.01
"""Error that every latent may have, in units of its standard deviation."""
STABLE = 0.02
"""Directions are stable if more data would change less than this share of their variance."""
ROWS_PER_LATENT = 5
"""Transitions without interventions per latent that the covariance of their steps needs."""


def choose(
    sums: EffectSums, tries: Sequence[np.ndarray], names: Sequence[str], least: Sequence[int] | None = None
) -> tuple[list[np.ndarray], tuple[Statement, ...]]:
    """Every variable's directions (L, n_i), without those whose effect may be chance, and what may be said about it.

    Args:
        sums: sums of the effects.
        tries: what is added to D, (L, L) each, one search after the other; see `steadiness`.
        names: of the variables.
        least: of every variable, the least number of directions to look at; by default 1.
    """
    least = least or [1] * len(names)
    tried: list[list[Candidate]] = [[] for _ in names]
    for steady in tries:
        left = [variable for variable, so_far in enumerate(tried) if not any(each.settled for each in so_far)]
        if left:
            wanted = {variable: least[variable] for variable in left}
            for variable, candidate in _candidates(sums, steady, wanted).items():
                so_far = tried[variable]
                so_far.append(candidate.beside(so_far[0]) if so_far else candidate)
    chosen = [best(candidates) for candidates in tried]
    statements = tuple(statement(each.evidence, name) for each, name in zip(chosen, names))
    return [each.directions for each in chosen], statements


def steadiness(before: np.ndarray, after: np.ndarray, targets: np.ndarray, whitening: np.ndarray) -> list[np.ndarray]:
    """What is added to D, (L, L) each, in the order of trial.

    First nothing, then shares of the latents' covariance. The last two add an error of `READING` in every latent, so
    that the difference of two latents that agree to four digits counts for nothing; the first of them adds a share of
    the covariance of the latents' steps as well.

    Args:
        before, after: (pairs, L), white.
        targets: (pairs, K) bool.
        whitening: (L, L), from standardised latents to white ones.
    """
    values, reading = np.eye(len(whitening)), READING**2 * whitening.T @ whitening
    of_values = [weight * values for weight in (0.0, *VALUES)]
    return [*of_values, reading + STEPS * _of_steps(before, after, targets), reading]


def _of_steps(before: np.ndarray, after: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Covariance (L, L) of the steps without interventions, of mean diagonal 1; of all steps if these are few."""
    quiet, steps = ~targets.any(axis=1), after - before
    if quiet.sum() > ROWS_PER_LATENT * steps.shape[1]:
        steps = steps[quiet]
    covariance = np.cov(steps, rowvar=False).reshape(steps.shape[1], steps.shape[1])
    return np.asarray(covariance * len(covariance) / max(float(np.trace(covariance)), 1e-300))


@dataclass(frozen=True)
class Candidate:
    """Directions (L, n) of one variable, and what the transitions say of them."""

    directions: np.ndarray
    evidence: Evidence

    @property
    def settled(self) -> bool:
        """Whether the effect is seen and the directions are stable."""
        return self.evidence.seen and self.evidence.error <= STABLE

    @property
    def rank(self) -> tuple[bool, float]:
        """The larger the better."""
        evidence = self.evidence
        return evidence.seen, -evidence.error if evidence.seen else -evidence.p_value

    def beside(self, first: Candidate) -> Candidate:
        """The candidate with its bias among the error, given the one of the search without weights."""
        own, other = (np.linalg.qr(each.directions)[0] for each in (self, first))
        distance = 1 - float(((own.T @ other) ** 2).sum()) / min(own.shape[1], other.shape[1])
        bias = max(distance - max(first.evidence.error - self.evidence.error, 0.0), 0.0)
        return replace(self, evidence=replace(self.evidence, error=self.evidence.error + bias))


def best(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate to take of a variable, with the p-value of all of them."""
    taken = max(candidates, key=lambda each: each.rank)
    p_value = combined([each.evidence.p_value for each in candidates])
    return replace(taken, evidence=replace(taken.evidence, p_value=p_value))


def _candidates(sums: EffectSums, steady: np.ndarray, least: Mapping[int, int]) -> dict[int, Candidate]:
    """The candidate of every variable in ``least``, which has the least number of its directions."""
    of_all = contrasts(sums, steady)
    every = {variable: directions_of(of_all[variable], MOST_DIRECTIONS) for variable in least}
    found = {variable: each.up_to_gap(least[variable]) for variable, each in every.items()}
    replicates, candidates = Replicates(sums, found, steady), {}
    for variable, each in found.items():
        seen = replicates.p_values(variable) <= SIGNIFICANT
        number = max(1, int(np.cumprod(seen).sum()))
        candidates[variable] = Candidate(each.vectors[:, :number], replicates.evidence(variable, number))
    return candidates


def combined(p_values: Sequence[float]) -> float:
    """The p-value of several p-values in [0, 1] of one hypothesis, whatever their dependence.

    Those above .99 count as .99, since a single one of 1 would outweigh all others.

    Example:
        >>> round(combined([0.01]), 6), round(combined([0.01, 0.01]), 6), round(combined([0.002, 0.5]), 4)
        (0.01, 0.01, 0.004)
    """
    inside = np.clip(p_values, 1e-15, 0.99)
    return float(0.5 - np.arctan(np.tan((0.5 - inside) * np.pi).mean()) / np.pi)
