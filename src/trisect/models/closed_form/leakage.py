"""Straightening: takes out of each variable's latents what they tell of another by a curve, in closed form (ours).

The residual contrast (`trisect.models.closed_form.identify`) makes every direction blind to what the other interventions move,
as far as a line goes. A code that bends betrays the rest: the latent of one variable then holds a curve of another's,
such as a wiggle. On transitions in which variable j alone was intervened on, only latents of j should be surprised
together with it. So what the residual of another latent has to do with the residuals of curves of u, the latent of j,
is subtracted, w - f(u). A code may also stretch: w then shows its own variable on a scale that u sets, and is divided
by exp(h(u)), where h is fitted to how w compares with what the past tells of it. Together they are an affine coupling
of all other latents at once, invertible whatever f and h are. Effects within one frame are mistaken for such curves:
there are none in the setting of CITRIS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trisect import checks
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.tanh_function import Rows
from trisect.models.closed_form.trimming import beyond

NUM_KNOTS = 12
"""Steps that a curve is made of."""
TAIL = 0.01
"""Share of the values of a latent beyond the knots, on either side."""
ENOUGH = 20 * NUM_KNOTS
"""Transitions with an intervention on a variable alone below which nothing is told of its curves."""
LEAST = 1e-6
"""Deviation that a latent, or a feature, counts as having at least."""


@dataclass(frozen=True)
class LeakageSettings:
    """When a curve is taken out of a latent.

    Attributes:
        sweeps: times that all variables are gone through; 0 leaves everything as it is.
        min_share: a curve must explain this share of a residual's variance, on transitions that it was not fitted to.
        max_stretch: scales are kept within a factor of this from the usual one.
        deviations: transitions whose residual lies beyond so many robust deviations (1.48 MAD) are left out.
        ridge: L2 penalty of the regressions, in units of one row's unit-variance features.
    """

    sweeps: int = 1
    min_share: float = 0.01
    max_stretch: float = 4.0
    deviations: float = 4.0
    ridge: float = 3.0

    def __post_init__(self) -> None:
        checks.positive_int(self.sweeps, "sweeps of the leakage removal", 0)
        checks.in_range(self.min_share, "min_share of the leakage removal", 0.0, 1.0)
        checks.in_range(self.max_stretch, "max_stretch of the leakage removal", 1.0, 1e3)
        checks.in_range(self.deviations, "deviations of the leakage removal", 0.0, np.inf, open_low=True)
        checks.in_range(self.ridge, "ridge of the leakage removal", 0.0, np.inf, open_low=True)


@dataclass(frozen=True)
class Curves:
    """Shifts and stretches all other latents by curves of one latent, which are sums of tanh steps.

    Attributes:
        source: the latent that the curves read, and which they leave as it is.
        slope: of the steps, 1 / width.
        offsets: (M,) of the steps.
        shifts: (M, L), weights of the steps in what is subtracted; 0 at ``source``.
        shift_bias: (L,), subtracted as well; 0 at ``source``.
        stretches: (M, L), weights of the steps in the logarithm of what is divided by; 0 at ``source``.
        stretch_bias: (L,), added to it; 0 at ``source``.
    """

    source: int
    slope: float
    offsets: np.ndarray
    shifts: np.ndarray
    shift_bias: np.ndarray
    stretches: np.ndarray
    stretch_bias: np.ndarray

    def features(self, z: Rows) -> np.ndarray:
        """The steps (rows, M) at latents (rows, L)."""
        return np.tanh(self.slope * z[:, self.source, None] + self.offsets)

    def __call__(self, z: Rows) -> Rows:
        """All latents, all but one of them changed."""
        steps = self.features(z)
        shifted = z - self.shift_bias - steps @ self.shifts
        return shifted * np.exp(-self.stretch_bias - steps @ self.stretches)

    def of_scaled(self, latent: int, by: float) -> Curves:
        """The same map once one latent has been divided by a number."""
        if latent == self.source:
            return replace(self, slope=self.slope * by)
        shifts, bias = self.shifts.copy(), self.shift_bias.copy()
        shifts[:, latent] /= by
        bias[latent] /= by
        return replace(self, shifts=shifts, shift_bias=bias)


def blank_curves(num_latents: int) -> Curves:
    """Curves that change nothing."""
    weights, bias = np.zeros((NUM_KNOTS, num_latents)), np.zeros(num_latents)
    return Curves(0, 0.0, np.zeros(NUM_KNOTS), weights, bias, weights, bias)


def remove_leakage(latents: LatentPairs, targets: np.ndarray, settings: LeakageSettings) -> None:
    """Take out of all latents the curves of the variables that have one latent; changes ``latents`` in place.

    Args:
        latents: as the residual contrast found them and partings changed them, of about unit variance.
        targets: (pairs, K) bool.
        settings: see `LeakageSettings`.
    """
    before = len(latents.changes)
    for _ in range(settings.sweeps):
        if not _swept(latents, _alone(latents.slots, targets), settings):
            break
    if len(latents.changes) > before:
        both = np.concatenate([latents.before, latents.after])
        for latent, spread in enumerate(both.std(axis=0)):
            latents.rescale(latent, max(float(spread), LEAST))


def _swept(latents: LatentPairs, alone: dict[int, np.ndarray], settings: LeakageSettings) -> bool:
    """Take out what is found in one go; whether there was anything."""
    any_found = False
    for find in (_shifts, _stretches):
        for curves in find(latents, alone, settings):
            latents.apply(curves)
            any_found = True
    return any_found


def _alone(slots: np.ndarray, targets: np.ndarray) -> dict[int, np.ndarray]:
    """Latent -> transitions in which its variable alone was intervened on; of variables of one latent."""
    only, rows = targets.sum(axis=1) == 1, {}
    for variable in range(targets.shape[1]):
        own = np.flatnonzero(slots == variable)
        if len(own) == 1:
            rows[int(own[0])] = np.flatnonzero(targets[:, variable] & only)
    return {latent: chosen for latent, chosen in rows.items() if len(chosen) >= ENOUGH}


def _shifts(latents: LatentPairs, alone: dict[int, np.ndarray], settings: LeakageSettings) -> list[Curves]:
    """Curves that the residuals of other latents follow, all from the same residuals."""
    bases = [_basis(latents.after, source) for source in alone]
    residual = latents.past.residuals(np.hstack([latents.after, *(basis.features(latents.after) for basis in bases)]))
    ends = latents.after.shape[1] + NUM_KNOTS * np.arange(len(bases))
    of_latents, *of_steps = np.split(residual, ends, axis=1)
    found = []
    for basis, rows, steps in zip(bases, alone.values(), of_steps):
        centre, spread = _scale(basis.features(latents.after))
        weights = np.zeros_like(basis.shifts)
        for latent in np.flatnonzero(latents.slots != latents.slots[basis.source]):
            y = of_latents[rows, latent]
            usual = ~beyond(y, settings.deviations)
            x = np.column_stack([np.ones(usual.sum()), steps[rows[usual]] / spread])
            weights[:, latent] = _explaining(x, y[usual], settings)[1:] / spread
        found.append(replace(basis, shifts=weights, shift_bias=-centre @ weights))
    return [curves for curves in found if curves.shifts.any()]


def _stretches(latents: LatentPairs, alone: dict[int, np.ndarray], settings: LeakageSettings) -> list[Curves]:
    """Curves that the scale of other latents follows, beside what the past tells of them."""
    residual = latents.past.residuals(latents.after)
    found = []
    for source, rows in alone.items():
        basis = _basis(latents.after, source)
        steps = basis.features(latents.after)
        centre, spread = _scale(steps)
        steps = (steps - centre) / spread
        weights = np.zeros_like(basis.stretches)
        for latent in np.flatnonzero(latents.slots != latents.slots[source]):
            usual = rows[~beyond(residual[rows, latent], settings.deviations)]
            told = (latents.after - residual)[usual, latent]
            x = told[:, None] * np.column_stack([np.ones(len(usual)), steps[usual]])
            gain = _explaining(x, latents.after[usual, latent], settings)
            if gain[0] > 0 and gain[1:].any():
                weights[:, latent] = _logarithm(steps, gain, settings) / spread
        found.append(replace(basis, stretches=weights, stretch_bias=-centre @ weights))
    return [curves for curves in found if curves.stretches.any()]


def _basis(z: Rows, source: int) -> Curves:
    """Curves of a latent that change nothing yet, with steps where its values lie."""
    low, high = np.quantile(z[:, source], (TAIL, 1 - TAIL))
    knots = np.linspace(float(low), float(high), NUM_KNOTS)
    slope = NUM_KNOTS / max(float(high - low), LEAST)
    return replace(blank_curves(z.shape[1]), source=source, slope=slope, offsets=-slope * knots)


def _scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation (M,) of features (rows, M)."""
    return features.mean(axis=0), np.maximum(features.std(axis=0), LEAST)


def _explaining(x: np.ndarray, y: np.ndarray, settings: LeakageSettings) -> np.ndarray:
    """Weights (1 + M,) with which features explain values (rows,); the first alone if the others do so by accident."""
    first = np.zeros(x.shape[1])
    first[0] = (x[:, 0] @ y) / (x[:, 0] @ x[:, 0] + LEAST)
    tried, held = slice(None, None, 2), slice(1, None, 2)
    left = y[held] - x[held] @ _ridge(x[tried], y[tried], settings.ridge)
    plain = y[held] - x[held] @ first
    if (left**2).sum() > (1 - settings.min_share) * (plain**2).sum():
        return first
    return _ridge(x, y, settings.ridge)


def _logarithm(steps: np.ndarray, gain: np.ndarray, settings: LeakageSettings) -> np.ndarray:
    """Weights (M,) of the logarithm of a positive curve, 1 + steps . gain[1:] / gain[0]."""
    curve = np.log(np.clip(1 + steps @ gain[1:] / gain[0], 1 / settings.max_stretch, settings.max_stretch))
    return _ridge(steps, curve - curve.mean(), settings.ridge)


def _ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Weights (M,) of features (rows, M) that are few and at hand, unlike those of `trisect.models.closed_form.ridge`."""
    solved: np.ndarray = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)
    return solved
