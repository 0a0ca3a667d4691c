"""A tree of boxes over the triangles of a mesh, and rays through it.

The nodes stand in the order of a walk, each left subtree before the right one, and each node knows where its subtree
ends. A ray needs no stack: it goes on to the next node where it meets a box, and to the end of the subtree where it
does not (Smits, "Efficiency issues for ray tracing", 1998). Splits minimise the surface area heuristic (MacDonald and
Booth, 1990) over all three axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from trisect.worlds.scene3d.meshes import Mesh
from trisect.worlds.scene3d.vectors import Vector, cross, dot, subtract

LEAF_SIZE = 4
"""A node of at most so many triangles is not split further."""
TINY = 1e-30
PADDING = 1e-9


class Bvh(NamedTuple):
    """Nodes in the order of the walk, and triangles in the order of the leaves.

    Attributes:
        boxes: (nodes, 6) float64, the low and the high corner of each node's box.
        ends: (nodes,) int64, the node after each node's subtree.
        leaves: (nodes, 2) int64, the first triangle of a leaf and the one after its last; equal for inner nodes.
        triangles: (F, 9) float64, a corner and the two edges from it.
        normals: (F, 9) float64, unit normals at the three corners.
    """

    boxes: np.ndarray
    ends: np.ndarray
    leaves: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray


def build_bvh(mesh: Mesh) -> Bvh:
    """The tree of a mesh of at least one triangle."""
    corners = mesh.corners
    boxes, ends, leaves, order = _build(corners.min(axis=1), corners.max(axis=1))
    corners = corners[order]
    edges = corners[:, 1:] - corners[:, :1]
    triangles = np.concatenate([corners[:, :1], edges], axis=1).reshape(-1, 9)
    return Bvh(boxes, ends, leaves, triangles, mesh.normals[order].reshape(-1, 9))


def join_bvhs(trees: list[Bvh]) -> tuple[Bvh, np.ndarray]:
    """Several trees in one set of arrays, and the first and last node (trees, 2) of each."""
    nodes = np.cumsum([0, *(len(tree.ends) for tree in trees)])
    faces = np.cumsum([0, *(len(tree.triangles) for tree in trees)])
    joined = Bvh(
        boxes=np.concatenate([tree.boxes for tree in trees]),
        ends=np.concatenate([tree.ends + offset for tree, offset in zip(trees, nodes)]),
        leaves=np.concatenate([tree.leaves + offset for tree, offset in zip(trees, faces)]),
        triangles=np.concatenate([tree.triangles for tree in trees]),
        normals=np.concatenate([tree.normals for tree in trees]),
    )
    return joined, np.stack([nodes[:-1], nodes[1:]], axis=1)


@njit(cache=True)
def _half_area(low: np.ndarray, high: np.ndarray) -> float:
    x, y, z = high[0] - low[0], high[1] - low[1], high[2] - low[2]
    return x * y + y * z + z * x


@njit(cache=True)
def _sweep(low: np.ndarray, high: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Half the surface of the box around the first 1, 2, ... n of the chosen triangles, (n,)."""
    areas = np.empty(len(chosen))
    lowest, highest = low[chosen[0]].copy(), high[chosen[0]].copy()
    for i, triangle in enumerate(chosen):
        for axis in range(3):
            lowest[axis] = min(lowest[axis], low[triangle, axis])
            highest[axis] = max(highest[axis], high[triangle, axis])
        areas[i] = _half_area(lowest, highest)
    return areas


@njit(cache=True)
def _split(low: np.ndarray, high: np.ndarray, chosen: np.ndarray) -> int:
    """Reorder the chosen triangles in place along the best axis; return how many go to the left."""
    num = len(chosen)
    best_cost, best_left, best_order = np.inf, 0, chosen.copy()
    for axis in range(3):
        centres = low[chosen, axis] + high[chosen, axis]
        ordered = chosen[np.argsort(centres, kind="mergesort")]
        left = _sweep(low, high, ordered)
        right = _sweep(low, high, ordered[::-1].copy())
        for i in range(1, num):
            cost = left[i - 1] * i + right[num - i - 1] * (num - i)
            if cost < best_cost:
                best_cost, best_left, best_order = cost, i, ordered
    chosen[:] = best_order
    return best_left


@njit(cache=True)
def _build(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, ends, leaves and the order of the triangles, from the boxes (F, 3), (F, 3) of the triangles."""
    num = len(low)
    order = np.arange(num)
    boxes = np.empty((2 * num, 6))
    ends = np.empty(2 * num, np.int64)
    leaves = np.zeros((2 * num, 2), np.int64)
    waiting = [(0, num)]
    node = 0
    while len(waiting) > 0:
        start, stop = waiting.pop()
        chosen = order[start:stop]
        for axis in range(3):
            boxes[node, axis] = low[chosen, axis].min() - PADDING
            boxes[node, axis + 3] = high[chosen, axis].max() + PADDING
        if stop - start <= LEAF_SIZE:
            leaves[node, 0], leaves[node, 1] = start, stop
        else:
            middle = start + _split(low, high, chosen)
            waiting.append((middle, stop))
            waiting.append((start, middle))
        node += 1
    for i in range(node - 1, -1, -1):
        is_leaf = leaves[i, 1] > leaves[i, 0]
        ends[i] = i + 1 if is_leaf else ends[ends[i + 1]]
    return boxes[:node].copy(), ends[:node].copy(), leaves[:node].copy(), order


@njit(cache=True)
def _meets_box(box: np.ndarray, origin: Vector, inverse: Vector, limit: float) -> bool:
    """Whether a ray, with one over each component of its direction, meets a box before ``limit``."""
    near, far = 0.0, limit
    for axis in range(3):
        a = (box[axis] - origin[axis]) * inverse[axis]
        b = (box[axis + 3] - origin[axis]) * inverse[axis]
        near, far = max(near, min(a, b)), min(far, max(a, b))
    return near <= far


@njit(cache=True)
def _meets_triangle(triangle: np.ndarray, origin: Vector, direction: Vector) -> Vector:
    """Distance along a ray to a triangle (infinite if missed), and the weights of its second and third corner.

    After Moeller and Trumbore, "Fast, minimum storage ray/triangle intersection", 1997.
    """
    corner = (triangle[0], triangle[1], triangle[2])
    second, third = (triangle[3], triangle[4], triangle[5]), (triangle[6], triangle[7], triangle[8])
    p = cross(direction, third)
    determinant = dot(second, p)
    if abs(determinant) < TINY:
        return np.inf, 0.0, 0.0
    inverse = 1.0 / determinant
    t = subtract(origin, corner)
    u = dot(t, p) * inverse
    if u < 0.0 or u > 1.0:
        return np.inf, 0.0, 0.0
    q = cross(t, second)
    v = dot(direction, q) * inverse
    if v < 0.0 or u + v > 1.0:
        return np.inf, 0.0, 0.0
    distance = dot(third, q) * inverse
    return (distance if distance > 0.0 else np.inf), u, v


@njit(cache=True)
def _invert(direction: Vector) -> Vector:
    """One over each component, large where that is zero."""
    x, y, z = direction
    return (
        1.0 / (x if abs(x) > TINY else TINY),
        1.0 / (y if abs(y) > TINY else TINY),
        1.0 / (z if abs(z) > TINY else TINY),
    )


@njit(cache=True)
def nearest_hit(
    tree: Bvh, first: int, last: int, origin: Vector, direction: Vector
) -> tuple[float, int, float, float]:
    """The first triangle a ray meets.

    Args:
        tree: one or more trees.
        first, last: the first node of the tree and the one after its last.
        origin: where the ray starts.
        direction: of any length.

    Returns:
        the distance in lengths of the direction (infinite if nothing is met), the triangle, and the weights of its
        second and third corner.
    """
    inverse = _invert(direction)
    best, nearest, best_u, best_v = np.inf, -1, 0.0, 0.0
    node = first
    while node < last:
        if not _meets_box(tree.boxes[node], origin, inverse, best):
            node = tree.ends[node]
            continue
        for i in range(tree.leaves[node, 0], tree.leaves[node, 1]):
            distance, u, v = _meets_triangle(tree.triangles[i], origin, direction)
            if distance < best:
                best, nearest, best_u, best_v = distance, i, u, v
        node += 1
    return best, nearest, best_u, best_v


@njit(cache=True)
def is_blocked(tree: Bvh, first: int, last: int, origin: Vector, direction: Vector, limit: float) -> bool:
    """Whether a ray meets any triangle before ``limit`` lengths of its direction; arguments as `nearest_hit`."""
    inverse = _invert(direction)
    node = first
    while node < last:
        if not _meets_box(tree.boxes[node], origin, inverse, limit):
            node = tree.ends[node]
            continue
        for i in range(tree.leaves[node, 0], tree.leaves[node, 1]):
            if _meets_triangle(tree.triangles[i], origin, direction)[0] < limit:
                return True
        node += 1
    return False
