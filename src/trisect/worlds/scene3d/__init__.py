"""The 3-D renderer: meshes, a tree of boxes, a ray caster, and the scene of Temporal Causal3DIdent. Needs numba."""

from __future__ import annotations

from trisect.worlds.scene3d.constants import SceneConstants
from trisect.worlds.scene3d.lamps import Lamp
from trisect.worlds.scene3d.scene import Scene
from trisect.worlds.scene3d.shapes import SHAPES

__all__ = ["SHAPES", "Lamp", "Scene", "SceneConstants"]
