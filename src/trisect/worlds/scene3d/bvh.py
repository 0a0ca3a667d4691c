"""A tree of boxes over the triangles of a mesh, and rays through it.

The nodes are in depth-first order, each left subtree before the right one, and each node stores where its subtree
ends. A ray needs no stack: it goes on to the next node if it meets a box, and to the end of the subtree if it does
not (Smits, "Efficiency issues for ray tracing", 1998). Splits minimise the surface area heuristic (MacDonald and
Booth, 1990) over all three axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trisect.worlds.scene3d.meshes import Mesh
from trisect.worlds.scene3d.vectors import Vector, compiled, cross, dot, subtract

LEAF_SIZE = 4
"""A node of at most this many triangles is not split further."""
TINY = 1e-30
PADDING = 1e-9
"""Boxes are wider by this much on every side."""
BINS = 16
"""Number of bins of triangles; cuts are tried between them."""


class Bvh(NamedTuple):
    """Nodes in depth-first order, and triangles in the order of the leaves.

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
    boxes, ends, leaves, order = _build(
        np.concatenate([corners.min(axis=1) - PADDING, corners.max(axis=1) + PADDING], axis=1)
    )
    corners = corners[order]
    edges = corners[:, 1:] - corners[:, :1]
    triangles = np.concatenate([corners[:, :1], edges], axis=1).reshape(-1, 9)
    return Bvh(boxes, ends, leaves, triangles, mesh.normals[order].reshape(-1, 9))


def join_bvhs(trees: list[Bvh]) -> tuple[Bvh, np.ndarray]:
    """Join trees into one set of arrays; also return the first node of each and the one after its last, (trees, 2)."""
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


@compiled
def _widen(box: np.ndarray, boxes: np.ndarray, i: int) -> None:
    """Widen a box (6,) so that it contains box i of (n, 6)."""
    for axis in range(3):
        box[axis] = min(box[axis], boxes[i, axis])
        box[axis + 3] = max(box[axis + 3], boxes[i, axis + 3])


@compiled
def _half_area(box: np.ndarray) -> float:
    """Half the surface of a box."""
    x, y, z = box[3] - box[0], box[4] - box[1], box[5] - box[2]
    return x * y + y * z + z * x


@compiled
def _empty_boxes(num: int) -> np.ndarray:
    """Boxes (num, 6) that contain nothing."""
    boxes = np.full((num, 6), np.inf)
    boxes[:, 3:] = -np.inf
    return boxes


@compiled
def _best_cut(bins: np.ndarray, counts: np.ndarray) -> tuple[float, int]:
    """The cheapest cut of a row of bins: its cost and the first bin on its right.

    Args:
        bins: (BINS, 6) boxes around the triangles of each bin.
        counts: (BINS,) number of triangles in each bin.
    """
    right, left = _empty_boxes(BINS + 1), _empty_boxes(1)[0]
    for i in range(BINS - 1, -1, -1):
        right[i] = right[i + 1]
        _widen(right[i], bins, i)
    cost, cut, before, num = np.inf, 0, 0, counts.sum()
    for i in range(1, BINS):
        _widen(left, bins, i - 1)
        before += counts[i - 1]
        if 0 < before < num:
            here = _half_area(left) * before + _half_area(right[i]) * (num - before)
            if here < cost:
                cost, cut = here, i
    return cost, cut


@compiled
def _bin_of(boxes: np.ndarray, i: int, axis: int, low: float, width: float) -> int:
    """The bin of a triangle's middle."""
    middle = boxes[i, axis] + boxes[i, axis + 3]
    return min(int((middle - low) / width * BINS), BINS - 1)


@compiled
def _split(boxes: np.ndarray, indices: np.ndarray) -> int:
    """Reorder indices of triangles in place along the best axis; return how many go to the left."""
    best = (np.inf, 0, 0, 0.0, 1.0)
    for axis in range(3):
        low, high = np.inf, -np.inf
        for i in indices:
            middle = boxes[i, axis] + boxes[i, axis + 3]
            low, high = min(low, middle), max(high, middle)
        if high <= low:
            continue
        bins, counts = _empty_boxes(BINS), np.zeros(BINS, np.int64)
        for i in indices:
            place = _bin_of(boxes, i, axis, low, high - low)
            counts[place] += 1
            _widen(bins[place], boxes, i)
        cost, cut = _best_cut(bins, counts)
        if cost < best[0]:
            best = (cost, axis, cut, low, high - low)
    _, axis, cut, low, width = best
    if cut == 0:
        return len(indices) // 2
    left = 0
    for j in range(len(indices)):
        i = indices[j]
        if _bin_of(boxes, i, axis, low, width) < cut:
            indices[j], indices[left] = indices[left], i
            left += 1
    return left


@compiled
def _build(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, ends, leaves and the order of the triangles, from the boxes (F, 6) of the triangles."""
    num = len(triangles)
    order = np.arange(num)
    boxes = _empty_boxes(2 * num)
    ends = np.empty(2 * num, np.int64)
    leaves = np.zeros((2 * num, 2), np.int64)
    waiting = np.zeros((2 * num, 2), np.int64)
    waiting[0, 1] = num
    height, node = 1, 0
    while height > 0:
        height -= 1
        start, stop = waiting[height]
        indices = order[start:stop]
        for i in indices:
            _widen(boxes[node], triangles, i)
        if stop - start <= LEAF_SIZE:
            leaves[node, 0], leaves[node, 1] = start, stop
        else:
            middle = start + _split(triangles, indices)
            waiting[height, 0], waiting[height, 1] = middle, stop
            waiting[height + 1, 0], waiting[height + 1, 1] = start, middle
            height += 2
        node += 1
    for i in range(node - 1, -1, -1):
        is_leaf = leaves[i, 1] > leaves[i, 0]
        ends[i] = i + 1 if is_leaf else ends[ends[i + 1]]
    return boxes[:node].copy(), ends[:node].copy(), leaves[:node].copy(), order


@compiled
def _meets_box(boxes: np.ndarray, node: int, origin: Vector, inverse: Vector, limit: float) -> bool:
    """Whether a ray, with one over each component of its direction, meets a box before ``limit``."""
    near, far = 0.0, limit
    for axis in range(3):
        a = (boxes[node, axis] - origin[axis]) * inverse[axis]
        b = (boxes[node, axis + 3] - origin[axis]) * inverse[axis]
        near, far = max(near, min(a, b)), min(far, max(a, b))
    return near <= far


@compiled
def _meets_triangle(triangles: np.ndarray, i: int, origin: Vector, direction: Vector) -> Vector:
    """Distance along a ray to a triangle (infinite if missed), and the weights of its second and third corner.

    After Moeller and Trumbore, "Fast, minimum storage ray/triangle intersection", 1997.
    """
    corner = (triangles[i, 0], triangles[i, 1], triangles[i, 2])
    second = (triangles[i, 3], triangles[i, 4], triangles[i, 5])
    third = (triangles[i, 6], triangles[i, 7], triangles[i, 8])
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


@compiled
def _invert(direction: Vector) -> Vector:
    """One over each component, large where that is zero."""
    x, y, z = direction
    return (
        1.0 / (x if abs(x) > TINY else TINY),
        1.0 / (y if abs(y) > TINY else TINY),
        1.0 / (z if abs(z) > TINY else TINY),
    )


@compiled
def nearest_hit(tree: Bvh, first: int, last: int, origin: Vector, direction: Vector) -> tuple[float, int, float, float]:
    """Find the first triangle that a ray meets.

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
        if not _meets_box(tree.boxes, node, origin, inverse, best):
            node = tree.ends[node]
            continue
        for i in range(tree.leaves[node, 0], tree.leaves[node, 1]):
            distance, u, v = _meets_triangle(tree.triangles, i, origin, direction)
            if distance < best:
                best, nearest, best_u, best_v = distance, i, u, v
        node += 1
    return best, nearest, best_u, best_v


@compiled
def is_blocked(tree: Bvh, first: int, last: int, origin: Vector, direction: Vector, limit: float) -> bool:
    """Whether a ray meets any triangle before ``limit`` lengths of its direction; arguments as in `nearest_hit`."""
    inverse = _invert(direction)
    node = first
    while node < last:
        if not _meets_box(tree.boxes, node, origin, inverse, limit):
            node = tree.ends[node]
            continue
        for i in range(tree.leaves[node, 0], tree.leaves[node, 1]):
            if _meets_triangle(tree.triangles, i, origin, direction)[0] < limit:
                return True
        node += 1
    return False
