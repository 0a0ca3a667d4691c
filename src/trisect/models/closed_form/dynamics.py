"""The dynamics: features of z^t, from which a ridge regression predicts z^{t+1} where nothing is intervened on.

With features phi(z) in R^M, the regression chooses B (M, L) to minimise sum_t |z^{t+1} - B' phi(z^t)|^2 + penalty |B|^2
over transitions without interventions; r = z^{t+1} - B' phi(z^t) is the residual of every transition. Since the
regression is linear in B, one (M, M) system solves it whatever the features are. They are of three kinds: polynomials,
random tanh functions of all latents, which approximate any smooth function, and random tanh functions of two identified
directions, which approximate clipped and saturating mechanisms. Any part of the dynamics that the features miss stays
in r as noise that variables may share.
"""

from __future__ import annotations

import itertools

import numpy as np

from trisect.models.closed_form.ridge import FeatureMap, RowSet
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
