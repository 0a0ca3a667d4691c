"""Splitting: separate a variable from other content in the same linear direction, in closed form (ours).

The closed form (`trisect.models.closed_form.identify`) finds the direction u that an intervention moves. u may
hold more than the variable. Example: a ball is in one of two boxes, its position encodes both the box and the place
within the box, and interventions change the box only. No linear map separates the two, but a curve does: the step f(u)
from box to box.

The curve is found by an eigenproblem in a larger space. Take the basis b(u) = (u, tanh steps of u at
some knots), let r be b(u) minus what the past predicts of it, and solve

    Cov(r | I = 1) v = lambda Cov(r | I = 0) v.

Among all curves f(u) = v . b(u), the leading eigenvector gives the one whose residual variance an intervention
multiplies most. A step from box to box does not move without interventions, so its lambda is very large.

Three additive couplings, each invertible and volume-preserving whatever its function is, make f(u) a latent:

1. from a spare latent w of the noise slot subtract its prediction from all other latents, w <- w - h(others); what
   remains is divided to be small;
2. add the curve, w <- w + f(u), and give w to the variable's slot;
3. from the direction subtract its prediction from w, u <- u - g(w), and give u to the noise slot.

A curve is used only if, on transitions that it was not fitted to, interventions multiply its variance by far more than
that of u, and do not move the rest of u.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from trisect import checks
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.tanh_function import Rows, TanhFunction, with_knots, with_random_features, zero_function
from trisect.rows import chunks

NUM_KNOTS = 24
NUM_FEATURES = 300
SIZES = (NUM_FEATURES, NUM_KNOTS, NUM_KNOTS)
"""Number of features of the three couplings that one split adds."""
MIN_REST = 0.005
"""Smallest fraction of the direction's variance that a curve must leave; otherwise it only bends the direction."""
MIN_STILL = 0.3
"""Smallest share of a curve's variance that it must have without interventions. A curve with less only says whether the
direction has values that it takes with interventions alone."""
SHARP = 1e-3
"""L2 penalty of a regression that must follow steps."""
LEAST = 1e-3
"""Lower bound of the deviation of a spare latent's remainder, which is 0 if the others predict it fully."""
MAX_VALUES = 2**23
"""Largest number of values of curve bases in memory at a time; the basis of one direction may exceed it."""
FEWEST_IN_HALF = 10
"""Smallest number of interventions, and of transitions without, that a curve is fitted to, and that it is tested on."""
NOISE_FLOOR = 1e-4
"""Residual variance, in units of the basis functions' variance, below which a curve counts as not moving."""


@dataclass(frozen=True)
class SplittingSettings:
    """When and how to split a direction.

    Attributes:
        enabled: False splits no direction.
        min_gain: the variance ratio of a curve must be at least this multiple of the direction's, on transitions that
            it was not fitted to. Curves of a merely nonlinear code have gains of about 10; a step that does not move
            without interventions has gains of thousands.
        max_rest_ratio: an intervention may multiply the residual variance of the rest by at most this; if it moves the
            rest more, the rest belongs to the variable.
        amplitude: standard deviation of the curve relative to the small latent that it is added to.
        ridge: L2 penalty of the regressions, in units of one row's unit-variance features.
    """

    enabled: bool = True
    min_gain: float = 30.0
    max_rest_ratio: float = 2.0
    amplitude: float = 20.0
    ridge: float = 3.0

    def __post_init__(self) -> None:
        checks.in_range(self.min_gain, "min_gain of a splitting", 1.0, 1e9)
        checks.in_range(self.max_rest_ratio, "max_rest_ratio of a splitting", 0.0, 1e9)
        checks.in_range(self.amplitude, "amplitude of a splitting", 0.0, 1e6, open_low=True)
        checks.in_range(self.ridge, "ridge of a splitting", 0.0, 1e9, open_low=True)


@dataclass(frozen=True)
class Coupling:
    """Adds a function of the other latents to one latent.

    Attributes:
        changed: the latent that is changed; the function must not read it.
        function: the function that is added.
    """

    changed: int
    function: TanhFunction

    def __call__(self, z: Rows) -> Rows:
        """Map latents (rows, L) to latents of which one is changed."""
        new = z.copy()
        new[:, self.changed] += self.function(z)
        return new

    def of_scaled(self, latent: int, by: float) -> Coupling:
        """The same map for latents of which one has been divided by a number."""
        same = latent == self.changed
        return Coupling(self.changed, self.function.scaled(1 / by) if same else self.function.of_scaled(latent, by))


def blank_couplings(num_latents: int, num_splits: int) -> tuple[Coupling, ...]:
    """Couplings that add nothing, of the same sizes as those of ``num_splits`` splits."""
    return tuple(Coupling(0, zero_function(num_latents, size)) for size in SIZES * num_splits)


def split_directions(
    latents: LatentPairs, targets: np.ndarray, settings: SplittingSettings, rng: np.random.Generator
) -> None:
    """Split every slot of a single direction if a curve has a much larger ratio; changes ``latents`` in place.

    Args:
        latents: latents of the closed form, of about unit variance.
        targets: (pairs, K) bool.
        settings: see `SplittingSettings`.
        rng: draws the random features.
    """
    num_variables = targets.shape[1]
    spare = [int(i) for i in np.flatnonzero(latents.slots == num_variables)]
    members = {variable: np.flatnonzero(latents.slots == variable) for variable in range(num_variables)}
    single = {variable: int(slot[0]) for variable, slot in members.items() if len(slot) == 1 and settings.enabled}
    for variable, (basis, residual) in zip(single, _bases(latents, list(single.values()))):
        if not spare:
            return
        curve = _curve(latents, basis, residual, targets[:, variable], settings)
        if curve is not None:
            spare.remove(_split(latents, basis.source, spare, curve, settings, rng))


@dataclass(frozen=True)
class _Basis:
    """Basis functions of the curves of a direction: the direction itself, and tanh steps at some knots.

    Attributes:
        source: the direction's latent.
        empty: a function with these steps, all weights 0.
        before, after: (pairs, 1 + NUM_KNOTS), standardised with the mean and deviation after the transition.
        centre, spread: that mean and deviation.
    """

    source: int
    empty: TanhFunction
    before: np.ndarray
    after: np.ndarray
    centre: np.ndarray
    spread: np.ndarray


def _bases(latents: LatentPairs, sources: Sequence[int]) -> Iterator[tuple[_Basis, np.ndarray]]:
    """Each source's basis, and its residual after the transition, (pairs, 1 + NUM_KNOTS).

    As many sources as `MAX_VALUES` permits share one pass over the pairs. Splitting one source changes no other.
    """
    size = max(1, MAX_VALUES // (2 * (1 + NUM_KNOTS) * len(latents.before)))
    for some in chunks(len(sources), size):
        bases = [_basis(latents, source) for source in sources[some]]
        yield from zip(bases, latents.past.residuals_beside_each([(basis.before, basis.after) for basis in bases]))


def _basis(latents: LatentPairs, source: int) -> _Basis:
    empty = with_knots(len(latents.slots), source, _knots(latents.after[:, source], 0.02))
    before, after = (np.column_stack([z[:, source], empty.features(z)]) for z in (latents.before, latents.after))
    centre, spread = after.mean(axis=0), np.maximum(after.std(axis=0), 1e-9)
    return _Basis(source, empty, (before - centre) / spread, (after - centre) / spread, centre, spread)


def _curve(
    latents: LatentPairs, basis: _Basis, residual: np.ndarray, target: np.ndarray, settings: SplittingSettings
) -> TanhFunction | None:
    """The curve of unit variance with the largest variance ratio, or None if it does not split the direction."""
    fitted = np.arange(len(target)) % 2 == 0
    if min((half & on).sum() for half in (fitted, ~fitted) for on in (target, ~target)) < FEWEST_IN_HALF:
        return None
    moved, still = (np.cov(residual[fitted & on], rowvar=False) for on in (target, ~target))
    weights = scipy.linalg.eigh(moved, still + NOISE_FLOOR * np.eye(len(still)))[1][:, -1]
    ratio, plain = (_ratio(part[~fitted], target[~fitted]) for part in (residual @ weights, residual[:, 0]))
    if ratio < settings.min_gain * plain:
        return None
    values, u = basis.after @ weights, latents.after[:, basis.source]
    if values[~target].var() < MIN_STILL * values.var():
        return None
    rest = u - _predicted(values, u)
    of_rest = latents.past.residuals_beside(basis.before, rest[:, None])[:, 0]
    ratio = _ratio(of_rest[~fitted], target[~fitted])
    moves = not 1 / settings.max_rest_ratio <= ratio <= settings.max_rest_ratio
    if moves or rest.var() < MIN_REST * u.var():
        return None
    linear = np.zeros(len(latents.slots))
    linear[basis.source] = weights[0] / basis.spread[0]
    bias = -float((basis.centre / basis.spread) @ weights)
    curve = replace(basis.empty, linear=linear, weights=weights[1:] / basis.spread[1:], bias=bias)
    return curve.scaled(1 / float(values.std()))


def _knots(values: np.ndarray, tail: float) -> np.ndarray:
    low, high = np.quantile(values, (tail, 1 - tail))
    return np.linspace(float(low), float(high), NUM_KNOTS)


def _ratio(residual: np.ndarray, target: np.ndarray) -> float:
    """Second moment with interventions over that without plus the noise floor, both about the mean without.

    So a shift counts as a movement, as well as noise that grows.
    """
    moved = residual[target] - residual[~target].mean()
    return float((moved**2).mean() / (residual[~target].var() + NOISE_FLOOR))


def _predicted(values: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Prediction (rows,) of a direction u from the values (rows,) of a curve of it, by a fitted curve."""
    column = values[:, None]
    return with_knots(1, 0, _knots(values, 0.001)).fitted(column, u, [0], SHARP)(column)


def _split(
    latents: LatentPairs,
    source: int,
    spare: Sequence[int],
    curve: TanhFunction,
    settings: SplittingSettings,
    rng: np.random.Generator,
) -> int:
    """Apply the three couplings, scaled so that all latents keep about unit variance; return the spare latent used."""
    size = len(latents.slots)
    predictions = {w: _predicted_by_others(latents.after, w, settings.ridge, rng) for w in spare}
    remainders = {w: max(float((latents.after[:, w] - predictions[w](latents.after)).std()), LEAST) for w in spare}
    spare_latent = min(spare, key=remainders.__getitem__)
    u = latents.after[:, source]
    rest = float((u - _predicted(curve(latents.after), u)).std())
    latents.rescale(spare_latent, remainders[spare_latent] * settings.amplitude)
    latents.rescale(source, rest)
    minus_prediction = predictions[spare_latent].scaled(-1 / (remainders[spare_latent] * settings.amplitude))
    latents.apply(Coupling(spare_latent, minus_prediction.of_scaled(source, rest)))
    latents.apply(Coupling(spare_latent, curve.of_scaled(source, rest)))
    empty = with_knots(size, spare_latent, _knots(latents.after[:, spare_latent], 0.001))
    back = empty.fitted(latents.after, latents.after[:, source], [spare_latent], SHARP)
    latents.apply(Coupling(source, back.scaled(-1.0)))
    latents.slots[[spare_latent, source]] = latents.slots[[source, spare_latent]]
    return spare_latent


def _predicted_by_others(z: Rows, latent: int, ridge: float, rng: np.random.Generator) -> TanhFunction:
    """A function that predicts one latent from all others."""
    others = [i for i in range(z.shape[1]) if i != latent]
    return with_random_features(z.shape[1], others, NUM_FEATURES, rng).fitted(z, z[:, latent], others, ridge)
