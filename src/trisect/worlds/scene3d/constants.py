"""What the published pages do not tell about the scene: camera, lamps and finish, fitted to published frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trisect import checks
from trisect.worlds.scene3d.lamps import Lamp

Place = tuple[float, float, float]


@dataclass(frozen=True)
class SceneConstants:
    """Camera, lamps and finish of the scene; lengths in the units of the published positions.

    Attributes:
        camera: where the eye is.
        aim: the point in the middle of the picture.
        focal: distance of the eye from a picture of side 1, above 0.
        object_size: the largest side of an object, above 0.
        object_lift: the object's middle is so far above its z.
        floor: height of the floor, below the camera.
        spot_circle: radius of the circle about the z axis on which the spotlight stands.
        spot_height: height of that circle.
        spot_cone: the full angle of its cone, radians in (0, pi).
        spot_blend: the part of the cone, by cosine, over which its edge fades, 0 to 1.
        spot_radius: of the disc that shines, at least 0.
        spot_energy: light on a surface that faces it at distance 1, as a multiple of what makes white of white.
        lamps: the fixed lamps.
        smoothing: standard deviation in pixels of a frame of the blur of the floor's light, at least 0.
    """

    camera: Place = (8.35, 0.275, 8.015)
    aim: Place = (0.0, 0.24, -0.183)
    focal: float = 0.726
    object_size: float = 6.0
    object_lift: float = 3.0
    floor: float = -6.0
    spot_circle: float = 4.0
    spot_height: float = 12.0
    spot_cone: float = math.radians(35.0)
    spot_blend: float = 0.1
    spot_radius: float = 0.5
    spot_energy: float = 74.2
    lamps: tuple[Lamp, ...] = (Lamp((2.4, 1.0, 83.3), 1273.0, 8.2),)
    smoothing: float = 0.93

    def __post_init__(self) -> None:
        for name in ("focal", "object_size"):
            value = getattr(self, name)
            checks.require(value > 0, f"the {name} of a scene", "above 0", value)
        below = self.floor < self.camera[2]
        checks.require(below, "the floor of a scene", f"below the camera at {self.camera[2]}", self.floor)
