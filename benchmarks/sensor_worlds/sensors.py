"""What the sensors of a world show: its variables and some nuisance values, mixed."""

from __future__ import annotations

import numpy as np

from .mechanisms import SCALE
from .world import SensorWorld

PERSISTENCE, BEND, SHARPNESS = 0.9, 3.0, 2.0


def nuisance(shape: tuple[int, ...], num: int, rng: np.random.Generator) -> np.ndarray:
    """Values (episodes, rows, num) of variance 1; the first half is autoregressive, the rest is white."""
    values = rng.standard_normal((*shape, num))
    slow = num // 2
    for t in range(1, shape[1]):
        fresh = np.sqrt(1 - PERSISTENCE**2) * values[:, t, :slow]
        values[:, t, :slow] = PERSISTENCE * values[:, t - 1, :slow] + fresh
    return values


def observe(world: SensorWorld, values: np.ndarray, nuisance: np.ndarray) -> np.ndarray:
    """Observations (..., K + nuisance)."""
    mechanism = np.random.default_rng((3, world.seed))
    latents = np.concatenate([values / SCALE, nuisance], axis=-1)
    mixed = latents @ _orthogonal(latents.shape[-1], mechanism)
    if world.mixing == "linear":
        return mixed
    return (mixed + BEND * np.tanh(SHARPNESS * mixed)) @ _orthogonal(latents.shape[-1], mechanism)


def _orthogonal(num: int, rng: np.random.Generator) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((num, num)))
    return q * np.sign(np.diagonal(r))
