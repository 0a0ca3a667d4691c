"""What the past tells of the next latents: features of z^t for a ridge regression where nothing is intervened on."""

from __future__ import annotations

import numpy as np

from trisect.models.ridge import FeatureMap
from trisect.models.tanh_function import Rows

SHARPNESS = 2.0
"""Deviation of what the tanh of a feature of the identified directions sees: such dynamics bend and saturate."""


def num_features_of_latents(num_latents: int, num_random: int) -> int:
    """How many features `features_of_latents` gives."""
    return 1 + num_latents + num_latents * (num_latents + 1) // 2 + num_random


def features_of_latents(z: Rows, num_random: int, rng: np.random.Generator) -> FeatureMap:
    """1, z, all products of two, and random tanh features of whitened latents."""
    rows, columns = np.triu_indices(z.shape[1])
    random = _random(z, num_random, 1.0, 1.0, rng)

    def features(chunk: slice) -> np.ndarray:
        part = z[chunk]
        return np.hstack([np.ones((len(part), 1)), part, part[:, rows] * part[:, columns], random(chunk)])

    return features


def features_of_directions(values: Rows, num_random: int, rng: np.random.Generator) -> FeatureMap:
    """Random tanh features, sharper, of the few directions that are identified so far."""
    return _random(values / np.maximum(values.std(axis=0), 1e-12), num_random, SHARPNESS, 2.0, rng)


def _random(z: Rows, num: int, sharpness: float, spread: float, rng: np.random.Generator) -> FeatureMap:
    mixes = sharpness * rng.normal(size=(z.shape[1], num)) / np.sqrt(z.shape[1])
    offsets = rng.uniform(-spread, spread, num)
    return lambda rows: np.tanh(z[rows] @ mixes + offsets)
