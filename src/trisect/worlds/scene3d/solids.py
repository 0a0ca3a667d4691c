"""Six generated solids, all asymmetric, so that every turn about any axis changes their picture.

They replace the six published meshes, which are not free to copy. All are closed; parts may overlap.
"""

from __future__ import annotations

import numpy as np

from trisect.worlds.scene3d.meshes import Mesh, join_meshes, make_mesh
from trisect.worlds.scene3d.surfaces import ball, cylinder, faceted, grid_surface, placed, prism, tube, turned

TURN = 2 * np.pi


def torus_knot() -> Mesh:
    """A trefoil knot whose rope is three times as thick on one side as on the other."""
    t = np.linspace(0.0, TURN, 90, endpoint=False)
    out = 2.0 + np.cos(3 * t)
    path = np.stack([out * np.cos(2 * t), out * np.sin(2 * t), 1.2 * np.sin(3 * t)], axis=1)
    return make_mesh(*tube(path, 0.6 + 0.3 * np.cos(t - 0.4), closed=True, around=12))


def gear() -> Mesh:
    """A toothed wheel that lacks three teeth, with a thick hub on one side and a pin near the rim on the other."""
    teeth = 12
    angles = (np.arange(4 * teeth) + np.tile([0.3, 0.0, 0.0, -0.3], teeth)) * TURN / (4 * teeth)
    radii = np.tile([2.2, 3.0, 3.0, 2.2], teeth)
    radii[-12:] = 2.2
    wheel = prism(radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1), -0.5, 0.5)
    hub = placed(cylinder(1.0, 0.0, 2.2), (-0.6, 0.0, 0.0))
    pin = placed(cylinder(0.45, -2.0, 0.0), (1.3, 0.8, 0.0))
    return make_mesh(*join_meshes([wheel, hub, pin]))


def star() -> Mesh:
    """A star of five rays, one twice as long as the shortest, with a high peak in front and a low one behind."""
    rays = np.array([3.4, 2.6, 2.2, 1.7, 2.9])
    radii = np.stack([rays, np.full(5, 1.05)], axis=1).ravel()
    angles = np.arange(10) * TURN / 10
    outline = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return make_mesh(*faceted(outline, -0.25, 0.25, (0.0, -0.8), (0.3, 2.0)))


def jack() -> Mesh:
    """Six arms at right angles: two long ones with balls, two short bare ones, a cone and a disc."""
    arms = [
        placed(cylinder(0.4, 0.3, 3.0), (0, 0, 0), (1, 0, 0)),
        placed(ball(0.95), (3.0, 0, 0)),
        placed(cylinder(0.4, 0.3, 1.9), (0, 0, 0), (-1, 0, 0)),
        placed(cylinder(0.4, 0.3, 2.4), (0, 0, 0), (0, 1, 0)),
        placed(ball(0.6), (0, 2.4, 0)),
        placed(cylinder(0.4, 0.3, 1.5), (0, 0, 0), (0, -1, 0)),
        placed(turned(np.array([(0.0, 3.2), (1.1, 0.9), (0.0, 0.9)])), (0, 0, 0), (0, 0, 1)),
        placed(cylinder(0.4, 0.3, 2.0), (0, 0, 0), (0, 0, -1)),
        placed(cylinder(1.3, 0.0, 0.4), (0, 0, -1.8), (0, 0, -1)),
        ball(0.8),
    ]
    return make_mesh(*join_meshes(arms))


def supershape() -> Mesh:
    """A ball with ridges by the superformula (Gielis, 2003): five around, three from pole to pole, leaning over."""
    around, down = np.linspace(-np.pi, np.pi, 60, endpoint=False), np.linspace(np.pi / 2, -np.pi / 2, 37)
    ring, profile = _superformula(around, 5, (0.5, 1.0, 1.2)), _superformula(down, 3, (0.9, 1.5, 1.5))
    reach = (profile * np.cos(down))[:, None]
    reach[[0, -1]] = 0.0
    x, y = reach * ring * np.cos(around), reach * ring * np.sin(around)
    z = np.broadcast_to((profile * np.sin(down))[:, None], x.shape)
    swell = 1.0 + 0.35 * z
    return make_mesh(*grid_surface(np.stack([x * swell + 0.5 * z, y * swell * 0.8, 1.1 * z], axis=2)))


def _superformula(angles: np.ndarray, folds: int, exponents: tuple[float, float, float]) -> np.ndarray:
    """Radius (n,) at angles (n,): (|cos(m a/4)|^n2 + |sin(m a/4)|^n3)^(-1/n1)."""
    n1, n2, n3 = exponents
    quarter = folds * angles / 4
    return (np.abs(np.cos(quarter)) ** n2 + np.abs(np.sin(quarter)) ** n3) ** (-1.0 / n1)


def shell() -> Mesh:
    """A snail's shell: a tube that winds up three times, from a wide mouth to a point."""
    t = np.linspace(0.0, 1.0, 90)
    grown = np.exp(-2.2 * t)
    angle = 3 * TURN * t
    path = np.stack([2.0 * grown * np.cos(angle), 2.0 * grown * np.sin(angle), 3.6 * (1.0 - grown)], axis=1)
    return make_mesh(*tube(path, 1.25 * grown, closed=False, around=16))
