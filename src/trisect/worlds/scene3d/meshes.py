"""A mesh of triangles: its surface, its smooth normals, and its position.

A mesh is *closed* when every edge belongs to two triangles that run through it in opposite directions, with vertices
at the same place counted as one; and *outward* when the volume it encloses is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CREASE = np.deg2rad(40.0)
"""Edges between faces whose directions differ by more than this stay sharp, radians."""
DECIMALS = 7
"""Vertices that agree to this many decimals are at the same place."""


@dataclass(frozen=True)
class Mesh:
    """Triangles with a unit normal at each of their corners.

    Attributes:
        vertices: (V, 3) float64, positions.
        faces: (F, 3) int64, indices of vertices, counter-clockwise seen from outside.
        normals: (F, 3, 3) float64, unit normals at the corners of each face, outward.
    """

    vertices: np.ndarray
    faces: np.ndarray
    normals: np.ndarray

    @property
    def corners(self) -> np.ndarray:
        """(F, 3, 3) float64: positions of the corners of each face."""
        return self.vertices[self.faces]

    @property
    def volume(self) -> float:
        """Volume enclosed by a closed mesh, positive if its faces point outward."""
        a, b, c = np.moveaxis(self.corners, 1, 0)
        return float(np.einsum("fi,fi->", a, np.cross(b, c)) / 6)

    @property
    def is_closed(self) -> bool:
        """Whether every directed edge occurs once, and also in the other direction."""
        starts, ends = self.faces.ravel(), np.roll(self.faces, -1, axis=1).ravel()
        forward = starts * len(self.vertices) + ends
        backward = ends * len(self.vertices) + starts
        return len(np.unique(forward)) == len(forward) and np.array_equal(np.sort(forward), np.sort(backward))


def make_mesh(vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """Join vertices at the same place, drop faces without an area, and compute the normals.

    Args:
        vertices: (V, 3) positions.
        faces: (F, 3) indices of vertices, counter-clockwise seen from outside.
    """
    places, index = np.unique(np.round(vertices, DECIMALS) + 0.0, axis=0, return_inverse=True)
    joined = index.ravel()[faces]
    distinct = (joined != np.roll(joined, 1, axis=1)).all(axis=1)
    joined = joined[distinct]
    return Mesh(places, joined, smooth_normals(places, joined))


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit normals (F, 3, 3) at the corners: area-weighted means over the faces around within an angle of `CREASE`."""
    a, b, c = np.moveaxis(vertices[faces], 1, 0)
    areas = np.cross(b - a, c - a)
    units = areas / np.maximum(np.linalg.norm(areas, axis=1, keepdims=True), 1e-30)
    corner, other = _corners_at_one_place(faces)
    smooth = np.einsum("pi,pi->p", units[corner // 3], units[other // 3]) > np.cos(CREASE)
    smooth |= corner // 3 == other // 3
    sums = np.zeros((faces.size, 3))
    np.add.at(sums, corner[smooth], areas[other[smooth] // 3])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return (sums / np.maximum(lengths, 1e-30)).reshape(*faces.shape, 3)


def _corners_at_one_place(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All ordered pairs of corners (indices into ``faces.ravel()``) that are at the same vertex."""
    order = np.argsort(faces.ravel(), kind="stable")
    _, starts, counts = np.unique(faces.ravel()[order], return_index=True, return_counts=True)
    size = np.repeat(counts, counts)
    first = np.repeat(order, size)
    begin = np.repeat(np.repeat(starts, counts), size)
    step = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return first, order[begin + step]


def join_meshes(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and faces of several parts, each (vertices, faces), side by side; they may overlap."""
    offsets = np.cumsum([0, *(len(vertices) for vertices, _ in parts[:-1])])
    vertices = np.concatenate([vertices for vertices, _ in parts])
    return vertices, np.concatenate([faces + offset for (_, faces), offset in zip(parts, offsets)])


def centre_mesh(mesh: Mesh, size: float) -> Mesh:
    """Move the middle of the bounding box to the origin and scale its largest side to ``size``."""
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    vertices = (mesh.vertices - (low + high) / 2) * (size / (high - low).max())
    return Mesh(vertices, mesh.faces, mesh.normals)


def grid_faces(rows: int, columns: int, *, closed_rows: bool = False, closed_columns: bool = False) -> np.ndarray:
    """Triangles (F, 3) of a grid of points (rows, columns), numbered row by row.

    Counter-clockwise where the rows run to the right and the columns upwards; a closed direction returns from its
    last line of points to its first.
    """
    r = np.arange(rows if closed_rows else rows - 1)[:, None]
    c = np.arange(columns if closed_columns else columns - 1)[None, :]
    here, right = r * columns + c, (r + 1) % rows * columns + c
    up, across = r * columns + (c + 1) % columns, (r + 1) % rows * columns + (c + 1) % columns
    triangles = [np.stack([here, right, across], axis=-1), np.stack([here, across, up], axis=-1)]
    return np.concatenate([triangle.reshape(-1, 3) for triangle in triangles])
