"""How the variables of a sensor world follow each other, with and without interventions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .world import SensorWorld

STEP, SCALE, FIXED, SET_POINT, FIXED_NOISE = 0.3, 0.8, 0.8, 1.6, 0.05
HIDDEN, BURN_IN = 4, 60


@dataclass(frozen=True)
class Drift:
    """Random tanh networks of one or two other variables each, of the given deviation where c has a deviation of 0.8.

    Attributes:
        weights: (K, K * hidden), zero where a variable is no parent.
        bias, outer: (K * hidden,).
        offset: (K,), subtracted from the sums.
    """

    weights: np.ndarray
    bias: np.ndarray
    outer: np.ndarray
    offset: np.ndarray

    @classmethod
    def drawn(cls, num: int, deviation: float, rng: np.random.Generator) -> Drift:
        parents = np.zeros((num, num))
        for child in range(num):
            others = np.delete(np.arange(num), child)
            parents[rng.choice(others, min(len(others), int(rng.integers(1, 3))), replace=False), child] = 1
        weights = np.repeat(parents, HIDDEN, axis=1) * rng.normal(0, 1.5, (num, num * HIDDEN))
        drift = cls(weights, rng.normal(0, 0.5, num * HIDDEN), rng.normal(size=num * HIDDEN), np.zeros(num))
        sums = drift(SCALE * rng.standard_normal((2000, num)))
        outer = drift.outer * np.repeat(deviation / sums.std(axis=0), HIDDEN)
        return cls(weights, drift.bias, outer, sums.mean(axis=0) * deviation / sums.std(axis=0))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        hidden = np.tanh(values @ self.weights + self.bias) * self.outer
        return hidden.reshape(len(values), -1, HIDDEN).sum(axis=2) - self.offset


def variables(world: SensorWorld, truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Variables (episodes, rows + 1, K); the steps before the first one have no interventions."""
    mechanism = np.random.default_rng((2, world.seed))
    deviation = 0.1 if world.memory else 0.6
    rule, other = (Drift.drawn(world.num_variables, deviation, mechanism) for _ in range(2))
    signs = mechanism.choice([-1.0, 1.0], world.num_variables)
    episodes, rows, k = truth.shape
    c, kept = np.zeros((episodes, k)), []
    for t in range(-BURN_IN, rows):
        on = truth[:, t] if t >= 0 else np.zeros((episodes, k), dtype=bool)
        mean = world.memory * c + rule(c)
        noise = rng.standard_normal((episodes, k))
        changed = _intervened(world, mean, -world.memory * c + other(c), signs, noise)
        c = np.where(on, changed, mean + STEP * noise)
        kept.append(c)
    return np.stack(kept[BURN_IN - 1 :], axis=1)


def _intervened(
    world: SensorWorld, mean: np.ndarray, other: np.ndarray, signs: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """The variables if all were intervened on; see the module's table."""
    s = world.strength
    if world.kind == "grow":
        return mean + (1 + 2 * s) * STEP * noise
    if world.kind == "shrink":
        return mean + STEP * noise / (1 + 9 * s)
    if world.kind == "shift":
        return mean + (2 * s * signs + noise) * STEP
    if world.kind == "fix":
        spread = max(STEP - s * (STEP - FIXED_NOISE), FIXED_NOISE)
        return mean + s * (FIXED * signs - mean) + spread * noise
    if world.kind == "hold":
        return mean + s * (1 - world.memory) * SET_POINT * signs + STEP * noise
    return mean + s * (other - mean) + STEP * noise
