"""The dynamics: features of z^t, from which a ridge regression predicts z^{t+1} as it would be without interventions.

With features phi(z) in R^M, the regression chooses B (M, L) to minimise

    sum_t |z^{t+1} - B' phi(z^t)|^2 + penalty |B|^2,

and r = z^{t+1} - B' phi(z^t) is the residual of every transition. Since the regression is linear in B, one (M, M)
system solves it whatever the features are. They are of three kinds: polynomials, random tanh functions of all latents,
which approximate any smooth function, and random tanh functions of two identified directions, which approximate clipped
and saturating mechanisms. Any part of the dynamics that the features miss stays in r as noise that variables may share.

The regression is fitted to transitions without interventions. Where these are few, as with levels that are held, it is
fitted to all, with the targets and their products with z^t as further inputs, which are left out of the prediction. The
number of features follows from the number of transitions (`trisect.affordable`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from trisect.affordable import affordable_features
from trisect.models.closed_form.ridge import FeatureMap, Ridge, RowSet, ridge_on
from trisect.models.closed_form.tanh_function import Rows

MULTIPLIED = 40
"""Largest number of latents whose products are features."""
SHARPNESS = 3.0
"""Standard deviation of the tanh's argument in a pair feature; large, as mechanisms of few variables often saturate."""
SPREAD = 1.3
"""Largest offset of a pair feature, in units of that standard deviation."""


def num_polynomials(num_latents: int) -> int:
    """Number of features that `polynomials` returns."""
    multiplied = min(num_latents, MULTIPLIED)
    return 1 + num_latents + multiplied * (multiplied + 1) // 2


def polynomials(z: Rows) -> FeatureMap:
    """1, z and the products of two latents.

    Of more than `MULTIPLIED` latents only the last `MULTIPLIED` are multiplied, which after whitening are those of most
    variance. All products of many latents would be more features than transitions, and their cost grows with the fourth
    power of the number of latents.
    """
    width = z.shape[1]

    def features(rows: RowSet) -> np.ndarray:
        part = z[rows]
        values = np.empty((len(part), num_polynomials(width)))
        values[:, 0], values[:, 1 : 1 + width] = 1.0, part
        start = 1 + width
        for column in range(max(0, width - MULTIPLIED), width):  # whole blocks: gathering single columns is slow
            stop = start + width - column
            np.multiply(part[:, column : column + 1], part[:, column:], out=values[:, start:stop])
            start = stop
        return values

    return features


def linear(z: Rows) -> FeatureMap:
    """1 and z."""
    return lambda rows: np.column_stack([np.ones(len(z[rows])), z[rows]])


def target_products(targets: np.ndarray, z: Rows, wide: np.ndarray) -> FeatureMap:
    """Every target, alone or times 1 and z: what an intervention changes in the prediction.

    Args:
        targets: (pairs, K) bool.
        z: (pairs, L).
        wide: (K,) bool, the targets that are multiplied by z as well.

    Returns:
        A map to the products, (rows, P), one target after the other.
    """

    def features(rows: RowSet) -> np.ndarray:
        on = targets[rows]
        with_one = np.column_stack([np.ones(len(on)), z[rows]])
        return np.hstack([column[:, None] * with_one[:, : None if full else 1] for column, full in zip(on.T, wide)])

    return features


@dataclass(frozen=True)
class Plan:
    """The regression that the data allow.

    Attributes:
        fitted: (pairs,) bool, the transitions that it is fitted to.
        with_targets: the targets are inputs as well, since transitions without interventions are too few.
        wide: the products of targets and latents are, too.
        products: the products of two latents are features.
        num_random: number of random features of all latents.
        left: number of further features that the transitions allow.
    """

    fitted: np.ndarray
    with_targets: bool
    wide: bool
    products: bool
    num_random: int
    left: int


def plan(targets: np.ndarray, num_latents: int, num_inputs: int, num_random: int) -> Plan:
    """Choose rows and features by the number of transitions, see `trisect.affordable`.

    The transitions without interventions are enough if they allow all features, or half of what all transitions allow.

    Args:
        targets: (pairs, K) bool.
        num_latents: number of latents whose products are features.
        num_inputs: number of all inputs: the latents, and those of earlier frames.
        num_random: number of random features to use if possible.
    """
    quiet = np.logical_not(targets.any(axis=1))
    of_quiet, of_all = affordable_features(int(quiet.sum())), affordable_features(len(targets))
    wide = targets.shape[1] * (1 + num_latents) <= of_all // 2
    of_all -= min(targets.shape[1] * (1 + num_inputs), of_all // 2)
    num_products = num_polynomials(num_latents) - 1 - num_latents
    with_targets = of_quiet < min(1 + num_inputs + num_products + num_random, of_all // 2)
    budget = (of_all if with_targets else of_quiet) - 1 - num_inputs
    products = num_products <= budget / 2
    budget -= num_products if products else 0
    used = max(0, min(num_random, budget))
    fitted = np.ones(len(targets), dtype=bool) if with_targets else quiet
    return Plan(fitted, with_targets, wide, products, used, max(0, budget - used))


def regression(
    planned: Plan, targets: np.ndarray, before: Rows, earlier: np.ndarray, ridge: float, rng: np.random.Generator
) -> Ridge:
    """The planned regression of anything on z^t.

    Args:
        planned: see `plan`.
        targets: (pairs, K) bool.
        before: z^t, (pairs, L), whitened.
        earlier: latents of the frames before it, (pairs, any), whitened.
        ridge: L2 penalty.
        rng: draws the random features.
    """
    inputs = np.hstack([before, earlier])
    num_variables, beside = targets.shape[1], None
    if planned.with_targets:
        beside = target_products(targets, before, np.full(num_variables, planned.wide))
    features = ridge_on(
        polynomials(before) if planned.products else linear(before), planned.fitted, ridge, beside=beside
    )
    if earlier.shape[1]:
        features = features.extended(lambda rows: earlier[rows])
    return features.extended(random_features(inputs, planned.num_random, rng)) if planned.num_random else features


def random_features(z: Rows, num: int, rng: np.random.Generator) -> FeatureMap:
    """Random tanh features of all latents, which must be whitened."""
    return _tanh_features(z, rng.normal(size=(z.shape[1], num)) / np.sqrt(z.shape[1]), 1.0, rng)


def pair_features(values: Rows, num: int, rng: np.random.Generator) -> FeatureMap:
    """Sharper random tanh features, each of two of the directions that are identified so far.

    Mechanisms have few parents: a paddle, for example, follows the difference of two positions, up to a largest step.
    """
    width = values.shape[1]
    pairs = list(itertools.combinations(range(width), min(2, width)))
    mixes = np.zeros((width, num))
    for feature, pair in zip(range(num), itertools.cycle(pairs)):
        direction = rng.normal(size=len(pair))
        mixes[list(pair), feature] = direction / np.linalg.norm(direction)
    return _tanh_features(values / np.maximum(values.std(axis=0), 1e-12), SHARPNESS * mixes, SPREAD * SHARPNESS, rng)


def _tanh_features(z: Rows, mixes: np.ndarray, spread: float, rng: np.random.Generator) -> FeatureMap:
    offsets = rng.uniform(-spread, spread, mixes.shape[1])

    def features(rows: RowSet) -> np.ndarray:
        inputs: np.ndarray = z[rows] @ mixes
        inputs += offsets
        return np.tanh(inputs, out=inputs)  # in place: fresh memory for every step would double the time

    return features
