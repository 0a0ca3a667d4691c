"""What the published pages do not tell about the scene: camera, lamps and finish, fitted to published frames."""

from __future__ import annotations

from dataclasses import dataclass

from trisect.worlds.scene3d.lamps import Lamp

Place = tuple[float, float, float]


@dataclass(frozen=True)
class SceneConstants:
    """Camera, lamps and finish."""

    camera: Place = (8.0, 0.0, 6.0)
    aim: Place = (0.0, 0.0, 0.0)
    focal: float = 1.4
    object_size: float = 3.0
    object_lift: float = 0.75
    floor: float = -1.5
    spot_radius: float = 4.0
    spot_height: float = 7.5
    spot_angle: float = 35.0
    spot_blend: float = 0.1
    spot_softness: float = 0.5
    spot_energy: float = 0.3
    spot_fall_off: float = 0.0
    lamps: tuple[Lamp, ...] = (Lamp((1.0, 0.0, 8.0), 20.0),)
    shine: float = 0.0
    sharpness: float = 10.0
    smoothing: float = 0.8
