"""The Utah teapot (Martin Newell, 1975) from its 32 Bezier patches, closed.

The control points are in the public domain. Of the 32 patches, 24 are quarter turns of six profiles about the
vertical axis, the other eight are the handle and the spout: two patches each and their mirror images. The published
surface is open between the lid and the rim and at the ends of the handle and the spout; here a ring and four lids
close it, so that no ray reaches the inside.
"""

from __future__ import annotations

import numpy as np

from trisect.worlds.scene3d.meshes import Mesh, join_meshes, make_mesh
from trisect.worlds.scene3d.surfaces import Surface, grid_surface, lidded

STEPS = 6
"""Each patch becomes a grid of this many squares on each side."""
QUARTER = 0.56
"""The teapot's approximate circle: the inner control points of a quarter turn are at this fraction of the radius."""

KNOB = ((0.0, 3.15), (0.8, 3.15), (0.0, 2.85), (0.2, 2.7))
LID = ((0.2, 2.7), (0.4, 2.55), (1.3, 2.55), (1.3, 2.4))
RING = ((1.3, 2.4), (4 / 3, 2.4), (41 / 30, 2.4), (1.4, 2.4))
RIM = ((1.4, 2.4), (1.3375, 2.53125), (1.4375, 2.53125), (1.5, 2.4))
SHOULDER = ((1.5, 2.4), (1.75, 1.875), (2.0, 1.35), (2.0, 0.9))
BELLY = ((2.0, 0.9), (2.0, 0.45), (1.5, 0.225), (1.5, 0.15))
BOTTOM = ((1.5, 0.15), (1.5, 0.075), (1.425, 0.0), (0.0, 0.0))
PROFILES = (KNOB, LID, RING, RIM, SHOULDER, BELLY, BOTTOM)
"""Control points (radius, height) of the body, from the top of the knob down; the ring is added here."""

HANDLE = (
    ((-1.6, 0, 2.025), (-1.6, -0.3, 2.025), (-1.5, -0.3, 2.25), (-1.5, 0, 2.25)),
    ((-2.3, 0, 2.025), (-2.3, -0.3, 2.025), (-2.5, -0.3, 2.25), (-2.5, 0, 2.25)),
    ((-2.7, 0, 2.025), (-2.7, -0.3, 2.025), (-3.0, -0.3, 2.25), (-3.0, 0, 2.25)),
    ((-2.7, 0, 1.8), (-2.7, -0.3, 1.8), (-3.0, -0.3, 1.8), (-3.0, 0, 1.8)),
    ((-2.7, 0, 1.575), (-2.7, -0.3, 1.575), (-3.0, -0.3, 1.35), (-3.0, 0, 1.35)),
    ((-2.5, 0, 1.125), (-2.5, -0.3, 1.125), (-2.65, -0.3, 0.9375), (-2.65, 0, 0.9375)),
    ((-2.0, 0, 0.9), (-2.0, -0.3, 0.9), (-1.9, -0.3, 0.6), (-1.9, 0, 0.6)),
)
SPOUT = (
    ((1.7, 0, 1.425), (1.7, -0.66, 1.425), (1.7, -0.66, 0.6), (1.7, 0, 0.6)),
    ((2.6, 0, 1.425), (2.6, -0.66, 1.425), (3.1, -0.66, 0.825), (3.1, 0, 0.825)),
    ((2.3, 0, 2.1), (2.3, -0.25, 2.1), (2.4, -0.25, 2.025), (2.4, 0, 2.025)),
    ((2.7, 0, 2.4), (2.7, -0.25, 2.4), (3.3, -0.25, 2.4), (3.3, 0, 2.4)),
    ((2.8, 0, 2.475), (2.8, -0.25, 2.475), (3.525, -0.25, 2.49375), (3.525, 0, 2.49375)),
    ((2.9, 0, 2.475), (2.9, -0.15, 2.475), (3.45, -0.15, 2.5125), (3.45, 0, 2.5125)),
    ((2.8, 0, 2.4), (2.8, -0.15, 2.4), (3.2, -0.15, 2.4), (3.2, 0, 2.4)),
)
"""Control points of half a tube, seven rings of four along it: two patches that share the fourth ring."""


def teapot() -> Mesh:
    """The teapot as modelled: the bottom at height 0, the spout towards +x, about 6.5 wide and 3.15 high."""
    return make_mesh(*join_meshes([_body(), _tube(np.array(HANDLE)), _tube(np.array(SPOUT))]))


def _bernstein(points: np.ndarray) -> np.ndarray:
    """Cubic Bernstein polynomials (points, 4) at parameters (points,) in [0, 1]."""
    t, s = points[:, None], 1.0 - points[:, None]
    return np.concatenate([s**3, 3 * s * s * t, 3 * s * t * t, t**3], axis=1)


def _body() -> Surface:
    """All profiles, turned about the vertical axis: a closed surface."""
    weights = _bernstein(np.linspace(0.0, 1.0, STEPS + 1))
    profile = np.concatenate([(weights @ np.array(control))[:-1] for control in PROFILES] + [np.zeros((1, 2))])
    quarter = weights[:-1] @ np.array([(1.0, 0.0), (1.0, QUARTER), (QUARTER, 1.0), (0.0, 1.0)])
    turned = [quarter, quarter[:, ::-1] * (-1, 1), -quarter, quarter[:, ::-1] * (1, -1)]
    circle = np.concatenate(turned)
    around = profile[:, None, :1] * circle
    heights = np.broadcast_to(profile[:, None, 1:], (*around.shape[:2], 1))
    return grid_surface(np.concatenate([around, heights], axis=2))


def _tube(control: np.ndarray) -> Surface:
    """Two patches of half a tube (7, 4, 3), their mirror image in y, and a lid at either end."""
    weights = _bernstein(np.linspace(0.0, 1.0, STEPS + 1))
    halves = np.einsum("nk,hkjd->hnjd", weights, np.stack([control[:4], control[3:]]))
    along = np.concatenate([halves[0, :-1], halves[1]])
    half = np.einsum("mj,njd->nmd", weights, along)
    return lidded(np.concatenate([half, half[:, -2:0:-1] * (1, -1, 1)], axis=1))
