"""Positions and colours of camera, lamps and objects, as the arrays that the ray caster takes."""

from __future__ import annotations

import numpy as np

from trisect.worlds.scene3d import lamps
from trisect.worlds.scene3d.constants import SceneConstants

OBJECT_SATURATION, SPOT_SATURATION, FLOOR_SATURATION = 1.0, 0.8, 0.6
SMOOTHED = 3.0
"""The floor is smoothed over this many standard deviations."""


def colours(hues: np.ndarray, saturation: float) -> np.ndarray:
    """Linear light (N, 3) of HSV(hue, saturation, 1) for hues (N,) in radians: 0 red, 2 pi / 3 green."""
    sector = (hues[:, None] * (3 / np.pi) + np.array([0.0, 4.0, 2.0])) % 6.0
    pure = np.clip(np.abs(sector - 3.0) - 1.0, 0.0, 1.0)
    return 1.0 - saturation * (1.0 - pure)


def turns(angles: np.ndarray) -> np.ndarray:
    """Rotations (N, 3, 3), object to scene: by alpha about x, then beta about y, then gamma about z, all fixed axes.

    Args:
        angles: (N, 3) alpha, beta, gamma in radians; R = Rz(gamma) Ry(beta) Rx(alpha).
    """
    cosines, sines = np.cos(angles), np.sin(angles)
    matrices = [_turn(axis, cosines[:, axis], sines[:, axis]) for axis in range(3)]
    return np.ascontiguousarray(matrices[2] @ matrices[1] @ matrices[0])


def _turn(axis: int, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """Rotations (N, 3, 3) about one axis, counter-clockwise seen from its tip."""
    following, last = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((len(cosine), 3, 3))
    matrix[:, axis, axis] = 1.0
    matrix[:, following, following] = matrix[:, last, last] = cosine
    matrix[:, last, following], matrix[:, following, last] = sine, -sine
    return matrix


def camera_rows(constants: SceneConstants) -> np.ndarray:
    """The eye, and right, up and middle of a picture of width 1 as seen from it: (4, 3)."""
    eye, aim = np.array(constants.camera), np.array(constants.aim)
    ahead = (aim - eye) / np.linalg.norm(aim - eye)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    return np.stack([eye, right, np.cross(right, ahead), constants.focal * ahead])


def all_lamps(constants: SceneConstants, places: np.ndarray, angles: np.ndarray, hues: np.ndarray) -> np.ndarray:
    """The spotlight, then the fixed lamps: (N, lamps, columns).

    Args:
        constants: constants of the scene.
        places: (N, 3) middles of the objects, at which the spotlights point.
        angles: (N,) angle of the spotlight on its circle, radians: 0 at +y, pi / 2 at +x.
        hues: (N,) hue of the spotlight, radians.
    """
    fixed = lamps.lamp_rows(constants.lamps)
    rows = np.empty((len(places), 1 + len(fixed), lamps.NUM_COLUMNS))
    rows[:, 1:] = fixed
    spot = rows[:, 0]
    spot[:, lamps.PLACE] = _spot_places(constants, angles)
    way = places - spot[:, lamps.PLACE]
    spot[:, lamps.AXIS] = way / np.linalg.norm(way, axis=1, keepdims=True)
    spot[:, lamps.COLOUR] = constants.spot_energy * colours(hues, SPOT_SATURATION)
    spot[:, lamps.RADIUS] = constants.spot_radius
    spot[:, lamps.COSINE] = np.cos(constants.spot_cone / 2)
    spot[:, lamps.BLEND] = constants.spot_blend
    return rows


def _spot_places(constants: SceneConstants, angles: np.ndarray) -> np.ndarray:
    """Places (N, 3) on a circle about the z axis."""
    height = np.full(len(angles), constants.spot_height)
    return np.stack([constants.spot_circle * np.sin(angles), constants.spot_circle * np.cos(angles), height], axis=1)


def smoothing_weights(pixels: float) -> np.ndarray:
    """Weights of a pixel itself, its neighbour, and so on, of a normal curve with this standard deviation."""
    steps = np.arange(int(np.ceil(SMOOTHED * pixels)) + 1)
    return np.exp(-0.5 * (steps / max(pixels, 1e-6)) ** 2)
