"""What the past tells of the next latents: ridge regression on smooth features, where nothing is intervened on."""

from __future__ import annotations

import numpy as np

from trisect.models.tanh_function import Rows

SHARPNESS = 2.0
"""Deviation of what the tanh of a feature of the identified directions sees: such dynamics bend and saturate."""


def residuals(after: Rows, targets: np.ndarray, features: np.ndarray, ridge: float) -> np.ndarray:
    """What a regression of values after each transition, on features of what was before, leaves of them.

    Args:
        after: (pairs, values), of about unit variance.
        targets: (pairs, K) bool; fitted to the transitions without any, or to all where those are too few.
        features: (pairs, M).
        ridge: L2 penalty.
    """
    quiet = ~targets.any(axis=1)
    if quiet.sum() < features.shape[1]:
        quiet = np.ones(len(targets), dtype=bool)
    gram = features[quiet].T @ features[quiet] + ridge * np.eye(features.shape[1])
    left: np.ndarray = after - features @ np.linalg.solve(gram, features[quiet].T @ after[quiet])
    return left


def features_of_latents(z: Rows, num_random: int, rng: np.random.Generator) -> np.ndarray:
    """1, z, all products of two, and random tanh features: (rows, M)."""
    rows, columns = np.triu_indices(z.shape[1])
    products = z[:, rows] * z[:, columns]
    return np.concatenate([np.ones((len(z), 1)), z, products, _random(z, num_random, 1.0, 1.0, rng)], axis=1)


def features_of_directions(values: Rows, num_random: int, rng: np.random.Generator) -> np.ndarray:
    """Random tanh features, sharper, of the few directions that are identified so far: (rows, M)."""
    scaled = values / np.maximum(values.std(axis=0), 1e-12)
    return _random(scaled, num_random, SHARPNESS, 2.0, rng)


def _random(z: Rows, num: int, sharpness: float, spread: float, rng: np.random.Generator) -> np.ndarray:
    mixes = sharpness * rng.normal(size=(z.shape[1], num)) / np.sqrt(z.shape[1])
    return np.tanh(z @ mixes + rng.uniform(-spread, spread, num))
