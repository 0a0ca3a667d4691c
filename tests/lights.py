"""A small environment with Gymnasium's methods, without Gymnasium."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

NAMES = ("left", "right")


class Choices:
    """An action space of the numbers 0, 1, 2."""

    def seed(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def sample(self) -> int:
        return int(self._rng.integers(3))


class Lights:
    """Two lights of whole levels 0..255 that go up by 1 + action and by 2 in a step; episodes have 5 to 29 frames.

    The left half of the 6x8 frame shows one light, the right half the other. The observation is the pair of levels.
    """

    render_mode: str | None = "rgb_array"

    def __init__(self) -> None:
        self.action_space = Choices()
        self.levels = np.zeros(2, dtype=int)
        self.left = 0
        self.closed = False

    @property
    def unwrapped(self) -> Lights:
        return self

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        rng = np.random.default_rng(seed)
        self.levels, self.left = rng.integers(0, 100, 2), int(rng.integers(5, 30))
        return self.levels.copy(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        self.levels = (self.levels + np.array([1 + action, 2])) % 256
        return self.levels.copy(), 0.0, self.left <= 1, False, {}

    def render(self) -> Any:
        return np.repeat(np.repeat(self.levels.astype(np.uint8), 4)[None, :, None], 6, axis=0).repeat(3, axis=2)

    def close(self) -> None:
        self.closed = True


def set_left(lights: Lights, rng: np.random.Generator) -> None:
    lights.levels[0] = rng.integers(200, 256)


def set_right(lights: Lights, rng: np.random.Generator) -> None:
    lights.levels[1] = rng.integers(200, 256)


def levels(lights: Lights) -> dict[str, float]:
    return dict(zip(NAMES, lights.levels))


SET: dict[str, Callable[[Any, np.random.Generator], object]] = {"left": set_left, "right": set_right}
