"""The compiled loop: rays from the camera to an object above a floor, and from there to the lamps.

Light is direct only. Each pixel is a grid of rays; each ray takes its own point of every lamp, from a lattice over the
grid of all rays, so that the points of neighbouring rays spread evenly over the lamp and a frame depends on nothing
but the factors. Floor and object are summed apart, for the filter that comes after.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from trisect.worlds.scene3d.bvh import Bvh, is_blocked, nearest_hit
from trisect.worlds.scene3d.lamps import RADIUS, brightness, direction_and_distance, point_on_lamp, unit_disc
from trisect.worlds.scene3d.vectors import Vector, add, dot, scale, subtract, unit

LATTICE = (0.8566748838545029, 0.733891856627126, 0.6287067210378087, 0.5385972572236101)
"""Powers of one over the root of x^5 = x + 1: steps across and down, for either side of the lamp's square."""
LIFT = 1e-4
"""Rays to the lamps start so far above a surface."""


class Body(NamedTuple):
    """The object of one frame.

    Attributes:
        first, last: the first node of its tree and the one after its last.
        place: (x, y, z) of its origin.
        turn: (3, 3) its axes as columns: object coordinates to scene coordinates.
        radius: of the ball around its origin that holds it.
    """

    first: int
    last: int
    place: Vector
    turn: np.ndarray
    radius: float


class Surface(NamedTuple):
    """A matte surface with a rough shine of its own colour.

    Attributes:
        shine: part of the light that is shone back about the mirror direction, 0 to 1.
        sharpness: exponent of that lobe, above 0.
    """

    shine: float
    sharpness: float


@njit(cache=True)
def _into(turn: np.ndarray, a: Vector) -> Vector:
    """Scene to object coordinates."""
    return (
        turn[0, 0] * a[0] + turn[1, 0] * a[1] + turn[2, 0] * a[2],
        turn[0, 1] * a[0] + turn[1, 1] * a[1] + turn[2, 1] * a[2],
        turn[0, 2] * a[0] + turn[1, 2] * a[1] + turn[2, 2] * a[2],
    )


@njit(cache=True)
def _out_of(turn: np.ndarray, a: Vector) -> Vector:
    """Object to scene coordinates."""
    return (
        turn[0, 0] * a[0] + turn[0, 1] * a[1] + turn[0, 2] * a[2],
        turn[1, 0] * a[0] + turn[1, 1] * a[1] + turn[1, 2] * a[2],
        turn[2, 0] * a[0] + turn[2, 1] * a[1] + turn[2, 2] * a[2],
    )


@njit(cache=True)
def _passes_ball(body: Body, start: Vector, direction: Vector) -> bool:
    """Whether a ray (unit direction) meets the ball around the object."""
    to_middle = subtract(body.place, start)
    along = dot(to_middle, direction)
    square = dot(to_middle, to_middle)
    room = body.radius * body.radius
    return square - along * along < room and (along > 0.0 or square < room)


@njit(cache=True)
def _is_shadowed(tree: Bvh, body: Body, start: Vector, direction: Vector, distance: float) -> bool:
    """Whether the object stands between a point and a lamp."""
    if not _passes_ball(body, start, direction):
        return False
    inside = _into(body.turn, subtract(start, body.place))
    return is_blocked(tree, body.first, body.last, inside, _into(body.turn, direction), distance)


@njit(cache=True)
def _reflect(surface: Surface, normal: Vector, towards: Vector, view: Vector) -> float:
    """Light sent to the eye of light from a lamp: Lambert's law and a normalised Blinn-Phong lobe."""
    facing = dot(normal, towards)
    if surface.shine == 0.0:
        return facing
    half = subtract(towards, view)
    cosine = dot(half, normal) / math.sqrt(dot(half, half))
    lobe = (surface.sharpness + 8.0) / 8.0 * max(cosine, 0.0) ** surface.sharpness
    return facing * (1.0 - surface.shine + surface.shine * lobe)


@njit(cache=True)
def _light(
    tree: Bvh,
    body: Body,
    lamps: np.ndarray,
    surface: Surface,
    hit: tuple[Vector, Vector, Vector],
    disc: tuple[float, float],
) -> Vector:
    """Light (three channels) that a white surface sends to the eye.

    Args:
        tree, body: what casts shadows.
        lamps: (lamps, columns).
        surface: of the lit thing.
        hit: the lit point, its normal and the direction of the ray from the eye, both unit.
        disc: a point of the unit disc, for all lamps.
    """
    point, normal, view = hit
    start = add(point, scale(normal, LIFT))
    red, green, blue = 0.0, 0.0, 0.0
    for i in range(len(lamps)):
        lamp = lamps[i]
        towards, distance = direction_and_distance(point, (lamp[0], lamp[1], lamp[2]))
        if lamp[RADIUS] > 0.0:
            towards, distance = direction_and_distance(point, point_on_lamp(lamp, towards, disc))
        light = brightness(lamp, towards, distance)
        if light == 0.0 or dot(normal, towards) <= 0.0:
            continue
        if _is_shadowed(tree, body, start, towards, distance):
            continue
        light *= _reflect(surface, normal, towards, view)
        red, green, blue = red + light * lamp[3], green + light * lamp[4], blue + light * lamp[5]
    return red, green, blue


@njit(cache=True)
def _hit_object(
    tree: Bvh, body: Body, eye: Vector, view: Vector
) -> tuple[bool, tuple[Vector, Vector, Vector]]:
    """Whether a ray (unit direction) meets the object, and the point, the normal and the ray's direction."""
    nothing = (eye, view, view)
    if not _passes_ball(body, eye, view):
        return False, nothing
    inside = _into(body.turn, view)
    distance, triangle, u, v = nearest_hit(
        tree, body.first, body.last, _into(body.turn, subtract(eye, body.place)), inside
    )
    if triangle < 0:
        return False, nothing
    n, w = tree.normals[triangle], 1.0 - u - v
    normal = unit((w * n[0] + u * n[3] + v * n[6], w * n[1] + u * n[4] + v * n[7], w * n[2] + u * n[5] + v * n[8]))
    point = add(eye, scale(view, distance))
    return True, (point, _out_of(body.turn, normal), view)


@njit(cache=True)
def cast_frame(
    light: np.ndarray,
    counts: np.ndarray,
    tree: Bvh,
    body: Body,
    lamps: np.ndarray,
    surfaces: tuple[Surface, Surface],
    camera: np.ndarray,
    floor: float,
    side: int,
) -> None:
    """Sum the light of every ray into its pixel.

    Args:
        light: (2, resolution, resolution, 3) float64, zero; filled with the light of the object and of the floor, as
            if both were white.
        counts: (2, resolution, resolution) float64, zero; filled with how many rays met either.
        tree, body: the object.
        lamps: (lamps, columns).
        surfaces: of the object and of the floor.
        camera: (4, 3) the eye; the picture's right, up and middle from the eye where its side is 1.
        floor: the height of the floor.
        side: each pixel is a grid of side by side rays.
    """
    resolution = counts.shape[1]
    fine = resolution * side
    eye = (camera[0, 0], camera[0, 1], camera[0, 2])
    right = (camera[1, 0], camera[1, 1], camera[1, 2])
    up = (camera[2, 0], camera[2, 1], camera[2, 2])
    ahead = (camera[3, 0], camera[3, 1], camera[3, 2])
    ground = (0.0, 0.0, 1.0)
    for row in range(fine):
        line = add(ahead, scale(up, 0.5 - (row + 0.5) / fine))
        for column in range(fine):
            view = unit(add(line, scale(right, (column + 0.5) / fine - 0.5)))
            u = (column * LATTICE[0] + row * LATTICE[1]) % 1.0
            v = (column * LATTICE[2] + row * LATTICE[3]) % 1.0
            r, c = row // side, column // side
            met, hit = _hit_object(tree, body, eye, view)
            which = 0
            if not met:
                if view[2] >= 0.0:
                    continue
                which = 1
                hit = (add(eye, scale(view, (floor - eye[2]) / view[2])), ground, view)
            red, green, blue = _light(tree, body, lamps, surfaces[which], hit, unit_disc(u, v))
            light[which, r, c, 0] += red
            light[which, r, c, 1] += green
            light[which, r, c, 2] += blue
            counts[which, r, c] += 1.0
