"""Closed-form identification: find the directions of the latents that each intervention moves. No labels are used.

An intervention on variable i changes z^{t+1} in a way that the past does not predict. If the latents are a linear code
of the variables, it therefore inflates the variance of the prediction error along variable i's directions only. The
method finds these directions with linear algebra:

1. Whiten z, so that all latents have variance 1 and no correlations.
2. Predict z^{t+1} by ridge regression on features of z^t (`trisect.models.closed_form.dynamics`), fitted to transitions
   without interventions. The residual r of every transition is what the past does not predict.
3. For each variable i solve the generalised eigenproblem Cov(r | I_i = 1) v = lambda Cov(r | I_i = 0) v, as in common
   spatial patterns (`trisect.models.closed_form.contrast`). lambda is the factor by which the intervention multiplies
   the variance along v; since other interventions occur on both sides, their directions have lambda about 1. Keep the
   leading directions; drop those that another intervention moves as well and those that are only a curve of the ones
   before.
4. Trim: leave out of contrast i the transitions in which a block that was not intervened on jumps, such as restarts,
   and repeat step 3.
5. Replace the directions by an LCMV beamformer (`trisect.models.closed_form.beamformer`), which reads each variable and
   nothing of what the other interventions move. Importance weights make states count more in which the variables
   differ.

Steps 2 to 5 are repeated with further features of the identified directions and without jumps. The orthogonal
complement of all directions is the noise slot psi(0). Two steps handle nonlinear codes:
`trisect.models.closed_form.splitting` splits a direction that holds more than its variable, and
`trisect.models.closed_form.leakage` removes nonlinear leakage between variables.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trisect import checks
from trisect.interventions import require_identifiable
from trisect.linear_algebra import whiten
from trisect.models.closed_form import beamformer, contrast, dynamics, leakage, splitting, trimming
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.leakage import Curves, LeakageSettings
from trisect.models.closed_form.ridge import Ridge, ridge_on
from trisect.models.closed_form.splitting import Coupling, SplittingSettings

logger = logging.getLogger("trisect")

ROWS_PER_FEATURE = 4
"""Transitions without interventions that a refit needs per feature of the dynamics."""
MOST_PAIRS = 250_000
"""Largest number of transitions in use; of longer recordings a part is taken, evenly over time."""


@dataclass(frozen=True)
class ClosedFormSettings:
    """Settings of the residual contrast.

    Attributes:
        num_features: number of random tanh features of z^t in the dynamics regression.
        refits: rounds in which the regression also sees sharper features of the directions found so far. Dynamics that
            the regression misses become noise that variables share, which makes one variable leak into another.
        ridge: L2 penalty of the regression, in units of one transition's unit-variance features.
        min_ratio: a direction is kept if an intervention multiplies its residual variance by more than this. If several
            directions are, those in their span are dropped that other interventions move by as much.
        relative_ratio: a direction is kept only if its multiple is also more than this fraction of the largest one; at
            least one direction is kept.
        trim_rounds: rounds of trimming and solving again.
        trim_deviations: a block jumps if it moves by more than this many robust deviations (1.48 MAD).
        seed: seed of the random features.
        splitting: when a direction is split.
        leakage: which curves of other variables are removed from the latents.
    """

    num_features: int = 300
    refits: int = 2
    ridge: float = 3.0
    min_ratio: float = 4.0
    relative_ratio: float = 0.1
    trim_rounds: int = 3
    trim_deviations: float = 4.0
    seed: int = 0
    splitting: SplittingSettings = field(default_factory=SplittingSettings)
    leakage: LeakageSettings = field(default_factory=LeakageSettings)

    def __post_init__(self) -> None:
        checks.size(self.num_features, "num_features of the closed form", 0)
        checks.size(self.refits, "refits of the closed form", 0)
        checks.in_range(self.ridge, "ridge of the closed form", 0, np.inf, open_low=True)
        checks.size(self.trim_rounds, "trim_rounds of the closed form", 0)
        checks.in_range(self.trim_deviations, "trim_deviations of the closed form", 0, np.inf, open_low=True)
        checks.in_range(self.min_ratio, "min_ratio of the closed form", 0, np.inf)
        checks.seed(self.seed, "seed of the closed form")
        checks.in_range(self.relative_ratio, "relative_ratio of the closed form", 0, 1)


def identify(
    z_prev: np.ndarray,
    z_next: np.ndarray,
    targets: np.ndarray,
    settings: ClosedFormSettings | None = None,
    names: Sequence[str] | None = None,
) -> Identification:
    """Find the directions of the latents that each target moves.

    Args:
        z_prev, z_next: (pairs, L) latents before and after each transition, in units of about the same size: a latent
            that varies by less than 1e-4 of the largest one counts as constant. Of more than `MOST_PAIRS` transitions
            a part is used.
        targets: (pairs, K) bool.
        settings: see `ClosedFormSettings`.
        names: names of the variables, for messages; by default "column 0" and so on.

    Raises:
        ValueError: shapes disagree, values are not finite, all latents are constant, there are fewer latents than
            targets, or the targets do not identify the variables (`trisect.interventions.require_identifiable`).
    """
    settings = settings or ClosedFormSettings()
    targets = _check(z_prev, z_next, targets, names)
    if len(targets) > MOST_PAIRS:
        rows = _part(targets)
        logger.info("the closed form uses %d of %d transitions, evenly over time", len(rows), len(targets))
        z_prev, z_next, targets = z_prev[rows], z_next[rows], targets[rows]
    both = np.concatenate([z_prev, z_next]).astype(np.float64)
    mean, whitening = whiten(both)
    before, after = (z_prev - mean) @ whitening, (z_next - mean) @ whitening
    contrasts = _rounds(before, after, targets, settings)
    directions, slots = contrast.complete(contrasts.blocks)
    latents = LatentPairs(before @ directions, after @ directions, slots, np.ones(len(slots)), contrasts.past)
    splitting.split_directions(latents, targets, settings.splitting, np.random.default_rng(settings.seed))
    leakage.remove_leakage(latents, targets, settings.leakage)
    matrix = whitening @ directions / latents.scale
    couplings = tuple(change for change in latents.changes if isinstance(change, Coupling))
    curves = tuple(change for change in latents.changes if isinstance(change, Curves))
    return Identification(mean, matrix, latents.slots, contrasts.ratios, couplings, curves)


def _part(targets: np.ndarray) -> np.ndarray:
    """Rows spread evenly over all transitions, and as many interventions on every variable as a balanced share."""
    rows = [_spread(np.arange(len(targets)), MOST_PAIRS // 2)]
    share = MOST_PAIRS // (2 * targets.shape[1])
    return np.unique(np.concatenate(rows + [_spread(np.flatnonzero(column), share) for column in targets.T]))


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most that many rows, evenly spaced."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _check(z_prev: np.ndarray, z_next: np.ndarray, targets: np.ndarray, names: Sequence[str] | None) -> np.ndarray:
    """Check all inputs and return the targets as bool."""
    checks.shape(z_prev, "the latents before", None, None)
    checks.shape(z_next, "the latents after", *z_prev.shape)
    targets = checks.indicator(checks.shape(targets, "the targets", len(z_prev), None), "the targets")
    for z, what in ((z_prev, "the latents before"), (z_next, "the latents after")):
        checks.finite(z, what)
    num_latents, num_variables = z_prev.shape[1], targets.shape[1]
    what = "the number of latents"
    checks.require(num_latents >= num_variables, what, f"at least the number of targets, {num_variables}", num_latents)
    require_identifiable(targets, names or [f"column {column}" for column in range(num_variables)])
    varies = bool((z_prev != z_prev[0]).any() or (z_next != z_prev[0]).any())
    checks.require(varies, "the latents", "different in some frames", "the same in all", "check the encoder")
    return targets


@dataclass(frozen=True)
class _Contrasts:
    """The result of one round of contrasts.

    Attributes:
        blocks: leading directions (L, n_i) of each variable's contrast.
        ratios: all variance ratios of each variable's contrast.
        jumps: (pairs,) bool, transitions such as restarts, in which a block jumps that was not intervened on.
        past: the dynamics regression whose residuals were contrasted.
    """

    blocks: list[np.ndarray]
    ratios: tuple[np.ndarray, ...]
    jumps: np.ndarray
    past: Ridge


def _rounds(before: np.ndarray, after: np.ndarray, targets: np.ndarray, settings: ClosedFormSettings) -> _Contrasts:
    """Solve the contrasts; each further round's dynamics also see the directions of the round before.

    Further rounds need enough transitions. They fit the dynamics without jumps, since restarts would bias them.
    """
    rng, num_random = np.random.default_rng(settings.seed), settings.num_features
    size = dynamics.num_polynomials(before.shape[1]) + num_random
    quiet = np.logical_not(targets.any(axis=1))
    fitted = quiet if quiet.sum() >= size else np.ones(len(quiet), dtype=bool)
    of_latents = ridge_on(dynamics.polynomials(before), fitted, settings.ridge)
    of_latents = of_latents.extended(dynamics.random_features(before, num_random, rng))
    contrasts = _round(of_latents, before, after, targets, settings)
    enough = ROWS_PER_FEATURE * (size + num_random)
    for _ in range(settings.refits):
        smooth = of_latents.without(contrasts.jumps)
        if (smooth.fitted & quiet).sum() < enough:
            break
        directions = before @ np.concatenate(contrasts.blocks, axis=1)
        sharper = dynamics.pair_features(directions, num_random, rng)
        contrasts = _round(smooth.extended(sharper), before, after, targets, settings)
    return contrasts


def _round(
    past: Ridge, before: np.ndarray, after: np.ndarray, targets: np.ndarray, settings: ClosedFormSettings
) -> _Contrasts:
    """Solve the contrasts, trim and repeat, then apply the beamformer to the leading directions."""
    residual = past.residuals(after)
    keep, jumps = np.ones(targets.shape, dtype=bool), np.zeros(len(targets), dtype=bool)
    for round_ in range(settings.trim_rounds + 1):
        solved = [contrast.contrast(residual, targets[:, i], keep[:, i]) for i in range(targets.shape[1])]
        sizes = [_num_directions(ratios, settings) for ratios, _ in solved]
        blocks = [vectors[:, :n] for (_, vectors), n in zip(solved, sizes)]
        blocks = contrast.exclusive(residual, targets, keep, blocks, settings.min_ratio)
        if round_ < settings.trim_rounds:
            jumps = trimming.jumping(residual, targets, blocks, settings.trim_deviations)
            keep = trimming.trimmed(targets, jumps, 2 * residual.shape[1])
    blocks = [block[:, contrast.news(after @ block)] for block in blocks]
    weights = beamformer.importance_weights([before @ block for block in blocks])
    blocks = beamformer.beamformed(residual, targets, keep, blocks, weights)
    return _Contrasts(blocks, tuple(ratios for ratios, _ in solved), jumps, past)


def _num_directions(ratios: np.ndarray, settings: ClosedFormSettings) -> int:
    return max(1, int((ratios > max(settings.min_ratio, settings.relative_ratio * ratios[0])).sum()))
