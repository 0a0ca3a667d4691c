"""Closed-form identification: find the directions of the latents that each intervention moves. No labels are used.

An intervention on variable i changes z^{t+1} in a way that the past does not predict. If the latents are a linear code
of the variables, it therefore changes the distribution of the prediction error along variable i's directions only: its
spread, its mean, or how its mean depends on the state. The method finds these directions with linear algebra:

1. Whiten z, so that all latents have variance 1 and no correlations. Units do not matter.
2. Predict z^{t+1}, as it would be without interventions, by ridge regression on features of z^t
   (`trisect.models.closed_form.dynamics`). The residual r of every transition is what the past does not predict.
3. Estimate what every intervention adds to the mean and to the covariance of r, as additive functions of the targets
   (`trisect.models.closed_form.effects`). It does not matter whether interventions make noise grow or shrink, shift or
   fix a value, hold a level or change a rule, nor how the targets were chosen.
4. For each variable find the directions along which the distribution of r with the intervention differs most from that
   without, while other interventions change little (`trisect.models.closed_form.directions`). How many they are follows
   from a gap. Directions that are only a curve of the ones before are dropped.
   Where observations hold several frames, a penalty keeps to directions that hold a value, not a jump
   (`trisect.models.closed_form.values`).
5. Trim: leave out the transitions in which a direction jumps although its variable was not intervened on, such as
   restarts, and repeat steps 3 and 4.

Steps 2 to 5 are repeated with further features of the identified directions and without jumps. The orthogonal
complement of all directions is the noise slot psi(0). How certain they are is said of every variable
(`trisect.models.closed_form.choosing`). Two more steps handle nonlinear codes: `trisect.models.closed_form.splitting`
splits a direction that holds more than its variable, and `trisect.models.closed_form.leakage` removes nonlinear leakage
between variables.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trisect import checks
from trisect.linear_algebra import whiten_standardised
from trisect.models.closed_form import blocks, dynamics, leakage, splitting, trimming, values
from trisect.models.closed_form.choosing import choose, steadiness
from trisect.models.closed_form.directions import MOST_DIRECTIONS, Directions, contrasts, directions_of
from trisect.models.closed_form.effects import EffectSums
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.leakage import Curves, LeakageSettings
from trisect.models.closed_form.measuring import measure
from trisect.models.closed_form.ridge import Ridge
from trisect.models.closed_form.splitting import Coupling, SplittingSettings
from trisect.models.closed_form.unfolding import Moves, unfolded
from trisect.refusals import require_identifiable
from trisect.rows import spread_rows

logger = logging.getLogger("trisect")

FEWEST_SHARPER = 50
"""Smallest number of further features for which the regression is repeated."""
LARGEST = 1e100
"""Largest size of a latent; the squares of much larger ones are no floating-point numbers."""
MOST_PAIRS = 250_000
"""Largest number of transitions in use; of longer recordings a part is taken, evenly over time."""


@dataclass(frozen=True)
class ClosedFormSettings:
    """Settings of the closed form.

    Attributes:
        num_features: largest number of random tanh features of z^t in the dynamics regression; with few transitions
            there are fewer.
        refits: rounds in which the regression also sees sharper features of the directions found so far. Dynamics that
            the regression misses become noise that variables share, which makes one variable leak into another.
        ridge: L2 penalty of the regression, in units of one transition's unit-variance features.
        history: number of frames before a transition that predict it, at least 1. More than one helps if a frame does
            not show the whole state, such as velocities.
        trim_rounds: rounds of trimming and solving again.
        trim_deviations: a direction jumps if it moves by more than this many robust deviations (1.48 MAD).
        seed: seed of the random features.
        value_weight: weight of the penalty that keeps slots from holding jumps in place of values
            (`trisect.models.closed_form.values`), at least 0; 0 for none. By default 3 where observations hold several
            frames, and 0 otherwise.
        least_directions: variable -> the least number of its directions, 1 to `MOST_DIRECTIONS`, where the largest fall
            of the divergence says fewer; directions whose effect may be chance are left out all the same.
        unfold: a variable gets a further direction where its interventions multiply the variance of something that does
            not follow from the slots by at least this factor (`trisect.models.closed_form.unfolding`); 0 for never. Not
            used with ``value_weight``.
        splitting: when a direction is split.
        leakage: which curves of other variables are removed from the latents.
    """

    num_features: int = 300
    refits: int = 1
    ridge: float = 3.0
    history: int = 1
    trim_rounds: int = 2
    trim_deviations: float = 4.0
    seed: int = 0
    value_weight: float | None = None
    least_directions: dict[str, int] = field(default_factory=dict)
    unfold: float = 4.0
    splitting: SplittingSettings = field(default_factory=SplittingSettings)
    leakage: LeakageSettings = field(default_factory=LeakageSettings)

    def __post_init__(self) -> None:
        checks.size(self.num_features, "num_features of the closed form", 0)
        checks.size(self.refits, "refits of the closed form", 0)
        checks.in_range(self.ridge, "ridge of the closed form", 0, np.inf, open_low=True)
        checks.size(self.history, "history of the closed form", 1)
        checks.size(self.trim_rounds, "trim_rounds of the closed form", 0)
        checks.in_range(self.trim_deviations, "trim_deviations of the closed form", 0, np.inf, open_low=True)
        checks.seed(self.seed, "seed of the closed form")
        checks.in_range(self.unfold, "unfold of the closed form", 0, np.inf)
        least, what = self.least_directions, "least_directions of the closed form"
        checks.require(isinstance(least, dict), what, "a dictionary, variable -> number", checks.quoted(least))
        for name, number in least.items():
            checks.in_range(number, f"the least number of directions of '{name}'", 1, MOST_DIRECTIONS)
        if self.value_weight is not None:
            checks.in_range(self.value_weight, "value_weight of the closed form", 0, np.inf)


def identify(
    z_prev: np.ndarray,
    z_next: np.ndarray,
    targets: np.ndarray,
    settings: ClosedFormSettings | None = None,
    names: Sequence[str] | None = None,
    earlier: np.ndarray | None = None,
    oldest: np.ndarray | None = None,
) -> Identification:
    """Find the directions of the latents that each target moves.

    Args:
        z_prev, z_next: (pairs, L) latents before and after each transition, in the order of time. A latent that
            varies by less than a millionth of its mean counts as constant. Of more than `MOST_PAIRS` transitions a part
            is used.
        targets: (pairs, K) bool.
        settings: see `ClosedFormSettings`; of its ``history`` more than 1, the frames are passed as ``earlier``.
        names: names of the variables, for messages and statements; by default "column 0" and so on.
        earlier: (pairs, any), the latents of the frames before ``z_prev`` that help to predict, or None.
        oldest: where observations hold n > 1 frames: (pairs, L), the latents n - 1 steps before ``z_next``, whose
            newest frame is the oldest of ``z_next``; for n = 2 it is ``z_prev``. None where they hold one frame.

    Raises:
        ValueError: shapes disagree, values are not finite or above `LARGEST`, all latents are constant, there are no
            targets or more than latents, or they do not identify the variables
            (`trisect.refusals.require_identifiable`).
    """
    settings = settings or ClosedFormSettings()
    targets, names = _checked(z_prev, z_next, targets, names)
    earlier = np.empty((len(targets), 0)) if earlier is None else _checked_earlier(earlier, len(targets))
    if oldest is not None:
        oldest = _checked_earlier(oldest, len(targets), z_next.shape[1])
    if len(targets) > MOST_PAIRS:
        rows = _part(targets)
        logger.info("the closed form uses %d of %d transitions, evenly over time", len(rows), len(targets))
        z_prev, z_next, targets, earlier = z_prev[rows], z_next[rows], targets[rows], earlier[rows]
        oldest = None if oldest is None else oldest[rows]
    both = np.concatenate([z_prev, z_next]).astype(np.float64)
    mean, whitening = whiten_standardised(both)
    before, after = (z_prev - mean) @ whitening, (z_next - mean) @ whitening
    steps = values.Steps(before, after, None if oldest is None else (oldest - mean) @ whitening, targets)
    least = [settings.least_directions.get(name, 1) for name in names]
    found = _rounds(steps, _whitened(earlier), settings, least)
    tries = steadiness(before, after, targets, both.std(axis=0)[:, None] * whitening)
    if found.penalties is not None:
        tries = [each + found.penalties for each in tries]
    chosen, statements = choose(found.sums, tries, names, least)
    chosen = blocks.without_curves(chosen, after)
    if settings.unfold and found.penalties is None:  # in several frames, what is left open would be the jump
        moves = Moves(before, after, targets).some(~found.jumps)
        chosen = unfolded(chosen, moves, settings.unfold, np.random.default_rng(settings.seed))
    directions, slots = blocks.complete(chosen)
    latents = LatentPairs(before @ directions, after @ directions, slots, np.ones(len(slots)), found.past)
    splitting.split_directions(latents, targets, settings.splitting, np.random.default_rng(settings.seed))
    leakage.remove_leakage(latents, targets, settings.leakage)
    matrix = whitening @ directions / latents.scale
    couplings = tuple(change for change in latents.changes if isinstance(change, Coupling))
    curves = tuple(change for change in latents.changes if isinstance(change, Curves))
    divergences = tuple(each.divergences for each in found.directions)
    return Identification(mean, matrix, latents.slots, divergences, couplings, curves, statements)


def _whitened(earlier: np.ndarray) -> np.ndarray:
    if not earlier.shape[1]:
        return earlier
    mean, whitening = whiten_standardised(earlier.astype(np.float64))
    return np.asarray((earlier - mean) @ whitening)


def _checked_earlier(earlier: np.ndarray, num_pairs: int, width: int | None = None) -> np.ndarray:
    checks.shape(earlier, "the earlier latents", num_pairs, width)
    _check_values(earlier, "the earlier latents")
    return earlier


def _part(targets: np.ndarray) -> np.ndarray:
    """Rows spread evenly over all transitions, and as many interventions on every variable as a balanced share."""
    rows = [_spread(np.arange(len(targets)), MOST_PAIRS // 2)]
    share = MOST_PAIRS // (2 * targets.shape[1])
    return np.unique(np.concatenate(rows + [_spread(np.flatnonzero(column), share) for column in targets.T]))


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most that many rows, evenly spaced."""
    return rows if len(rows) <= most else rows[spread_rows(len(rows), most)]


def _checked(
    z_prev: np.ndarray, z_next: np.ndarray, targets: np.ndarray, names: Sequence[str] | None
) -> tuple[np.ndarray, Sequence[str]]:
    """Check all inputs; return the targets as bool, and the names or default ones."""
    checks.shape(z_prev, "the latents before", None, None)
    checks.shape(z_next, "the latents after", *z_prev.shape)
    targets = checks.indicator(checks.shape(targets, "the targets", len(z_prev), None), "the targets")
    for z, what in ((z_prev, "the latents before"), (z_next, "the latents after")):
        _check_values(z, what)
    num_latents, num_variables = z_prev.shape[1], targets.shape[1]
    checks.require(num_variables > 0, "the number of targets", "at least 1", num_variables)
    what = "the number of latents"
    checks.require(num_latents >= num_variables, what, f"at least the number of targets, {num_variables}", num_latents)
    default = [f"column {column}" for column in range(num_variables)]
    names = checks.unique_names(names or default, "the names of the variables")
    what = "the number of names"
    checks.require(len(names) == num_variables, what, f"that of the targets, {num_variables}", len(names))
    require_identifiable(targets, names)
    varies = bool((z_prev != z_prev[0]).any() or (z_next != z_prev[0]).any())
    checks.require(varies, "the latents", "different in some frames", "the same in all", "check the encoder")
    return targets, names


def _check_values(z: np.ndarray, what: str) -> None:
    """Check that latents are numbers whose squares are as well."""
    checks.require(z.dtype.kind in "biuf", what, "real numbers", f"values of type {z.dtype}")
    checks.finite(z, what)
    largest = float(np.abs(z).max(initial=0.0))
    checks.require(largest <= LARGEST, what, f"at most {LARGEST:g} in size", f"{largest:g}", "change their unit")


@dataclass(frozen=True)
class _Found:
    """The result of one round.

    Attributes:
        directions: of every variable, up to `MOST_DIRECTIONS`.
        sums: sums of the effects that they come from.
        jumps: (pairs,) bool, transitions such as restarts, in which a direction jumps without an intervention.
        past: the dynamics regression whose residuals were compared.
        least: of every variable, the least number of its directions.
        penalties: (K, L, L), added to every variable's D, see `trisect.models.closed_form.values`; None for none.
    """

    directions: list[Directions]
    sums: EffectSums
    jumps: np.ndarray
    past: Ridge
    least: Sequence[int]
    penalties: np.ndarray | None = None

    @property
    def blocks(self) -> list[np.ndarray]:
        """Every variable's directions up to the gap, (L, n_i) each."""
        return [each.up_to_gap(least).vectors for each, least in zip(self.directions, self.least)]


def _rounds(steps: values.Steps, earlier: np.ndarray, settings: ClosedFormSettings, least: Sequence[int]) -> _Found:
    """Find the directions; each further round's dynamics also see those of the round before.

    Further rounds need enough transitions. They fit the dynamics without jumps, since restarts would bias them.
    """
    rng = np.random.default_rng(settings.seed)
    before, targets = steps.before, steps.targets
    num_latents, num_inputs = before.shape[1], before.shape[1] + earlier.shape[1]
    planned = dynamics.plan(targets, num_latents, num_inputs, settings.num_features)
    of_latents = dynamics.regression(planned, targets, before, earlier, settings.ridge, rng)
    found = _of_values(_round(of_latents, steps, settings, least), steps, settings)
    num_sharper = min(planned.left, settings.num_features)
    for _ in range(settings.refits if num_sharper >= FEWEST_SHARPER else 0):
        directions = before @ np.concatenate(found.blocks, axis=1)
        sharper = dynamics.pair_features(directions, num_sharper, rng)
        smooth = of_latents.without(found.jumps)
        found = _round(smooth.extended(sharper), steps, settings, least, found.penalties)
    return found


def _of_values(found: _Found, steps: values.Steps, settings: ClosedFormSettings) -> _Found:
    """The same round with directions that hold values, if that is asked for."""
    usual = 0.0 if steps.oldest is None else values.WEIGHT
    weight = usual if settings.value_weight is None else settings.value_weight
    if not weight:
        return found
    rng = np.random.default_rng(settings.seed)  # of its own, so that the other random features stay the same
    penalties = values.value_penalties(found.sums, steps.without(found.jumps), weight, settings.ridge, rng)
    return _round(found.past, steps, settings, found.least, penalties)


def _round(
    past: Ridge,
    steps: values.Steps,
    settings: ClosedFormSettings,
    least: Sequence[int],
    penalties: np.ndarray | None = None,
) -> _Found:
    """Find the directions, trim and repeat."""
    targets, residual = steps.targets, past.residuals(steps.after)
    jumps = np.zeros(len(targets), dtype=bool)
    for round_ in range(settings.trim_rounds + 1):
        sums = measure(residual, targets, steps.before, ~jumps)
        directions = [directions_of(each, MOST_DIRECTIONS) for each in contrasts(sums, penalties)]
        found = _Found(directions, sums, jumps, past, least, penalties)
        if round_ < settings.trim_rounds:
            jumps = trimming.jumping(residual, targets, found.blocks, settings.trim_deviations)
            jumps &= trimming.expendable(targets, jumps)
    return found
