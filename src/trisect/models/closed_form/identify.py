"""Closed-form identification: which linear directions of the latents each intervention moves.

Residual contrast, in five steps. (1) Whiten z. (2) Ridge-regress z^{t+1} on 1, z^t, their products and random tanh
features of z^t (later also of pairs of the directions found, and without transitions that jump) over transitions
without interventions; r is the residual of every transition. (3) For variable i solve Cov(r | I_i = 1) v = lambda Cov(r
| I_i = 0) v, where I_i = 0 keeps the other interventions in, and keep the leading directions, of their span those that
no other intervention moves, unless one is a mere curve of those before it. (4) Trim: drop from contrast i the
transitions in which a block that was not intervened on moves by more than some robust deviations, and repeat. (5)
Change the directions to read nothing of what the other interventions move, above all in states in which the variables
have parted. In a linear code an intervention inflates the residual variance along its own variable's directions only.
What no direction claims is psi(0). Where one direction holds more than its variable and a curve parts them, a further
step does so (`trisect.models.closed_form.splitting`); a last one takes out what latents tell of other variables by curves
(`trisect.models.closed_form.leakage`). No labels are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from trisect import checks
from trisect.models.closed_form import beamformer, contrast, dynamics, leakage, splitting, trimming
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.leakage import Curves, LeakageSettings
from trisect.models.closed_form.ridge import Ridge, ridge_on
from trisect.models.closed_form.splitting import Coupling, SplittingSettings

ROWS_PER_FEATURE = 4
"""Un-intervened transitions per feature of the dynamics that refits need."""


@dataclass(frozen=True)
class ClosedFormSettings:
    """Settings of the residual contrast.

    Attributes:
        num_features: random tanh features of z^t in the dynamics regression.
        refits: rounds in which the regression also sees sharper features of the directions found so far, which are few:
            what it misses of the dynamics is noise that variables share, and makes one leak into another.
        ridge: L2 penalty of the regression, in units of one transition's unit-variance features.
        min_ratio: a direction is kept if an intervention multiplies its residual variance by more than this; where
            several are, those of their span that other interventions move by as much are not ...
        relative_ratio: ... and by more than this fraction of the largest multiple; at least one is kept.
        trim_rounds: rounds of trimming and refitting.
        trim_deviations: a block moves "too much" beyond this many robust deviations (1.48 MAD).
        seed: of the random features.
        splitting: when a curve splits what a direction holds.
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
        checks.positive_int(self.num_features, "num_features of the closed form", 0)
        checks.positive_int(self.refits, "refits of the closed form", 0)
        checks.in_range(self.ridge, "ridge of the closed form", 0, np.inf, open_low=True)
        checks.positive_int(self.trim_rounds, "trim_rounds of the closed form", 0)
        checks.in_range(self.trim_deviations, "trim_deviations of the closed form", 0, np.inf, open_low=True)
        checks.in_range(self.min_ratio, "min_ratio of the closed form", 0, np.inf)
        checks.positive_int(self.seed, "seed of the closed form", 0)
        checks.in_range(self.relative_ratio, "relative_ratio of the closed form", 0, 1)


def identify(
    z_prev: np.ndarray, z_next: np.ndarray, targets: np.ndarray, settings: ClosedFormSettings | None = None
) -> Identification:
    """Find the directions that each target moves.

    Args:
        z_prev, z_next: (pairs, L) latents before and after each transition.
        targets: (pairs, K) bool, each column with at least one intervention and one transition without.
        settings: see `ClosedFormSettings`.

    Raises:
        ValueError: shapes disagree, values are not finite, a target column is constant, or there are fewer latents
            than targets or fewer interventions than latents.
    """
    settings = settings or ClosedFormSettings()
    targets = _check(z_prev, z_next, targets)
    both = np.concatenate([z_prev, z_next]).astype(np.float64)
    mean, whitening = whiten(both)
    before, after = (z_prev - mean) @ whitening, (z_next - mean) @ whitening
    found = _rounds(before, after, targets, settings)
    directions, slots = contrast.complete(found.blocks)
    latents = LatentPairs(before @ directions, after @ directions, slots, np.ones(len(slots)), found.past)
    splitting.split_directions(latents, targets, settings.splitting, np.random.default_rng(settings.seed))
    leakage.remove_leakage(latents, targets, settings.leakage)
    matrix = whitening @ directions / latents.scale
    couplings = tuple(change for change in latents.changes if isinstance(change, Coupling))
    curves = tuple(change for change in latents.changes if isinstance(change, Curves))
    return Identification(mean, matrix, latents.slots, found.ratios, couplings, curves)


def whiten(z: np.ndarray, floor: float = 1e-8) -> tuple[np.ndarray, np.ndarray]:
    """Mean (L,) and matrix (L, L) with (z - mean) @ matrix uncorrelated and of unit variance.

    Directions whose variance is below ``floor`` times the largest are scaled as if they had that variance, so that a
    constant latent stays constant.
    """
    mean = z.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(z, rowvar=False).reshape(z.shape[1], z.shape[1]))
    return mean, vectors / np.sqrt(np.maximum(values, max(floor * values[-1], 1e-300)))


def _check(z_prev: np.ndarray, z_next: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The targets as bool, after all checks."""
    checks.shape(z_prev, "the latents before", None, None)
    checks.shape(z_next, "the latents after", *z_prev.shape)
    targets = checks.indicator(checks.shape(targets, "the targets", len(z_prev), None), "the targets")
    for z, what in ((z_prev, "the latents before"), (z_next, "the latents after")):
        checks.finite(z, what)
    num_latents, num_variables = z_prev.shape[1], targets.shape[1]
    what = "the number of latents"
    checks.require(num_latents >= num_variables, what, f"at least the number of targets, {num_variables}", num_latents)
    for column, count in enumerate(targets.sum(axis=0)):
        what = f"the number of interventions in target column {column}"
        most = len(targets) - num_latents - 1
        checks.require(num_latents < count <= most, what, f"between {num_latents + 1} and {most}", int(count))
    for i, j in zip(*np.triu_indices(num_variables, 1)):
        differ = int((targets[:, i] != targets[:, j]).sum())
        what, todo = f"target columns {i} and {j}", "join them into one variable, or intervene on them apart"
        checks.require(0 < differ < len(targets), what, "neither equal nor each other's complement", differ, todo)
    return targets


@dataclass(frozen=True)
class _Found:
    """What a round of contrasts found.

    Attributes:
        blocks: leading directions (L, n_i) of each variable's contrast.
        ratios: all variance ratios of each.
        jumps: (pairs,) bool, transitions in which a block jumps that was not intervened on, such as a restart.
        past: the dynamics that gave the residual.
    """

    blocks: list[np.ndarray]
    ratios: tuple[np.ndarray, ...]
    jumps: np.ndarray
    past: Ridge


def _rounds(before: np.ndarray, after: np.ndarray, targets: np.ndarray, settings: ClosedFormSettings) -> _Found:
    """The contrasts; each round's dynamics also see the directions of the round before, if there are rows enough.

    They are then fitted without jumps, which would bend them towards where a restart leads.
    """
    rng, num_random = np.random.default_rng(settings.seed), settings.num_features
    size = dynamics.num_polynomials(before.shape[1]) + num_random
    quiet = np.logical_not(targets.any(axis=1))
    fitted = quiet if quiet.sum() >= size else np.ones(len(quiet), dtype=bool)
    of_latents = ridge_on(dynamics.polynomials(before), fitted, settings.ridge)
    of_latents = of_latents.extended(dynamics.random_features(before, num_random, rng))
    found = _round(of_latents, before, after, targets, settings)
    enough = ROWS_PER_FEATURE * (size + num_random)
    for _ in range(settings.refits):
        smooth = of_latents.without(found.jumps)
        if (smooth.fitted & quiet).sum() < enough:
            break
        directions = before @ np.concatenate(found.blocks, axis=1)
        sharper = dynamics.pair_features(directions, num_random, rng)
        found = _round(smooth.extended(sharper), before, after, targets, settings)
    return found


def _round(
    past: Ridge, before: np.ndarray, after: np.ndarray, targets: np.ndarray, settings: ClosedFormSettings
) -> _Found:
    """Leading directions of each variable's contrast, over some rounds of trimming, and nulled."""
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
    return _Found(blocks, tuple(ratios for ratios, _ in solved), jumps, past)


def _num_directions(ratios: np.ndarray, settings: ClosedFormSettings) -> int:
    return max(1, int((ratios > max(settings.min_ratio, settings.relative_ratio * ratios[0])).sum()))
