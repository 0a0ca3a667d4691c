"""Round lamps, with or without a cone, and the light that reaches a point.

A lamp is a row of numbers: its place, its colour times its energy, its radius, the power of its fall-off, and for a
spotlight where it looks, the cosine of half its cone and the blend of the cone's edge. The light of a lamp comes from
one point of a disc that faces the lit point; many points of neighbouring rays make the shadow soft.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from trisect.worlds.scene3d.vectors import Vector, add, cross, dot, scale, subtract, unit

PLACE, COLOUR, RADIUS, FALL_OFF, AXIS, COSINE, BLEND = slice(0, 3), slice(3, 6), 6, 7, slice(8, 11), 11, 12
NUM_COLUMNS = 13
EVERYWHERE = -2.0
"""The cosine of the cone of a lamp without one."""


@dataclass(frozen=True)
class Lamp:
    """A white lamp that shines everywhere.

    Attributes:
        place: (x, y, z), units of the scene.
        energy: light on a surface that faces the lamp at distance 1, as a multiple of what makes white of white.
        radius: of the disc that shines, at least 0.
        fall_off: the light goes with distance to the power of -fall_off; 2 in nature, 0 constant.
    """

    place: tuple[float, float, float]
    energy: float
    radius: float = 0.0
    fall_off: float = 2.0


def lamp_rows(lamps: Sequence[Lamp]) -> np.ndarray:
    """Rows (lamps, columns) of lamps without a cone."""
    rows = np.zeros((len(lamps), NUM_COLUMNS))
    for row, lamp in zip(rows, lamps):
        row[PLACE], row[COLOUR], row[RADIUS], row[FALL_OFF] = lamp.place, lamp.energy, lamp.radius, lamp.fall_off
        row[COSINE] = EVERYWHERE
    return rows


@njit(cache=True)
def point_on_lamp(lamp: np.ndarray, towards: Vector, disc: tuple[float, float]) -> Vector:
    """A point of the lamp's disc, which faces a point in the direction ``towards`` (unit).

    Args:
        lamp: a row of numbers.
        towards: from the lit point to the lamp's middle, of length 1.
        disc: a point of the unit disc.
    """
    middle = (lamp[0], lamp[1], lamp[2])
    if lamp[RADIUS] == 0.0:
        return middle
    other = (1.0, 0.0, 0.0) if abs(towards[0]) < 0.6 else (0.0, 1.0, 0.0)
    across = unit(cross(towards, other))
    up = cross(towards, across)
    return add(middle, add(scale(across, lamp[RADIUS] * disc[0]), scale(up, lamp[RADIUS] * disc[1])))


@njit(cache=True)
def brightness(lamp: np.ndarray, towards: Vector, distance: float) -> float:
    """What part of a lamp's colour falls on a surface that faces it.

    The cone's edge is a cubic from 0 at the cosine c of half the cone to 1 at c + blend (1 - c).

    Args:
        lamp: a row of numbers.
        towards: from the lit point to the lamp, of length 1.
        distance: to the lamp, above 0.
    """
    falling = 1.0 if lamp[FALL_OFF] == 0.0 else distance ** -lamp[FALL_OFF]
    if lamp[COSINE] == EVERYWHERE:
        return falling
    inside = -dot(towards, (lamp[8], lamp[9], lamp[10])) - lamp[COSINE]
    if inside <= 0.0:
        return 0.0
    edge = min(inside / (lamp[BLEND] * (1.0 - lamp[COSINE]) + 1e-12), 1.0)
    return falling * edge * edge * (3.0 - 2.0 * edge)


@njit(cache=True)
def unit_disc(u: float, v: float) -> tuple[float, float]:
    """A point of the unit disc for a point of the unit square, area kept, neighbours kept (Shirley and Chiu, 1997)."""
    a, b = 2.0 * u - 1.0, 2.0 * v - 1.0
    if a == 0.0 and b == 0.0:
        return 0.0, 0.0
    if abs(a) > abs(b):
        radius, angle = a, math.pi / 4 * b / a
    else:
        radius, angle = b, math.pi / 2 - math.pi / 4 * a / b
    return radius * math.cos(angle), radius * math.sin(angle)


@njit(cache=True)
def direction_and_distance(start: Vector, end: Vector) -> tuple[Vector, float]:
    """The unit direction from a point to another, and how far it is."""
    way = subtract(end, start)
    distance = math.sqrt(dot(way, way))
    return scale(way, 1.0 / distance), distance
