"""The scene of Temporal Causal3DIdent: one object above a floor, a coloured spotlight, and fixed lamps.

After von Kuegelgen et al., "Self-supervised learning with data augmentations provably isolates content from style",
NeurIPS 2021, and Lippe et al., "CITRIS", ICML 2022, whose frames were rendered with 128 rays per pixel and denoised.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trisect import checks
from trisect.worlds.scene3d import layout
from trisect.worlds.scene3d.bvh import build_bvh, join_bvhs
from trisect.worlds.scene3d.constants import SceneConstants
from trisect.worlds.scene3d.finish import compose
from trisect.worlds.scene3d.lamps import NUM_COLUMNS, disc_points
from trisect.worlds.scene3d.ray_caster import Body, Stage, cast_frame
from trisect.worlds.scene3d.sampling import rays_across
from trisect.worlds.scene3d.shapes import make_shape

COLUMNS = {"positions": 3, "rotations": 3, "spot_angles": None, "hues": 3, "shapes": None}


class Scene:
    """Draws frames of objects from their factors: a pure function of them, the same bytes in any batch and process.

    The object hangs at (x, y, z + lift), x towards the camera, y to the right and z upwards in the picture.

    Args:
        shapes: names of the objects, from `trisect.worlds.scene3d.SHAPES` or of files in ``meshes``.
        resolution: side of a frame in pixels, at least 1.
        rays_per_pixel: 1, 4, 9, 16 or another square: edges and shadows are smoother with more.
        meshes: a folder with ``NAME.obj`` or ``NAME.ply`` for shapes that are not to be generated.
        constants: camera, lamps and finish; fitted to published frames by default.

    Raises:
        ValueError: an argument is out of its range, or a shape is unknown.

    Example:
        >>> scene = Scene(["teapot"], resolution=16, rays_per_pixel=1)
        >>> zero = np.zeros((2, 3))
        >>> scene.render(zero, zero, np.zeros(2), zero, np.zeros(2, int)).shape
        (2, 16, 16, 3)
    """

    def __init__(
        self,
        shapes: Sequence[str],
        resolution: int = 64,
        rays_per_pixel: int = 16,
        meshes: Path | None = None,
        constants: SceneConstants | None = None,
    ) -> None:
        self.constants = SceneConstants() if constants is None else constants
        self.shapes = checks.unique_names(shapes, "the shapes of a scene")
        checks.require(len(self.shapes) > 0, "the shapes of a scene", "at least one", "none")
        self.resolution = checks.positive_int(resolution, "the resolution of a scene")
        side = rays_across(rays_per_pixel, "the rays per pixel of a scene")
        self.rays_per_pixel = rays_per_pixel
        folder = None if meshes is None else Path(meshes)
        is_there = folder is None or folder.is_dir()
        checks.require(is_there, "the folder of meshes of a scene", "a folder", f"'{folder}'")
        objects = [make_shape(name, self.constants.object_size, folder) for name in self.shapes]
        self._radii = [float(np.linalg.norm(mesh.vertices, axis=1).max()) for mesh in objects]
        self._tree, self._nodes = join_bvhs([build_bvh(mesh) for mesh in objects])
        self._stage = Stage(layout.camera_rows(self.constants), float(self.constants.floor), disc_points(), side)
        self._weights = layout.smoothing_weights(self.constants.smoothing)

    def render(
        self,
        positions: np.ndarray,
        rotations: np.ndarray,
        spot_angles: np.ndarray,
        hues: np.ndarray,
        shapes: np.ndarray,
    ) -> np.ndarray:
        """Draw frames of N scenes.

        Args:
            positions: (N, 3) x, y, z, in the published worlds in [-2, 2].
            rotations: (N, 3) alpha, beta, gamma in radians, about the fixed axes x, y, z in this order.
            spot_angles: (N,) angle of the spotlight on its circle, radians.
            hues: (N, 3) hues of the object, the spotlight and the floor, radians.
            shapes: (N,) integers, indices into the scene's shapes.

        Returns:
            (N, resolution, resolution, 3) uint8, sRGB.

        Raises:
            ValueError: an array has another shape than these or is not finite, or an index of a shape is out of range.
        """
        factors = {"positions": positions, "rotations": rotations, "spot_angles": spot_angles, "hues": hues}
        positions, rotations, spot_angles, hues = self._checked(factors)
        indices = self._checked_shapes(shapes, len(positions))
        places, turns = self._places(positions), layout.turns(rotations)
        lamps = layout.all_lamps(self.constants, places, spot_angles, hues[:, 1])
        object_colours = layout.colours(hues[:, 0], layout.OBJECT_SATURATION)
        floor_colours = layout.colours(hues[:, 2], layout.FLOOR_SATURATION)
        frames = np.empty((len(places), self.resolution, self.resolution, 3), np.uint8)
        for i, frame in enumerate(frames):
            light = self._cast(indices[i], places[i], turns[i], lamps[i])
            compose(frame, light, object_colours[i], floor_colours[i], self._weights)
        return frames

    def silhouettes(self, positions: np.ndarray, rotations: np.ndarray, shapes: np.ndarray) -> np.ndarray:
        """The share of each pixel that the object covers: (N, resolution, resolution) float64 in [0, 1].

        Arguments and errors as in `render`.
        """
        positions, rotations = self._checked({"positions": positions, "rotations": rotations})
        indices = self._checked_shapes(shapes, len(positions))
        places, turns = self._places(positions), layout.turns(rotations)
        dark = np.empty((0, NUM_COLUMNS))
        masks = np.empty((len(places), self.resolution, self.resolution))
        for i, mask in enumerate(masks):
            mask[:] = self._cast(indices[i], places[i], turns[i], dark)[0, :, :, 3]
        return masks

    def _cast(self, shape: int, place: np.ndarray, turn: np.ndarray, lamps: np.ndarray) -> np.ndarray:
        """Light (2, resolution, resolution, 4) of one frame."""
        x, y, z = place.tolist()
        first, last = self._nodes[shape].tolist()
        light = np.zeros((2, self.resolution, self.resolution, 4))
        body = Body(first, last, (x, y, z), turn, self._radii[shape])
        cast_frame(light, self._tree, body, lamps, self._stage)
        return light

    def _places(self, positions: np.ndarray) -> np.ndarray:
        """Middles of the objects (N, 3)."""
        return positions + np.array([0.0, 0.0, self.constants.object_lift])

    def _checked(self, factors: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Arrays as float64, with as many rows as the first, and the columns of `COLUMNS`."""
        arrays: list[np.ndarray] = []
        for name, values in factors.items():
            what = f"the {name} of a scene"
            array = np.asarray(values, dtype=np.float64)
            rows = len(arrays[0]) if arrays else None
            columns = COLUMNS[name]
            checks.shape(array, what, rows, *([] if columns is None else [columns]))
            arrays.append(checks.finite(array, what))
        return arrays

    def _checked_shapes(self, shapes: np.ndarray, num: int) -> list[int]:
        """Shapes as integers within range."""
        array = checks.shape(np.asarray(shapes), "the shapes of the frames of a scene", num)
        must = f"integers from 0 to {len(self.shapes) - 1}"
        in_range = np.isin(array, np.arange(len(self.shapes))).all()
        checks.require(bool(in_range), "the shapes of the frames of a scene", must, array[:8].tolist())
        return [int(shape) for shape in array]
