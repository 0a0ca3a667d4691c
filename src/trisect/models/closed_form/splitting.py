"""Parting: what one linear direction holds together, in closed form (ours).

The residual contrast (`trisect.models.closed_form.identify`) finds the direction that an intervention moves. That direction may
hold more than its variable: where a ball stands in one of two boxes, its position is box and place within the box in
one, and only the box is moved. No linear map parts them, a curve does: among all curves f of the direction u, the one
whose residual an intervention inflates most is a step from box to box, which otherwise stands still. Three additive
couplings, each invertible and volume-preserving whatever its function is, make it a latent of its own:

1. a spare latent w of the noise slot gives up what the others know of it, w - h(others), and becomes small;
2. it takes the curve in, w + f(u), and becomes the variable's latent;
3. the direction gives up what that latent knows of it, u - g(w); the rest goes to the noise slot.

A curve is taken only if, on transitions that it was not fitted to, interventions move it far more than the direction
as a whole and do not move the rest.
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
"""Features of the three couplings that one parting adds."""
MIN_REST = 0.005
"""Fraction of the direction's variance that a curve must leave, else the curve only bends the direction."""
SHARP = 1e-3
"""Ridge of a regression that must follow steps."""
LEAST = 1e-3
"""Deviation that a spare latent counts as having at least; one that the others know entirely has none."""
MAX_VALUES = 2**23
"""Values of the bases of curves that are held at a time; those of one direction may be more."""
NOISE_FLOOR = 1e-4
"""Residual variance, in units of the variance of the basis, that counts as standing still."""


@dataclass(frozen=True)
class SplittingSettings:
    """When and how to part a direction.

    Attributes:
        enabled: False leaves every direction as it is.
        min_gain: a curve must multiply the direction's variance ratio by at least this, on transitions that it was not
            fitted to. A code that merely bends offers gains of about 10; a step that otherwise stands still, of
            thousands.
        max_rest_ratio: an intervention may multiply the residual variance of the rest by at most this: what it moves is
            the variable's own.
        amplitude: deviation of the curve over that of the small latent that it is added to.
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
        function: what is added.
    """

    changed: int
    function: TanhFunction

    def __call__(self, z: Rows) -> Rows:
        """All latents, one of them changed."""
        new = z.copy()
        new[:, self.changed] += self.function(z)
        return new

    def of_scaled(self, latent: int, by: float) -> Coupling:
        """The same map once one latent has been divided by a number."""
        same = latent == self.changed
        return Coupling(self.changed, self.function.scaled(1 / by) if same else self.function.of_scaled(latent, by))


def blank_couplings(num_latents: int, num_splits: int) -> tuple[Coupling, ...]:
    """Couplings of the sizes that so many partings have, which add nothing."""
    return tuple(Coupling(0, zero_function(num_latents, size)) for size in SIZES * num_splits)


def split_directions(
    latents: LatentPairs, targets: np.ndarray, settings: SplittingSettings, rng: np.random.Generator
) -> None:
    """Part every slot of a single direction of which a curve does much better; changes ``latents`` in place.

    Args:
        latents: as the residual contrast found them, of about unit variance.
        targets: (pairs, K) bool.
        settings: see `SplittingSettings`.
        rng: draws the random features.
    """
    num_variables = targets.shape[1]
    spare = [int(i) for i in np.flatnonzero(latents.slots == num_variables)]
    owned = {variable: np.flatnonzero(latents.slots == variable) for variable in range(num_variables)}
    single = {variable: int(own[0]) for variable, own in owned.items() if len(own) == 1 and settings.enabled}
    for variable, (basis, residual) in zip(single, _bases(latents, list(single.values()))):
        if not spare:
            return
        curve = _curve(latents, basis, residual, targets[:, variable], settings)
        if curve is not None:
            spare.remove(_split(latents, basis.source, spare, curve, settings, rng))


@dataclass(frozen=True)
class _Basis:
    """What the curves of a direction are made of: the direction itself and bends of it at some knots.

    Attributes:
        source: the direction's latent.
        empty: a function of these bends, which adds nothing.
        before, after: (pairs, 1 + NUM_KNOTS), of mean 0 and deviation 1 after the transition.
        centre, spread: the mean and deviation taken out.
    """

    source: int
    empty: TanhFunction
    before: np.ndarray
    after: np.ndarray
    centre: np.ndarray
    spread: np.ndarray


def _bases(latents: LatentPairs, sources: Sequence[int]) -> Iterator[tuple[_Basis, np.ndarray]]:
    """Each source's basis, and what the past leaves of it after the transition, (pairs, 1 + NUM_KNOTS).

    The sources share walks over the pairs, as many as `MAX_VALUES` lets in. Parting one changes no other.
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
    """The curve of unit variance that the interventions contrast best, or None if it does not part anything."""
    fitted = np.arange(len(target)) % 2 == 0
    moved, still = (np.cov(residual[fitted & on], rowvar=False) for on in (target, ~target))
    weights = scipy.linalg.eigh(moved, still + NOISE_FLOOR * np.eye(len(still)))[1][:, -1]
    ratio, plain = (_ratio(part[~fitted], target[~fitted]) for part in (residual @ weights, residual[:, 0]))
    if ratio < settings.min_gain * plain:
        return None
    values, u = basis.after @ weights, latents.after[:, basis.source]
    rest = u - _known(values, u)
    of_rest = latents.past.residuals_beside(basis.before, rest[:, None])[:, 0]
    moves = _ratio(of_rest[~fitted], target[~fitted]) > settings.max_rest_ratio
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
    """Variance with interventions over that without; what stands still counts as the noise floor."""
    return float(residual[target].var() / (residual[~target].var() + NOISE_FLOOR))


def _known(values: np.ndarray, u: np.ndarray) -> np.ndarray:
    """What the values (rows,) of a curve know of its direction u: a curve of them, fitted to it."""
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
    """Apply the three couplings, scaled such that all latents end with about unit variance; returns the spare used."""
    size = len(latents.slots)
    known = {w: _of_the_others(latents.after, w, settings.ridge, rng) for w in spare}
    left = {w: max(float((latents.after[:, w] - known[w](latents.after)).std()), LEAST) for w in spare}
    chosen = min(spare, key=left.__getitem__)
    u = latents.after[:, source]
    rest = float((u - _known(curve(latents.after), u)).std())
    latents.rescale(chosen, left[chosen] * settings.amplitude)
    latents.rescale(source, rest)
    known_of_chosen = known[chosen].scaled(-1 / (left[chosen] * settings.amplitude)).of_scaled(source, rest)
    latents.apply(Coupling(chosen, known_of_chosen))
    latents.apply(Coupling(chosen, curve.of_scaled(source, rest)))
    empty = with_knots(size, chosen, _knots(latents.after[:, chosen], 0.001))
    back = empty.fitted(latents.after, latents.after[:, source], [chosen], SHARP)
    latents.apply(Coupling(source, back.scaled(-1.0)))
    latents.slots[[chosen, source]] = latents.slots[[source, chosen]]
    return chosen


def _of_the_others(z: Rows, latent: int, ridge: float, rng: np.random.Generator) -> TanhFunction:
    """What all other latents know of one."""
    others = [i for i in range(z.shape[1]) if i != latent]
    return with_random_features(z.shape[1], others, NUM_FEATURES, rng).fitted(z, z[:, latent], others, ridge)
