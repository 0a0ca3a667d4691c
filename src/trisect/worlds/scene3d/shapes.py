"""The seven shapes of the scene, and their replacement by mesh files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.worlds.scene3d import solids
from trisect.worlds.scene3d.meshes import Mesh, centre_mesh, make_mesh
from trisect.worlds.scene3d.teapot import teapot

GENERATORS: dict[str, Callable[[], Mesh]] = {
    "teapot": teapot,
    "torus_knot": solids.torus_knot,
    "gear": solids.gear,
    "star": solids.star,
    "jack": solids.jack,
    "supershape": solids.supershape,
    "shell": solids.shell,
}
SHAPES: tuple[str, ...] = tuple(GENERATORS)
"""Names of the shapes; the published seven are the teapot and six scanned or modelled animals and heads."""
SUFFIXES = (".obj", ".ply")


def make_shape(name: str, size: float = 1.0, meshes: Path | None = None) -> Mesh:
    """Make a shape whose bounding box is centred on the origin.

    Args:
        name: one of `SHAPES`; with a folder of meshes also the name of a file in it.
        size: the largest side of the bounding box, above 0.
        meshes: a folder whose file ``NAME.obj`` or ``NAME.ply`` replaces the generated shape.

    Raises:
        ValueError: the name is unknown, or the file is damaged or contains no triangles.
        ImportError: trimesh is needed to read a file and is not installed.
    """
    files = [] if meshes is None else [meshes / f"{name}{suffix}" for suffix in SUFFIXES]
    existing = [file for file in files if file.is_file()]
    if existing:
        return centre_mesh(read_mesh(existing[0]), size)
    checks.one_of(name, GENERATORS, "the name of a shape")
    return centre_mesh(GENERATORS[name](), size)


def read_mesh(file: Path) -> Mesh:
    """Read a mesh from an OBJ or PLY file, with all its parts joined."""
    try:
        import trimesh
    except ImportError as error:
        todo = f"install trimesh to read '{file}': pip install 'trisect[worlds]'"
        raise ImportError(checks.sentence("the mesh reader", "installed", "no trimesh", todo)) from error
    what = f"the mesh of '{file}'"
    try:
        loaded: Any = trimesh.load(file, force="mesh", process=False)
    except Exception as error:  # a damaged file can raise any error in the reader
        got = f"{type(error).__name__}: {error}"
        raise ValueError(checks.sentence(what, "one that trimesh reads", got, "export it again")) from error
    faces = np.asarray(getattr(loaded, "faces", np.zeros((0, 3))), dtype=np.int64)
    checks.require(len(faces) > 0, what, "made of triangles", "none")
    vertices = checks.finite(np.asarray(loaded.vertices, dtype=np.float64), f"the vertices of '{file}'")
    is_known = faces.min() >= 0 and faces.max() < len(vertices)
    checks.require(is_known, what, f"of its {len(vertices)} vertices", f"faces of number {faces.max()}")
    extent = np.ptp(vertices, axis=0).max()
    checks.require(extent > 0, what, "larger than a point", extent)
    mesh = make_mesh(vertices / extent, faces)
    checks.require(len(mesh.faces) > 0, what, "made of triangles with an area", "none")
    return mesh
