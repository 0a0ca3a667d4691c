"""What the past tells of the next latents: features of z^t for a ridge regression where nothing is intervened on."""

from __future__ import annotations

import numpy as np

from trisect.models.ridge import FeatureMap
from trisect.models.tanh_function import Rows

SHARPNESS = 2.0
"""Deviation of what the tanh of a feature of the identified directions sees: such dynamics bend and saturate."""


def num_polynomials(num_latents: int) -> int:
    """How many features `polynomials` gives."""
    return 1 + num_latents + num_latents * (num_latents + 1) // 2


def polynomials(z: Rows) -> FeatureMap:
    """1, z and all products of two latents."""
    first, second = np.triu_indices(z.shape[1])

    def features(rows: slice) -> np.ndarray:
        part = z[rows]
        return np.hstack([np.ones((len(part), 1)), part, part[:, first] * part[:, second]])

    return features


def random_features(z: Rows, num: int, rng: np.random.Generator) -> FeatureMap:
    """Random tanh features of whitened latents."""
    return _random(z, num, 1.0, 1.0, rng)


def features_of_directions(values: Rows, num_random: int, rng: np.random.Generator) -> FeatureMap:
    """Random tanh features, sharper, of the few directions that are identified so far."""
    return _random(values / np.maximum(values.std(axis=0), 1e-12), num_random, SHARPNESS, 2.0, rng)


def _random(z: Rows, num: int, sharpness: float, spread: float, rng: np.random.Generator) -> FeatureMap:
    mixes = sharpness * rng.normal(size=(z.shape[1], num)) / np.sqrt(z.shape[1])
    offsets = rng.uniform(-spread, spread, num)
    return lambda rows: np.tanh(z[rows] @ mixes + offsets)
