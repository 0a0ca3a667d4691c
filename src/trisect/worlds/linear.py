"""Linear-Gaussian world: its truth is known in closed form, so that methods can be tested against it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.linalg import solve_discrete_lyapunov

from trisect import checks
from trisect.interventions import IndependentTargets, Intervention, SingleTargets, TargetPolicy
from trisect.variables import Continuous, VariableSpace
from trisect.worlds.base import World

STEP_STD = 0.3
INTERVENTION_STD = 1.0
PERSISTENCE = 0.8
TARGET_PROBABILITY = 0.15
ROUNDS, BEND, SHARPNESS = 2, 1.5, 2.0
MIXINGS = ("rotation", "nonlinear")


class LinearGaussian(World):
    """Vectors of ``num_latents`` numbers: K variables with linear dynamics and autoregressive noise, mixed.

    | variable | without intervention | intervention |
    |---|---|---|
    | c0 ... c{K-1} | (A c)_i + 0.3 n, A sparse and stable | perfect: 1.0 n |
    | noise_0 ... | 0.8 e + 0.6 n | none: they belong to the noise slot |

    with n standard normal. The observation is g(c, e). With ``rotation``, g is one orthogonal matrix Q; with
    ``nonlinear``, g applies x <- f(Q x) twice, with f(u) = u + 1.5 tanh(2 u), and then a last Q; it is exactly
    invertible. A and every Q are drawn from ``seed``.

    Args:
        num_variables: K, at least 1.
        num_latents: dimension of the observation, at least K; the rest are noise variables.
        mixing: ``"rotation"`` or ``"nonlinear"``.
        seed: seed of the dynamics and the mixing, not of the samples; at least 0.
        single_target: whether there is at most one target per step (none with probability 0.85^K), instead of
            independent targets with probability 0.15.

    Raises:
        ValueError: an argument is out of its range.
    """

    name: ClassVar[str] = "linear"
    version: ClassVar[int] = 1

    def __init__(
        self,
        num_variables: int = 4,
        num_latents: int = 8,
        mixing: str = "rotation",
        seed: int = 0,
        single_target: bool = False,
    ):
        self.num_variables = checks.positive_int(num_variables, "num_variables of a LinearGaussian world")
        self.num_latents = checks.positive_int(num_latents, "num_latents of a LinearGaussian world", num_variables)
        self.mixing = checks.one_of(mixing, MIXINGS, "the mixing of a LinearGaussian world")
        self.seed = checks.positive_int(seed, "the seed of a LinearGaussian world", 0)
        self.single_target = single_target
        self._name_variables()
        rng = np.random.default_rng(seed)
        self.dynamics = _stable_matrix(self.num_variables, rng)
        self.rotations = [_orthogonal(num_latents, rng) for _ in range(1 if mixing == "rotation" else ROUNDS + 1)]
        self.temporal_graph = np.eye(num_latents, dtype=bool)
        self.temporal_graph[:num_variables, :num_variables] = self.dynamics.T != 0
        self.instantaneous_graph = np.zeros((num_latents, num_latents), dtype=bool)
        self.observation_shape = (num_latents,)

    def _name_variables(self) -> None:
        names = [f"c{i}" for i in range(self.num_variables)]
        noise = [f"noise_{i}" for i in range(self.num_latents - self.num_variables)]
        self.variables = VariableSpace([Continuous(name) for name in names + noise])
        self.interventions = dict.fromkeys(names, Intervention.PERFECT) | dict.fromkeys(noise, Intervention.NONE)

    def policy(self) -> TargetPolicy:
        if self.single_target:
            return SingleTargets(self.num_variables, (1 - TARGET_PROBABILITY) ** self.num_variables)
        return IndependentTargets((TARGET_PROBABILITY,) * self.num_variables)

    def reset(self, num: int, rng: np.random.Generator) -> np.ndarray:
        normal = rng.standard_normal((num, self.num_latents))
        k = self.num_variables
        return np.concatenate([normal[:, :k] @ np.linalg.cholesky(self.covariance()).T, normal[:, k:]], axis=1)

    def independent(self, num: int, rng: np.random.Generator) -> np.ndarray:
        deviation = np.ones(self.num_latents)
        deviation[: self.num_variables] = np.sqrt(np.diagonal(self.covariance()))
        return deviation * rng.standard_normal((num, self.num_latents))

    def covariance(self) -> np.ndarray:
        """Stationary covariance (K, K) of the variables without interventions: S = A S A' + 0.09 I."""
        return solve_discrete_lyapunov(self.dynamics, STEP_STD**2 * np.eye(self.num_variables))

    def step(self, factors: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        k = self.num_variables
        normal = rng.standard_normal((len(factors), self.num_latents))
        replaced = INTERVENTION_STD * rng.standard_normal((len(factors), k))
        moved = factors[:, :k] @ self.dynamics.T + STEP_STD * normal[:, :k]
        noise = PERSISTENCE * factors[:, k:] + np.sqrt(1 - PERSISTENCE**2) * normal[:, k:]
        return np.concatenate([np.where(targets[:, :k], replaced, moved), noise], axis=1)

    def render(self, factors: np.ndarray) -> np.ndarray:
        mixed = factors @ self.rotations[0].T
        for rotation in self.rotations[1:]:
            mixed = _bend(mixed) @ rotation.T
        return mixed.astype(np.float32)

    def unmix(self, observations: np.ndarray) -> np.ndarray:
        """The exact inverse of `render`: observations (num, num_latents) -> factors, float64."""
        factors = observations.astype(np.float64) @ self.rotations[-1]
        for rotation in self.rotations[-2::-1]:
            factors = _unbend(factors) @ rotation
        return factors

    def settings(self) -> dict[str, Any]:
        return {
            "num_variables": self.num_variables,
            "num_latents": self.num_latents,
            "mixing": self.mixing,
            "seed": self.seed,
            "single_target": self.single_target,
        }


def _stable_matrix(num: int, rng: np.random.Generator, radius: float = 0.9) -> np.ndarray:
    """A (num, num) matrix with a full diagonal, about a third of the rest filled, and spectral radius <= 0.9."""
    signs = rng.choice([-1.0, 1.0], size=(num, num))
    filled = rng.random((num, num)) < 1 / 3
    matrix = np.where(filled, signs * (0.2 + 0.2 * rng.random((num, num))), 0.0)
    np.fill_diagonal(matrix, 0.6 + 0.2 * rng.random(num))
    largest = float(np.abs(np.linalg.eigvals(matrix)).max())
    return matrix * min(1.0, radius / largest)


def _orthogonal(num: int, rng: np.random.Generator) -> np.ndarray:
    """A random orthogonal matrix, uniform over the group."""
    q, r = np.linalg.qr(rng.standard_normal((num, num)))
    return q * np.sign(np.diagonal(r))


def _bend(u: np.ndarray) -> np.ndarray:
    return u + BEND * np.tanh(SHARPNESS * u)


def _unbend(v: np.ndarray) -> np.ndarray:
    """Solve v = u + a tanh(b u) for u by bisection: u lies within a of v, and f increases."""
    low, high = v - BEND, v + BEND
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = _bend(middle) < v
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
