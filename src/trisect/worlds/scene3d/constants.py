"""Constants of the scene that are not published: camera, lamps and finish, fitted to published frames."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trisect import checks
from trisect.worlds.scene3d.lamps import Lamp

Place = tuple[float, float, float]


@dataclass(frozen=True)
class SceneConstants:
    """Camera, lamps and finish of the scene; lengths in the units of the published positions.

    The published values are the sizes and heights in terms of the largest side s of the object (lift s/2, floor -s,
    spotlight at 6 + s), and the circle, cone, blend and radius of the spotlight. ``tools/fit_scene.py`` fits camera,
    energies, the lamp and the smoothing to 20 of the 30 published frames with known factors; on the 10 others the mean
    absolute error is 2.4 of 255 and the structural similarity 0.97. If s, lift, floor, height and radius are fitted
    too, they end at 5.96, 3.12, -5.79, 12.05 and 0.53, which gave s = 6. According to the publication, the spotlight
    does not fade with distance; in the frames it fades with the squared distance (a fitted power ends at 2.2). One
    far, large lamp replaces all fixed ones; a second lamp and a shine on the object improved the fit by less than 0.1
    of 255.

    Attributes:
        camera: position of the eye.
        aim: the point in the middle of the picture.
        focal: distance of the eye from a picture of side 1, above 0.
        object_size: the largest side of an object, above 0.
        object_lift: height of the object's middle above its z.
        floor: height of the floor, below the camera.
        spot_circle: radius of the circle about the z axis on which the spotlight moves.
        spot_height: height of that circle.
        spot_cone: the full angle of its cone, radians in (0, pi).
        spot_blend: the share of the cone, by cosine, over which its edge fades, 0 to 1.
        spot_radius: radius of the disc that shines, at least 0.
        spot_energy: light on a surface that faces it at distance 1, as a multiple of the light that makes a white
            surface white.
        lamps: the fixed lamps.
        smoothing: standard deviation of the blur of the floor's light, in pixels of a frame, at least 0.
    """

    camera: Place = (8.684, 0.245, 8.112)
    aim: Place = (0.0, 0.238, -0.268)
    focal: float = 0.757
    object_size: float = 6.0
    object_lift: float = 3.0
    floor: float = -6.0
    spot_circle: float = 4.0
    spot_height: float = 12.0
    spot_cone: float = math.radians(35.0)
    spot_blend: float = 0.1
    spot_radius: float = 0.5
    spot_energy: float = 74.7
    lamps: tuple[Lamp, ...] = (Lamp((3.72, 1.13, 81.4), 1233.0, 8.5),)
    smoothing: float = 1.05

    def __post_init__(self) -> None:
        for name in ("focal", "object_size"):
            value = getattr(self, name)
            checks.require(value > 0, f"the {name} of a scene", "above 0", value)
        what = "of a scene"
        checks.in_range(self.spot_cone, f"the spot_cone {what}", 0.0, math.pi, open_low=True)
        checks.in_range(self.spot_blend, f"the spot_blend {what}", 0.0, 1.0)
        for name in ("spot_radius", "smoothing"):
            checks.in_range(getattr(self, name), f"the {name} {what}", 0.0, 1e3)
        below = self.floor < self.camera[2]
        checks.require(below, "the floor of a scene", f"below the camera at {self.camera[2]}", self.floor)
