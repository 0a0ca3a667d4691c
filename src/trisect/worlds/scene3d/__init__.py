"""The 3-D renderer: meshes, a tree of boxes, a ray caster, and the scene of Temporal Causal3DIdent.

Drawing needs numba, which is imported with `Scene`; the names of the shapes and their meshes do not need it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trisect.worlds.scene3d.shapes import SHAPES

if TYPE_CHECKING:
    from trisect.worlds.scene3d.constants import SceneConstants
    from trisect.worlds.scene3d.lamps import Lamp
    from trisect.worlds.scene3d.scene import Scene

__all__ = ["SHAPES", "Lamp", "Scene", "SceneConstants"]

_HOMES = {"Lamp": "lamps", "Scene": "scene", "SceneConstants": "constants"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"trisect.worlds.scene3d.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'trisect.worlds.scene3d' has no attribute '{name}'")
