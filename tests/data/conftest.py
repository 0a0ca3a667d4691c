"""Small recordings with known content."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from trisect.data.recording import Recording
from trisect.interventions import IndependentTargets, Intervention
from trisect.variables import Continuous, VariableSpace
from trisect.worlds.base import World


class Patches(World):
    """16x16 frames, one 4x4 patch per variable whose brightness is the variable; a target makes it jump."""

    name: ClassVar[str] = "patches"
    version: ClassVar[int] = 1

    def __init__(self, size: int = 16):
        self.size = size
        self.variables = VariableSpace([Continuous("a", 0, 1), Continuous("b", 0, 1)])
        self.interventions = {"a": Intervention.PERFECT, "b": Intervention.PERFECT}
        self.temporal_graph = np.eye(2, dtype=bool)
        self.instantaneous_graph = np.zeros((2, 2), dtype=bool)
        self.observation_shape = (size, size, 3)

    def policy(self):
        return IndependentTargets((0.2, 0.2))

    def reset(self, num, rng):
        return rng.random((num, 2))

    def independent(self, num, rng):
        return rng.random((num, 2))

    def step(self, factors, targets, rng):
        return np.where(targets, rng.random(factors.shape), factors)

    def render(self, factors):
        frames = np.zeros((len(factors), *self.observation_shape), np.uint8)
        for column, left in enumerate((2, 10)):
            frames[:, 2:6, left : left + 4] = np.round(255 * factors[:, column, None, None, None])
        return frames

    def settings(self) -> dict[str, Any]:
        return {"size": self.size}


@pytest.fixture
def patches() -> Patches:
    return Patches()


@pytest.fixture
def counted() -> Recording:
    """Three episodes of 10 frames; frame t is the vector (t,), targets mark every third frame of 'a', and 'c' never."""
    space = VariableSpace([Continuous("a"), Continuous("b"), Continuous("c")])
    rows = np.arange(30)
    targets = np.stack([rows % 3 == 0, rows % 5 == 4, np.zeros(30, bool)], axis=1)
    observations = rows[:, None].astype(np.float32)
    return Recording(observations, targets, space, np.tile(observations, (1, 3)), None, np.array([0, 10, 20]))
