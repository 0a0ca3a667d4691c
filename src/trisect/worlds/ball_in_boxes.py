"""Ball-in-Boxes: a ball that walks at random in one of two boxes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from trisect.interventions import Intervention, SingleTargets, TargetPolicy
from trisect.variables import Categorical, Continuous, VariableSpace
from trisect.worlds import raster
from trisect.worlds.base import World, random_uniform

SIZE = 32
BORDER = 2
RADIUS = 1.5
SHIFT = 16.0
X_RANGE = (3.5, 12.5)
Y_RANGE = (3.5, 28.5)
NOISE = 1.5
GROUND, WALL, BALL = (0.9, 0.9, 0.9), (0.1, 0.1, 0.1), (1.0, 0.0, 0.0)
RING = 255 / 256


class BallInBoxes(World):
    """Frames of 32x32x3: two boxes side by side, a red ball of radius 1.5 in one of them.

    | variable | values | without intervention | intervention |
    |---|---|---|---|
    | ball_b | box, 0 or 1 | stays | imperfect: the ball changes to the other box, its x within the box is kept |
    | ball_x | [3.5, 12.5] pixels from the left box's edge | x + 1.5 n, clipped | none |
    | ball_y | [3.5, 28.5] pixels, upwards | y + 1.5 n, clipped | perfect: uniform over the range |

    with n standard normal. The ball is drawn at (x + 16 b, y). At most one variable is a target in a step, none with
    probability 0.8^2 = 0.64. Since x has no intervention it cannot be identified: it belongs to the noise slot.
    Rules: Lippe et al., "CITRIS", ICML 2022, the Ball-in-Boxes environment.

    Example:
        >>> world = BallInBoxes()
        >>> world.render(world.reset(2, np.random.default_rng(0))).shape
        (2, 32, 32, 3)
    """

    name: ClassVar[str] = "ball_in_boxes"
    version: ClassVar[int] = 1

    def __init__(self) -> None:
        self.variables = VariableSpace(
            [Categorical("ball_b", 2), Continuous("ball_x", *X_RANGE), Continuous("ball_y", *Y_RANGE)]
        )
        self.interventions = {
            "ball_b": Intervention.IMPERFECT,
            "ball_x": Intervention.NONE,
            "ball_y": Intervention.PERFECT,
        }
        self.temporal_graph = np.eye(3, dtype=bool)
        self.instantaneous_graph = np.zeros((3, 3), dtype=bool)
        self.observation_shape = (SIZE, SIZE, 3)
        self._boxes = _draw_boxes()

    def policy(self) -> TargetPolicy:
        return SingleTargets(2, none_probability=0.8**2)

    def reset(self, num: int, rng: np.random.Generator) -> np.ndarray:
        return self.independent(num, rng)

    def independent(self, num: int, rng: np.random.Generator) -> np.ndarray:
        box = rng.integers(2, size=num).astype(np.float64)
        return np.stack([box, random_uniform(rng, num, *X_RANGE), random_uniform(rng, num, *Y_RANGE)], axis=1)

    def step(self, factors: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        num = len(factors)
        walk = factors[:, 1:] + NOISE * rng.standard_normal((num, 2))
        anywhere = random_uniform(rng, num, *Y_RANGE)
        box = np.where(targets[:, 0], 1.0 - factors[:, 0], factors[:, 0])
        x = np.clip(walk[:, 0], *X_RANGE)
        y = np.where(targets[:, 2], anywhere, np.clip(walk[:, 1], *Y_RANGE))
        return np.stack([box, x, y], axis=1)

    def render(self, factors: np.ndarray) -> np.ndarray:
        frames = np.repeat(self._boxes[None], len(factors), axis=0)
        raster.lay_discs(frames, factors[:, 1] + SHIFT * factors[:, 0], factors[:, 2], RADIUS, BALL)
        return frames

    def settings(self) -> dict[str, Any]:
        return {}


def _draw_boxes() -> np.ndarray:
    """The empty boxes, (32, 32, 3) uint8: ground, a frame of walls two pixels wide and a wall in the middle."""
    inside = raster.rectangle_coverage(SIZE, SIZE, (BORDER, SIZE - BORDER), (BORDER, SIZE - BORDER))
    middle = raster.rectangle_coverage(SIZE, SIZE, (SIZE / 2 - BORDER / 2, SIZE / 2 + BORDER / 2), (0, SIZE))
    ground = raster.fill(np.zeros((SIZE, SIZE, 3)), np.ones((SIZE, SIZE)), GROUND)
    walls = raster.fill(ground, np.maximum(1.0 - inside, middle), WALL)
    return raster.darken_ring(raster.to_uint8(walls), RING)
