"""What the published pages do not tell about the scene: camera, lamps and finish, fitted to published frames."""

from __future__ import annotations

from dataclasses import dataclass

from trisect.worlds.scene3d.lamps import Lamp

Place = tuple[float, float, float]


@dataclass(frozen=True)
class SceneConstants:
    """Camera, lamps and finish."""

    camera: Place = (8.7, 0.0, 9.0)
    aim: Place = (0.0, 0.0, 0.0)
    focal: float = .735
    object_size: float = 6.25
    object_lift: float = 3.67
    floor: float = -6.2
    spot_radius: float = 4.0
    spot_height: float = 13.0
    spot_angle: float = 35.0
    spot_blend: float = 0.1
    spot_softness: float = 0.5
    spot_energy: float = 81.0
    lamps: tuple[Lamp, ...] = (Lamp((1.0, 0.0, 75.0), 1080.0,8.),)
    shine: float = 0.0
    sharpness: float = 10.0
    smoothing: float = 0.8
