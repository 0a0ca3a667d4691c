"""What the past tells of the next latents: features of z^t for a ridge regression where nothing is intervened on."""

from __future__ import annotations

import itertools

import numpy as np

from trisect.models.closed_form.ridge import FeatureMap, RowSet
from trisect.models.closed_form.tanh_function import Rows

MULTIPLIED = 40
"""Latents whose products are features, at most."""
SHARPNESS = 3.0
"""Deviation of what the tanh of a feature of the identified directions sees: such dynamics bend and saturate."""
SPREAD = 1.3
"""Largest offset of such a feature, in units of that deviation."""


def num_polynomials(num_latents: int) -> int:
    """How many features `polynomials` gives."""
    multiplied = min(num_latents, MULTIPLIED)
    return 1 + num_latents + multiplied * (multiplied + 1) // 2


def polynomials(z: Rows) -> FeatureMap:
    """1, z and the products of two latents; of more than `MULTIPLIED`, only the last, which whitening makes from most.

    All products of many latents would be more features than transitions, and cost the fourth power of the latents.
    """
    width = z.shape[1]

    def features(rows: RowSet) -> np.ndarray:
        part = z[rows]
        found = np.empty((len(part), num_polynomials(width)))
        found[:, 0], found[:, 1 : 1 + width] = 1.0, part
        start = 1 + width
        for column in range(max(0, width - MULTIPLIED), width):  # whole blocks: gathering single columns is slow
            stop = start + width - column
            np.multiply(part[:, column : column + 1], part[:, column:], out=found[:, start:stop])
            start = stop
        return found

    return features


def random_features(z: Rows, num: int, rng: np.random.Generator) -> FeatureMap:
    """Random tanh features of whitened latents."""
    return _tanh_features(z, rng.normal(size=(z.shape[1], num)) / np.sqrt(z.shape[1]), 1.0, rng)


def pair_features(values: Rows, num: int, rng: np.random.Generator) -> FeatureMap:
    """Random tanh features of two directions each, sharper, of the few directions that are identified so far.

    Mechanisms have few parents: a paddle follows the difference of two positions, up to a largest step.
    """
    width = values.shape[1]
    pairs = list(itertools.combinations(range(width), min(2, width)))
    mixes = np.zeros((width, num))
    for feature, pair in zip(range(num), itertools.cycle(pairs)):
        towards = rng.normal(size=len(pair))
        mixes[list(pair), feature] = towards / np.linalg.norm(towards)
    return _tanh_features(values / np.maximum(values.std(axis=0), 1e-12), SHARPNESS * mixes, SPREAD * SHARPNESS, rng)


def _tanh_features(z: Rows, mixes: np.ndarray, spread: float, rng: np.random.Generator) -> FeatureMap:
    offsets = rng.uniform(-spread, spread, mixes.shape[1])

    def features(rows: RowSet) -> np.ndarray:
        inputs: np.ndarray = z[rows] @ mixes
        inputs += offsets
        return np.tanh(inputs, out=inputs)  # in place: fresh memory for every step would double the time

    return features
