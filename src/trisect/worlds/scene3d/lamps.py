"""Round lamps, with or without a cone, and the light that reaches a point.

A lamp is a row of numbers: its place, its colour times its energy, its radius, and for a spotlight its direction, the
cosine of half its cone and the blend of the cone's edge. Light fades with the square of the distance. The light
of a lamp comes from one point of a disc that faces the lit point; the points of neighbouring rays differ, which makes
shadows soft.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trisect.worlds.scene3d.vectors import Vector, add, compiled, cross, dot, scale, subtract, unit

PLACE, COLOUR, RADIUS, AXIS, COSINE, BLEND = slice(0, 3), slice(3, 6), 6, slice(7, 10), 10, 11
NUM_COLUMNS = 12
EVERYWHERE = -2.0
"""The cosine of the cone of a lamp without one."""
TILE = 64
"""Points on the lamps repeat after this many rays across and down."""
LATTICE = (0.8566748838545029, 0.733891856627126, 0.6287067210378087, 0.5385972572236101)
"""Powers of one over the root of x^5 = x + 1: steps across and down, for either side of the unit square."""


@dataclass(frozen=True)
class Lamp:
    """A white lamp that shines everywhere.

    Attributes:
        place: (x, y, z), units of the scene.
        energy: light on a surface that faces the lamp at distance 1, as a multiple of the light that makes a white
            surface white.
        radius: radius of the disc that shines, at least 0.
    """

    place: tuple[float, float, float]
    energy: float
    radius: float = 0.0


def lamp_rows(lamps: Sequence[Lamp]) -> np.ndarray:
    """Rows (lamps, columns) of lamps without a cone."""
    rows = np.zeros((len(lamps), NUM_COLUMNS))
    for row, lamp in zip(rows, lamps):
        row[PLACE], row[COLOUR], row[RADIUS], row[COSINE] = lamp.place, lamp.energy, lamp.radius, EVERYWHERE
    return rows


def disc_points() -> np.ndarray:
    """Points of the unit disc (TILE, TILE, 2) for the rays of a tile; each block of neighbours covers it evenly.

    A lattice (additive recurrence) over the unit square, mapped to the disc so that areas and neighbours stay (Shirley
    and Chiu, "A low distortion map between disk and square", 1997).
    """
    row, column = np.mgrid[:TILE, :TILE]
    a = 2.0 * ((column * LATTICE[0] + row * LATTICE[1]) % 1.0) - 1.0
    b = 2.0 * ((column * LATTICE[2] + row * LATTICE[3]) % 1.0) - 1.0
    wide = np.abs(a) > np.abs(b)
    radius = np.where(wide, a, b)
    ratio = np.where(wide, b, a) / np.where(radius == 0.0, 1.0, radius)
    angle = np.where(wide, math.pi / 4 * ratio, math.pi / 2 - math.pi / 4 * ratio)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)


@compiled
def direction_and_distance(start: Vector, end: Vector) -> tuple[Vector, float]:
    """The unit direction from a point to another, and their distance."""
    way = subtract(end, start)
    distance = math.sqrt(dot(way, way))
    return scale(way, 1.0 / distance), distance


@compiled
def point_on_lamp(lamps: np.ndarray, i: int, towards: Vector, disc: tuple[float, float]) -> Vector:
    """A point of the lamp's disc, which faces a point that sees its middle in the direction ``towards``.

    Args:
        lamps: (lamps, columns).
        i: which lamp.
        towards: from the lit point to the lamp's middle, of length 1.
        disc: a point of the unit disc.
    """
    other = (1.0, 0.0, 0.0) if abs(towards[0]) < 0.6 else (0.0, 1.0, 0.0)
    across = unit(cross(towards, other))
    up = cross(towards, across)
    aside = add(scale(across, lamps[i, RADIUS] * disc[0]), scale(up, lamps[i, RADIUS] * disc[1]))
    return add((lamps[i, 0], lamps[i, 1], lamps[i, 2]), aside)


@compiled
def brightness(lamps: np.ndarray, i: int, towards: Vector, distance: float) -> float:
    """The share of a lamp's colour that falls on a surface that faces it.

    The cone's edge is a cubic from 0 at the cosine c of half the cone to 1 at c + blend (1 - c).

    Args:
        lamps: (lamps, columns).
        i: which lamp.
        towards: from the lit point to a point of the lamp, of length 1.
        distance: distance between the two, above 0.
    """
    fading = 1.0 / (distance * distance)
    if lamps[i, COSINE] == EVERYWHERE:
        return fading
    inside = -dot(towards, (lamps[i, 7], lamps[i, 8], lamps[i, 9])) - lamps[i, COSINE]
    if inside <= 0.0:
        return 0.0
    edge = min(inside / (lamps[i, BLEND] * (1.0 - lamps[i, COSINE]) + 1e-12), 1.0)
    return fading * edge * edge * (3.0 - 2.0 * edge)


@compiled
def may_light(lamps: np.ndarray, i: int, towards: Vector, distance: float, margin: float) -> bool:
    """Whether some of the lamp can light a point within a margin of one that sees its middle in this direction."""
    if lamps[i, COSINE] == EVERYWHERE:
        return True
    return (
        -dot(towards, (lamps[i, 7], lamps[i, 8], lamps[i, 9]))
        > lamps[i, COSINE] - (lamps[i, RADIUS] + margin) / distance
    )
