"""The contract of a world: a batch of simulators that advance together, step by step, in NumPy arrays.

A world's state is its array of *factors*, (worlds, factors) float64: nothing else is carried from step to step.
Randomness comes from the ``rng`` that you pass to a method, and **the numbers drawn never depend on the targets**: two
calls with equal generators and different targets see the same noise. This makes "intervene on one variable, keep all
else" exact, and `trisect.worlds.checker` checks it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from trisect import checks
from trisect.interventions import Intervention, TargetPolicy
from trisect.notebook import few
from trisect.variables import VariableSpace


class World(ABC):
    """A world of K variables and D factors.

    Attributes:
        name: name of the world for `trisect.worlds.make` and in data files.
        version: raised whenever the same seed no longer gives the same bytes.
        variables: every variable, with its factors and their ranges.
        interventions: variable name -> what an intervention on it does, for every variable.
        temporal_graph: (K, K) bool, entry (i, j): variable i at t is a parent of variable j at t+1.
        instantaneous_graph: (K, K) bool, entry (i, j): variable i at t+1 is a parent of variable j at t+1.
        observation_shape: (height, width, channels) of uint8 frames, or (dims,) of float32 vectors.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    variables: VariableSpace
    interventions: dict[str, Intervention]
    temporal_graph: np.ndarray
    instantaneous_graph: np.ndarray
    observation_shape: tuple[int, ...]

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"{type(self).__name__}({settings}; variables: {few(self.variables.names)})".replace("(; ", "(")

    @abstractmethod
    def policy(self) -> TargetPolicy:
        """The default target policy, over the variables of `interventable` in their order."""

    @abstractmethod
    def reset(self, num: int, rng: np.random.Generator) -> np.ndarray:
        """Factors of the first frame of ``num`` episodes, (num, D) float64."""

    @abstractmethod
    def step(self, factors: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Factors one step later.

        Args:
            factors: (num, D) float64; left unchanged.
            targets: (num, K) bool over all variables; True replaces that variable's mechanism in this step.
            rng: source of the noise; how many numbers are drawn depends only on ``num``.
        """

    @abstractmethod
    def render(self, factors: np.ndarray) -> np.ndarray:
        """Observations (num, *observation_shape) of factors (num, D): a pure function, uint8 or float32."""

    @abstractmethod
    def independent(self, num: int, rng: np.random.Generator) -> np.ndarray:
        """Factors (num, D) of frames without a past, with every variable spread over its range."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Settings as plain types, from which `trisect.worlds.make` builds this world again."""

    @property
    def interventable(self) -> tuple[str, ...]:
        """Names of the variables that can be intervened on, in their order."""
        return tuple(name for name in self.variables.names if self.interventions[name] is not Intervention.NONE)

    @property
    def observation_dtype(self) -> type[np.generic]:
        """uint8 for frames, float32 for vectors."""
        return np.uint8 if len(self.observation_shape) == 3 else np.float32

    def targets(self, num_steps: int, rng: np.random.Generator, policy: TargetPolicy | None = None) -> np.ndarray:
        """Draw intervention targets for a number of steps.

        Args:
            num_steps: number of steps, at least 1; rows are independent.
            rng: source of the draws.
            policy: a policy over `interventable`; by default `policy()` of the world.

        Returns:
            (num_steps, K) bool over all variables; columns of variables without an intervention are False.

        Raises:
            ValueError: the policy is for another number of variables.
        """
        policy = self.policy() if policy is None else policy
        names = self.interventable
        what = f"the number of variables of the target policy of world '{self.name}'"
        checks.require(policy.num_variables == len(names), what, f"{len(names)} {names}", policy.num_variables)
        targets = np.zeros((num_steps, len(self.variables)), dtype=bool)
        targets[:, [self.variables.index(name) for name in names]] = policy.sample(num_steps, rng)
        return targets


def random_uniform(rng: np.random.Generator, num: int, low: float, high: float) -> np.ndarray:
    """``num`` uniform draws in [low, high)."""
    return low + (high - low) * rng.random(num)
