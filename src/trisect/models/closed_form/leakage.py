"""Removing nonlinear leakage: take curves of one variable out of the other variables' latents, in closed form (ours).

The closed form (`trisect.models.closed_form.identify`) gives directions that read nothing *linear* of what the other
interventions move. If the code is nonlinear, the latent w of one variable may still contain a curve of another
variable's latent u, such as a wiggle: w = own content + f(u). In transitions in which only u's variable was intervened
on, the residual of w's own content is independent of u. So f(u) = sum_k a_k s_k(u), with steps
s_k(u) = tanh((u - knot_k) / width), and the weights a come from regressing the residual of w on the residuals of the
steps s_k(u), on these transitions.

Only interventions that spread u's values, around what the past predicts, show f over its range. Those that shift a
value, or quieten it, do not, and are not used; nor are levels that are held together with others, since no transition
then has a single intervention.

The leakage is removed by w - f(u) for all other latents w at once: a coupling, which is invertible whatever f is. A
curve is used only if it also explains transitions that it was not fitted to. Effects between variables within one frame
would be mistaken for leakage; the setting of CITRIS has none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trisect import checks
from trisect.linear_algebra import ridge_weights
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.tanh_function import Rows
from trisect.models.closed_form.trimming import beyond

NUM_KNOTS = 12
"""Number of tanh steps of a curve."""
TAIL = 0.01
"""Share of a latent's values that lie beyond the knots, on either side."""
ENOUGH = 20 * NUM_KNOTS
"""Smallest number of transitions with an intervention on one variable alone for fitting its curves."""
SPREADS = 2.0
"""An intervention spreads a latent's values if it multiplies the variance of its residual by more than this."""
LEAST = 1e-6
"""Lower bound of the standard deviation of a latent or a feature."""


@dataclass(frozen=True)
class LeakageSettings:
    """When a curve is removed from a latent.

    Attributes:
        sweeps: number of passes over all variables; 0 removes nothing.
        min_share: smallest share of a residual's variance that a curve must explain, on transitions that it was not
            fitted to.
        deviations: transitions whose residual lies beyond this many robust deviations (1.48 MAD) are left out.
        ridge: L2 penalty of the regressions, in units of one row's unit-variance features.
    """

    sweeps: int = 1
    min_share: float = 0.01
    deviations: float = 4.0
    ridge: float = 3.0

    def __post_init__(self) -> None:
        checks.size(self.sweeps, "sweeps of the leakage removal", 0)
        checks.in_range(self.min_share, "min_share of the leakage removal", 0.0, 1.0)
        checks.in_range(self.deviations, "deviations of the leakage removal", 0.0, np.inf, open_low=True)
        checks.in_range(self.ridge, "ridge of the leakage removal", 0.0, np.inf, open_low=True)


@dataclass(frozen=True)
class Curves:
    """Shifts and scales all other latents by curves of one latent; the curves are sums of tanh steps.

    The closed form only shifts; models of earlier versions scale as well.

    Attributes:
        source: the latent that the curves read; it is not changed.
        slope: slope of the steps, 1 / width.
        offsets: (M,), offsets of the steps.
        shifts: (M, L), weights of the steps in the shift, which is subtracted; 0 at ``source``.
        shift_bias: (L,), bias of the shift; 0 at ``source``.
        stretches: (M, L), weights of the steps in the log-scale, whose exponential divides; 0 at ``source``.
        stretch_bias: (L,), bias of the log-scale; 0 at ``source``.
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
        """Shift and scale all latents but the source."""
        steps = self.features(z)
        shifted = z - self.shift_bias - steps @ self.shifts
        return shifted * np.exp(-self.stretch_bias - steps @ self.stretches)

    def of_scaled(self, latent: int, by: float) -> Curves:
        """The same map for latents of which one has been divided by a number."""
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
    """Remove from all latents the curves of those variables that have a single latent; changes ``latents`` in place.

    Args:
        latents: latents of the closed form after splitting, of about unit variance.
        targets: (pairs, K) bool.
        settings: see `LeakageSettings`.
    """
    before = len(latents.changes)
    for _ in range(settings.sweeps):
        if not _sweep(latents, targets, settings):
            break
    if len(latents.changes) > before:
        both = np.concatenate([latents.before, latents.after])
        for latent, spread in enumerate(both.std(axis=0)):
            latents.rescale(latent, max(float(spread), LEAST))


def _sweep(latents: LatentPairs, targets: np.ndarray, settings: LeakageSettings) -> bool:
    """Remove the curves of all latents; return whether there were any."""
    found = _shifts(latents, targets, settings)
    for curves in found:
        latents.apply(curves)
    return bool(found)


def _shifts(latents: LatentPairs, targets: np.ndarray, settings: LeakageSettings) -> list[Curves]:
    """Shifts of the other latents by curves of each latent, all fitted to the same residuals."""
    alone, quiet = _alone_rows(latents.slots, targets), np.logical_not(targets.any(axis=1))
    if not alone or not quiet.any():
        return []
    bases = [_basis(latents.after, source) for source in alone]
    features = [basis.features(latents.after) for basis in bases]
    residual = latents.past.residuals(np.hstack([latents.after, *features]))
    of_latents, *of_steps = np.split(residual, latents.after.shape[1] + NUM_KNOTS * np.arange(len(bases)), axis=1)
    fitted = []
    for basis, rows, steps, values in zip(bases, alone.values(), of_steps, features):
        if _spreads(of_latents[:, basis.source], rows, quiet):
            weights, spread = np.zeros_like(basis.shifts), np.maximum(values.std(axis=0), LEAST)
            for latent in np.flatnonzero(latents.slots != latents.slots[basis.source]):
                weights[:, latent] = _curve(of_latents[rows, latent], steps[rows] / spread, settings) / spread
            fitted.append(replace(basis, shifts=weights, shift_bias=-values.mean(axis=0) @ weights))
    return [curves for curves in fitted if curves.shifts.any()]


def _alone_rows(slots: np.ndarray, targets: np.ndarray) -> dict[int, np.ndarray]:
    """Latent -> transitions in which only its variable was intervened on, if enough; of variables with one latent."""
    num_targets, found = targets.sum(axis=1), {}
    for variable in range(targets.shape[1]):
        columns = np.flatnonzero(slots == variable)
        alone = np.flatnonzero(targets[:, variable] & (num_targets == 1))
        if len(columns) == 1 and len(alone) >= ENOUGH:
            found[int(columns[0])] = alone
    return found


def _spreads(residual: np.ndarray, alone: np.ndarray, quiet: np.ndarray) -> bool:
    """Whether interventions spread the values of a latent, of which the residual (pairs,) is given."""
    return bool(residual[alone].var() > SPREADS * residual[quiet].var())


def _basis(z: Rows, source: int) -> Curves:
    """Curves of a latent with all weights 0, and knots over the range of its values."""
    low, high = np.quantile(z[:, source], (TAIL, 1 - TAIL))
    knots = np.linspace(float(low), float(high), NUM_KNOTS)
    slope = NUM_KNOTS / max(float(high - low), LEAST)
    return replace(blank_curves(z.shape[1]), source=source, slope=slope, offsets=-slope * knots)


def _curve(y: np.ndarray, steps: np.ndarray, settings: LeakageSettings) -> np.ndarray:
    """Weights (M,) of steps (rows, M) in the usual ones of some values (rows,); 0 if they explain too little."""
    usual = ~beyond(y, settings.deviations)
    x = np.column_stack([np.ones(usual.sum()), steps[usual]])
    return _explaining_weights(x, y[usual], settings)[1:]


def _explaining_weights(x: np.ndarray, y: np.ndarray, settings: LeakageSettings) -> np.ndarray:
    """Weights (1 + M,) of features (rows, 1 + M) that explain values (rows,).

    Only the first is not 0 unless the others explain at least ``min_share`` of the odd rows' variance when fitted to
    the even rows.
    """
    first = np.zeros(x.shape[1])
    first[0] = (x[:, 0] @ y) / (x[:, 0] @ x[:, 0] + LEAST)
    even, odd = slice(None, None, 2), slice(1, None, 2)
    residual = y[odd] - x[odd] @ ridge_weights(x[even], y[even], settings.ridge)
    plain = y[odd] - x[odd] @ first
    if (residual**2).sum() > (1 - settings.min_share) * (plain**2).sum():
        return first
    return ridge_weights(x, y, settings.ridge)
