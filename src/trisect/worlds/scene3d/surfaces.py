"""Closed surfaces for solids: pairs of vertices (V, 3) and faces (F, 3), counter-clockwise seen from outside."""

from __future__ import annotations

import numpy as np

from trisect.worlds.scene3d.meshes import grid_faces

Surface = tuple[np.ndarray, np.ndarray]


def turned(profile: np.ndarray, around: int = 24) -> Surface:
    """A profile rotated about the z axis.

    Args:
        profile: (n, 2) radius and height of its points, from the top down; the first and the last radius are 0.
        around: points on a full turn.
    """
    angles = np.linspace(0.0, 2 * np.pi, around, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rings = profile[:, None, :1] * circle
    heights = np.broadcast_to(profile[:, None, 1:], (*rings.shape[:2], 1))
    return grid_surface(np.concatenate([rings, heights], axis=2))


def grid_surface(points: np.ndarray) -> Surface:
    """A grid of points (rows, columns, 3) from pole to pole: each row is a ring, the first and the last one point."""
    rows, columns = points.shape[:2]
    return points.reshape(-1, 3), grid_faces(rows, columns, closed_columns=True)


def ball(radius: float, around: int = 20) -> Surface:
    """A ball about the origin."""
    angles = np.linspace(0.0, np.pi, around // 2 + 1)
    profile = radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    profile[[0, -1], 0] = 0.0
    return turned(profile, around)


def cylinder(radius: float, low: float, high: float, around: int = 24) -> Surface:
    """A cylinder about the z axis between two heights."""
    return turned(np.array([(0.0, high), (radius, high), (radius, low), (0.0, low)]), around)


def prism(outline: np.ndarray, low: float, high: float) -> Surface:
    """An outline between two heights; all of it must be visible from the origin.

    Args:
        outline: (n, 2) counter-clockwise points.
        low, high: heights.
    """
    return faceted(outline, low, high, (0.0, low), (0.0, high))


def faceted(
    outline: np.ndarray, low: float, high: float, bottom: tuple[float, float], top: tuple[float, float]
) -> Surface:
    """An outline between two heights, closed by pyramids.

    Args:
        outline: (n, 2) counter-clockwise points.
        low, high: heights of the lower and the upper outline.
        bottom, top: x and height of the points below and above, at y = 0.
    """
    num = len(outline)
    upper = np.concatenate([outline, np.full((num, 1), high)], axis=1)
    lower = np.concatenate([outline, np.full((num, 1), low)], axis=1)
    tips = np.array([(top[0], 0.0, top[1]), (bottom[0], 0.0, bottom[1])])
    this, after = np.arange(num), np.roll(np.arange(num), -1)
    faces = [
        grid_faces(2, num, closed_columns=True),
        np.stack([np.full(num, 2 * num), this, after], axis=1),
        np.stack([np.full(num, 2 * num + 1), num + after, num + this], axis=1),
    ]
    return np.concatenate([upper, lower, tips]), np.concatenate(faces)


def tube(path: np.ndarray, radii: np.ndarray, *, closed: bool, around: int = 16) -> Surface:
    """A round tube along a path, with lids at its ends if it is not closed.

    Args:
        path: (n, 3) points; a closed path does not repeat its first.
        radii: (n,) at each point.
        closed: whether the last point is followed by the first.
        around: points on each ring.
    """
    across, up = _frames(path, closed)
    angles = np.linspace(0.0, 2 * np.pi, around, endpoint=False)[None, :, None]
    rings = path[:, None] + radii[:, None, None] * (np.cos(angles) * across[:, None] + np.sin(angles) * up[:, None])
    if not closed:
        return lidded(rings)
    return rings.reshape(-1, 3), grid_faces(len(path), around, closed_rows=True, closed_columns=True)[:, ::-1]


def lidded(rings: np.ndarray) -> Surface:
    """A tube through rings of points (n, around, 3), with a lid at either end.

    Each ring runs clockwise if you look along the tube from its first ring.
    """
    num, around = rings.shape[:2]
    this, after = np.arange(around), np.roll(np.arange(around), -1)
    first, last = np.full(around, num * around), np.full(around, num * around + 1)
    end = (num - 1) * around
    faces = [
        grid_faces(num, around, closed_columns=True)[:, ::-1],
        np.stack([first, after, this], axis=1),
        np.stack([last, end + this, end + after], axis=1),
    ]
    return np.concatenate([rings.reshape(-1, 3), rings[[0, -1]].mean(axis=1)]), np.concatenate(faces)


def _frames(path: np.ndarray, closed: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (n, 3) across the path at each point, which turn no more than the path does.

    On a closed path, the remaining turn at its end is spread over all points.
    """
    steps = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0) if closed else np.gradient(path, axis=0)
    tangents = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    carried = [_across(np.eye(3)[np.abs(tangents[0]).argmin()], tangents[0])]
    for tangent in [*tangents[1:], tangents[0]]:
        carried.append(_across(carried[-1], tangent))
    across = np.array(carried[:-1])
    up = np.cross(tangents, across)
    if closed:
        residual = np.arctan2(carried[-1] @ up[0], carried[-1] @ across[0])
        turn = -residual * np.arange(len(path))[:, None] / len(path)
        across, up = np.cos(turn) * across + np.sin(turn) * up, np.cos(turn) * up - np.sin(turn) * across
    return across, up


def _across(direction: np.ndarray, tangent: np.ndarray) -> np.ndarray:
    """The component of a direction at right angles to a tangent, of length 1."""
    component = direction - (direction @ tangent) * tangent
    return component / np.linalg.norm(component)


def placed(
    surface: Surface, at: tuple[float, float, float], towards: tuple[float, float, float] = (0, 0, 1)
) -> Surface:
    """A surface with its z axis turned towards a direction and its origin moved to a point."""
    z = np.array(towards, dtype=float) / np.linalg.norm(towards)
    x = np.cross(np.eye(3)[np.abs(z).argmin()], z)
    x /= np.linalg.norm(x)
    vertices, faces = surface
    return vertices @ np.stack([x, np.cross(z, x), z]) + np.array(at, dtype=float), faces
