"""The compiled loop: rays from the camera to an object above a floor, and from there to the lamps.

There is only direct light. Each pixel is a grid of rays; each ray uses one point of every lamp, from a lattice over the
grid of all rays, so that the points of neighbouring rays spread evenly over the lamp and a frame depends only on the
factors. Light of the floor and of the object is summed separately, because a filter smooths that of the floor.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from trisect.worlds.scene3d.bvh import Bvh, is_blocked, nearest_hit
from trisect.worlds.scene3d.lamps import (
    COSINE,
    EVERYWHERE,
    RADIUS,
    TILE,
    brightness,
    direction_and_distance,
    may_light,
    point_on_lamp,
)
from trisect.worlds.scene3d.vectors import Vector, add, compiled, dot, scale, subtract, unit

LIFT = 1e-4
"""Rays to the lamps start this far above a surface."""


class Body(NamedTuple):
    """The object of one frame.

    Attributes:
        first, last: the first node of its tree and the one after its last.
        place: (x, y, z) position of its origin.
        turn: (3, 3) its axes as columns; maps object coordinates to scene coordinates.
        radius: radius of the ball around its origin that contains it.
    """

    first: int
    last: int
    place: Vector
    turn: np.ndarray
    radius: float


class Stage(NamedTuple):
    """Constants that all frames of a scene share.

    Attributes:
        camera: (4, 3) the eye; right, up and middle of a picture of side 1 as seen from the eye.
        floor: the height of the floor.
        discs: (TILE, TILE, 2) points of the unit disc.
        side: a pixel is a grid of ``side`` x ``side`` rays.
    """

    camera: np.ndarray
    floor: float
    discs: np.ndarray
    side: int


@compiled
def _into(turn: np.ndarray, a: Vector) -> Vector:
    """Scene to object coordinates."""
    return (
        turn[0, 0] * a[0] + turn[1, 0] * a[1] + turn[2, 0] * a[2],
        turn[0, 1] * a[0] + turn[1, 1] * a[1] + turn[2, 1] * a[2],
        turn[0, 2] * a[0] + turn[1, 2] * a[1] + turn[2, 2] * a[2],
    )


@compiled
def _out_of(turn: np.ndarray, a: Vector) -> Vector:
    """Object to scene coordinates."""
    return (
        turn[0, 0] * a[0] + turn[0, 1] * a[1] + turn[0, 2] * a[2],
        turn[1, 0] * a[0] + turn[1, 1] * a[1] + turn[1, 2] * a[2],
        turn[2, 0] * a[0] + turn[2, 1] * a[1] + turn[2, 2] * a[2],
    )


@compiled
def _passes_ball(body: Body, start: Vector, direction: Vector, margin: float, spread: float) -> bool:
    """Whether a ray (unit direction), or one beside it, meets the ball around the object.

    Args:
        body: the object.
        start, direction: the ray.
        margin: distance from it at which the rays beside it start.
        spread: growth of this distance over a distance of 1.
    """
    to_middle = subtract(body.place, start)
    along = dot(to_middle, direction)
    square = dot(to_middle, to_middle)
    room = body.radius + margin + spread * max(along + body.radius, 0.0)
    room *= room
    return square - along * along < room and (along > 0.0 or square < room)


@compiled
def _is_shadowed(tree: Bvh, body: Body, start: Vector, direction: Vector, distance: float) -> bool:
    """Whether the object stands between a point and a lamp."""
    if not _passes_ball(body, start, direction, 0.0, 0.0):
        return False
    inside = _into(body.turn, subtract(start, body.place))
    return is_blocked(tree, body.first, body.last, inside, _into(body.turn, direction), distance)


@compiled
def _light(
    tree: Bvh,
    body: Body,
    lamps: np.ndarray,
    point: Vector,
    normal: Vector,
    disc: tuple[float, float],
) -> Vector:
    """Light (three channels) that a white matte surface sends to the eye, by Lambert's law.

    Args:
        tree, body: the object, which casts shadows.
        lamps: (lamps, columns).
        point, normal: the lit point and its unit normal.
        disc: a point of the unit disc, for all lamps.
    """
    start = add(point, scale(normal, LIFT))
    red, green, blue = 0.0, 0.0, 0.0
    for i in range(len(lamps)):
        towards, distance = direction_and_distance(point, (lamps[i, 0], lamps[i, 1], lamps[i, 2]))
        if not may_light(lamps, i, towards, distance, 0.0):
            continue
        near_object = _passes_ball(body, start, towards, 0.0, lamps[i, RADIUS] / distance)
        if near_object or lamps[i, COSINE] != EVERYWHERE:
            towards, distance = direction_and_distance(point, point_on_lamp(lamps, i, towards, disc))
        light = brightness(lamps, i, towards, distance) * dot(normal, towards)
        if light <= 0.0:
            continue
        if near_object and _is_shadowed(tree, body, start, towards, distance):
            continue
        red, green, blue = red + light * lamps[i, 3], green + light * lamps[i, 4], blue + light * lamps[i, 5]
    return red, green, blue


@compiled
def _hit_object(tree: Bvh, body: Body, eye: Vector, view: Vector) -> tuple[bool, Vector, Vector]:
    """Whether a ray (unit direction) meets the object, and the point and the unit normal there."""
    if not _passes_ball(body, eye, view, 0.0, 0.0):
        return False, eye, view
    start, inside = _into(body.turn, subtract(eye, body.place)), _into(body.turn, view)
    distance, triangle, u, v = nearest_hit(tree, body.first, body.last, start, inside)
    if triangle < 0:
        return False, eye, view
    n, w = tree.normals, 1.0 - u - v
    x = w * n[triangle, 0] + u * n[triangle, 3] + v * n[triangle, 6]
    y = w * n[triangle, 1] + u * n[triangle, 4] + v * n[triangle, 7]
    z = w * n[triangle, 2] + u * n[triangle, 5] + v * n[triangle, 8]
    return True, add(eye, scale(view, distance)), _out_of(body.turn, unit((x, y, z)))


@compiled
def _is_plain(body: Body, lamps: np.ndarray, point: Vector, margin: float) -> bool:
    """Whether all of the floor within a margin of a point is outside every shadow and every cone."""
    for i in range(len(lamps)):
        towards, distance = direction_and_distance(point, (lamps[i, 0], lamps[i, 1], lamps[i, 2]))
        if lamps[i, COSINE] != EVERYWHERE:
            if may_light(lamps, i, towards, distance, margin):
                return False
        elif _passes_ball(body, point, towards, margin, lamps[i, RADIUS] / distance):
            return False
    return True


@compiled
def _look(camera: np.ndarray, across: float, down: float) -> Vector:
    """Unit direction of the ray through a point of the picture, in pictures from its upper left corner."""
    a, b = across - 0.5, 0.5 - down
    return unit(
        (
            camera[3, 0] + a * camera[1, 0] + b * camera[2, 0],
            camera[3, 1] + a * camera[1, 1] + b * camera[2, 1],
            camera[3, 2] + a * camera[1, 2] + b * camera[2, 2],
        )
    )


@compiled
def _on_floor(stage: Stage, view: Vector) -> Vector:
    """Where a ray that goes down meets the floor."""
    eye = (stage.camera[0, 0], stage.camera[0, 1], stage.camera[0, 2])
    return add(eye, scale(view, (stage.floor - eye[2]) / view[2]))


@compiled
def _rays_across(stage: Stage, body: Body, lamps: np.ndarray, view: Vector, pixel: float) -> int:
    """Number of rays across that a pixel needs: one if all of it is plain floor.

    Args:
        stage, body, lamps: the frame.
        view: the ray through the pixel's middle.
        pixel: the pixel's side at distance 1.
    """
    eye = (stage.camera[0, 0], stage.camera[0, 1], stage.camera[0, 2])
    if view[2] >= 0.0 or _passes_ball(body, eye, view, 0.0, pixel):
        return stage.side
    distance = (stage.floor - eye[2]) / view[2]
    is_plain = _is_plain(body, lamps, _on_floor(stage, view), pixel * distance / -view[2])
    return 1 if is_plain else stage.side


@compiled
def cast_frame(light: np.ndarray, tree: Bvh, body: Body, lamps: np.ndarray, stage: Stage) -> None:
    """Sum the light of every ray into its pixel; above the horizon there is no light.

    In a pixel of 16 rays or more (an even number across), every other ray to the floor counts twice and the others are
    skipped, because that light is smoothed afterwards.

    Args:
        light: (2, resolution, resolution, 4) float64, zero; receives the light (three channels) of the object and of
            the floor, as if both were white, and the share of the pixel that each covers.
        tree, body: the object.
        lamps: (lamps, columns).
        stage: constants that all frames of a scene share.
    """
    resolution = light.shape[1]
    camera = stage.camera
    eye = (camera[0, 0], camera[0, 1], camera[0, 2])
    pixel = 1.0 / (resolution * math.sqrt(camera[3, 0] ** 2 + camera[3, 1] ** 2 + camera[3, 2] ** 2))
    for r in range(resolution):
        for c in range(resolution):
            middle = _look(camera, (c + 0.5) / resolution, (r + 0.5) / resolution)
            side = _rays_across(stage, body, lamps, middle, pixel)
            weight = 1.0 / (side * side)
            for i in range(side):
                for j in range(side):
                    view = _look(camera, (c + (j + 0.5) / side) / resolution, (r + (i + 0.5) / side) / resolution)
                    met, point, normal = _hit_object(tree, body, eye, view)
                    if not met:
                        if view[2] >= 0.0:
                            continue
                        point, normal = _on_floor(stage, view), (0.0, 0.0, 1.0)
                    which = 0 if met else 1
                    light[which, r, c, 3] += weight
                    share = weight
                    if not met and side >= 4 and side % 2 == 0:
                        if (i + j) % 2 == 1:
                            continue
                        share = 2.0 * weight
                    row, column = (r * side + i) & (TILE - 1), (c * side + j) & (TILE - 1)
                    disc = (stage.discs[row, column, 0], stage.discs[row, column, 1])
                    red, green, blue = _light(tree, body, lamps, point, normal, disc)
                    light[which, r, c, 0] += share * red
                    light[which, r, c, 1] += share * green
                    light[which, r, c, 2] += share * blue
