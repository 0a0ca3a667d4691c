"""What the worlds drawn by MuJoCo share: a renderer without a screen, noise, reflection and the colour of a light."""

from __future__ import annotations

import colorsys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from recordings import Setup, engine

VISUAL = """<visual>
  <global offwidth="{width}" offheight="{height}"/>
  <quality shadowsize="0" offsamples="4"/>
  <headlight ambient=".6 .6 .6" diffuse=".4 .4 .4" specular="0 0 0"/>
</visual>"""


class Scene:
    """A MuJoCo model of which positions, materials and lights are set by hand, and the camera "eye" that draws it.

    Args:
        xml: the model without its `VISUAL` part, for which it has the place ``{visual}``.
        height, width: of a frame in pixels.
        texture: pixels (rows, columns, 3) uint8 of the model's only texture, if it has one of this size.
    """

    def __init__(self, xml: str, height: int, width: int, texture: np.ndarray | None = None):
        self.mujoco = engine("mujoco")
        visual = VISUAL.format(width=width, height=height)
        self.model = self.mujoco.MjModel.from_xml_string(xml.format(visual=visual))
        if texture is not None:
            self.model.tex_data[:] = texture.ravel()
        self.data = self.mujoco.MjData(self.model)
        self._renderer = self.mujoco.Renderer(self.model, height, width)

    def place(self, **positions: float) -> None:
        """Set joints, by their names, in radians or metres."""
        for name, position in positions.items():
            self.data.joint(name).qpos[:] = position

    def light(self, colour: np.ndarray | tuple[float, ...], ambient: float = 0.5, diffuse: float = 0.5) -> None:
        """Give the light at the camera a colour (3,), 0 to 1 each."""
        head: Any = self.model.vis.headlight
        head.ambient[:], head.diffuse[:] = ambient * np.asarray(colour), diffuse * np.asarray(colour)

    def draw(self) -> np.ndarray:
        """The frame (height, width, 3) uint8."""
        self.mujoco.mj_kinematics(self.model, self.data)
        self.mujoco.mj_camlight(self.model, self.data)
        self._renderer.update_scene(self.data, camera="eye")
        return self._renderer.render()


class DrawnWorld(ABC):
    """A world whose variables follow a rule of its own, and which a scene draws.

    Args:
        setup: how the world is made.
        xml: model of the scene, see `Scene`.
        ranges: (low, high) of every variable; interventions draw from it uniformly.
    """

    def __init__(self, setup: Setup, xml: str, ranges: Sequence[tuple[float, float]]):
        self._rng, self._ranges = setup.rng, ranges
        self._scene = Scene(xml, setup.side, setup.side)
        self._values = self._fresh()

    def step(self, target: np.ndarray) -> bool:
        self._values = np.where(target, self._fresh(), self._next())
        return True

    def values(self) -> np.ndarray:
        return self._values

    def _fresh(self) -> np.ndarray:
        return self._rng.uniform(*np.transpose(self._ranges))

    @abstractmethod
    def _next(self) -> np.ndarray:
        """The values one frame later, without interventions."""


def reflected(value: float, low: float, high: float) -> float:
    """The value, mirrored at the ends of its range until it is inside.

    Example:
        >>> reflected(1.2, -1.0, 1.0)
        0.8
    """
    turn = (value - low) % (2 * (high - low))
    return low + min(turn, 2 * (high - low) - turn)


def tint(hue: float, saturation: float) -> tuple[float, float, float]:
    """The bright colour (red, green, blue) of a hue in radians."""
    return colorsys.hsv_to_rgb(hue / (2 * np.pi) % 1.0, saturation, 1.0)
