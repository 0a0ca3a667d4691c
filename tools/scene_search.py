"""The search for the factors of an unlabelled frame of the 3-D scene: guesses, sweeps, least squares.

The border of a frame shows the hue of the floor. Only the object is saturated, so its centre in the frame gives a ray
from the eye. Many guesses are moved to the object's position, and those whose floor fits best are improved, since the
floor depends on the positions of object and spotlight. Then the object's hue and all rotations on a grid are swept,
together with their `twins`, which have almost the same outline; the best are improved on frames of 32x32, and the best
of those at full size. The comparison uses colours and saturation, which distinguishes outlines of any colour, and gives
more weight to pixels near the object (`NEAR`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scene_frames import Factors, blurred, draw_with, to_linear
from scipy.ndimage import binary_dilation, label, minimum_filter
from scipy.optimize import least_squares

from trisect.worlds.scene3d import Scene, SceneConstants
from trisect.worlds.scene3d.layout import camera_rows

TURN = 2 * np.pi
ALPHA, BETA, GAMMA, SPOT, HUE_OBJECT, HUE_SPOT, HUE_FLOOR = range(3, 10)
MOVING = np.array([0, 1, 2, 3, 4, 6, 7, 8, 9])
"""Columns that are searched; the third rotation is 0 in the published frames."""
LIT = np.array([0, 1, 2, 6, 8, 9])
"""Columns that affect the floor: positions of object and spotlight, and the hues of spotlight and floor."""
LIMIT = 2.0
STEP = 0.02
"""Step of the numerical derivatives, in the units of the factors."""
COVER, SATURATED, COLOURLESS = 80.0, 0.1, 0.35
"""COVER: difference in levels between a saturated object and the floor, so that outlines are compared too."""
SHINE, DARK = 0.15, 0.04
"""Largest share of its weakest colour channel in an object's pixel; linear light that is too dark to have a colour."""
NEAR = 4.0
"""Pixels near the object have weight 1 + NEAR, others 1."""


@dataclass(frozen=True)
class Effort:
    """The effort of the search.

    Attributes:
        guesses: number of random rows, at least ``kept``.
        kept: number of guesses that are improved.
        rotations: steps per full turn of the grid of rotations.
        lights: steps per full turn of the grid of positions and hues of the spotlight.
        peaks: number of best rotations on a grid that are improved.
        finished: number of those that are improved further.
    """

    guesses: int = 800
    kept: int = 8
    rotations: int = 24
    lights: int = 16
    peaks: int = 5
    finished: int = 3


@dataclass(frozen=True)
class Sight:
    """A published frame at some size, to compare drawn frames with.

    Attributes:
        scene: scene that draws at that size.
        wanted: (H, W, 3) float64 published frame.
        weights: (H, W, 1) weights of the pixels, mean 1.
    """

    scene: Scene
    wanted: np.ndarray
    weights: np.ndarray

    def aligned(self, rows: np.ndarray) -> np.ndarray:
        """Rows (N, 10) with the object moved to its position in the frame, by centre and size of its lit part."""
        middle, size = lit_part(self.wanted[None])
        ours, ours_size = lit_part(draw_with(self.scene, Factors.from_rows(rows)))
        eye, right, up, ahead = camera_rows(self.scene.constants)
        lift = np.array([0.0, 0.0, self.scene.constants.object_lift])
        seen = rows[:, :3] + lift - eye
        far = seen @ ahead / (ahead @ ahead)
        across = seen @ right / far + (middle - ours)[:, 1]
        upward = seen @ up / far - (middle - ours)[:, 0]
        far *= np.clip(np.sqrt(ours_size / size), 0.7, 1.4)
        places = eye - lift + far[:, None] * (ahead + across[:, None] * right + upward[:, None] * up)
        return np.concatenate([np.clip(places, -LIMIT, LIMIT), rows[:, 3:]], axis=1)

    def differences(self, rows: np.ndarray, pixels: float) -> np.ndarray:
        """Blurred frames of rows (N, 10) minus the published one, (N, H, W, 4): three colours and saturation."""
        ours = draw_with(self.scene, Factors.from_rows(rows))
        return blurred(with_saturation(ours) - with_saturation(self.wanted), pixels)

    def errors(self, rows: np.ndarray, pixels: float = 0.5) -> np.ndarray:
        """Weighted mean absolute differences (N,)."""
        return (np.abs(self.differences(rows, pixels)) * self.weights).mean(axis=(1, 2, 3))

    def improve(self, row: np.ndarray, pixels: float, steps: int, columns: np.ndarray = MOVING) -> np.ndarray:
        """A row of factors after robust least squares (linear above 10 levels) over some of its columns."""
        roots = np.sqrt(self.weights)

        def full(vector: np.ndarray) -> np.ndarray:
            moved = row.copy()
            moved[columns] = vector
            return moved

        def residuals(vector: np.ndarray) -> np.ndarray:
            return (self.differences(full(vector)[None], pixels) * roots).ravel()

        def slopes(vector: np.ndarray) -> np.ndarray:
            rows = np.array([full(vector + move) for move in (np.zeros(len(columns)), *(STEP * np.eye(len(columns))))])
            here, *moved = self.differences(rows, pixels)
            return ((np.array(moved) - here) * roots / STEP).reshape(len(columns), -1).T

        solution = least_squares(residuals, row[columns], slopes, loss="soft_l1", f_scale=10.0, max_nfev=steps)
        return full(solution.x)


class Searcher:
    """Finds rows of factors, in the published order, for frames of 64x64.

    Args:
        constants: constants of the scene.
        effort: effort of the search.
    """

    def __init__(self, constants: SceneConstants, effort: Effort | None = None) -> None:
        self.constants = constants
        self.effort = Effort() if effort is None else effort
        sizes = {"floor": (16, 4), "small": (16, 4), "quick": (32, 1), "middle": (32, 4), "large": (64, 4)}
        self._scenes = {name: Scene(["teapot"], *size, constants=constants) for name, size in sizes.items()}

    def sights(self, frame: np.ndarray) -> dict[str, Sight]:
        """A frame (64, 64, 3) at several sizes; for "floor", pixels around the object have no weight."""
        mask = object_mask(frame)
        near, far = binary_dilation(mask, iterations=3), ~binary_dilation(mask, iterations=5)
        on_floor, on_object = far / far.mean(), (1.0 + NEAR * near) / (1.0 + NEAR * near.mean())
        sights = {}
        for name, scene in self._scenes.items():
            weights = (on_floor if name == "floor" else on_object)[..., None]
            sights[name] = Sight(scene, smaller(frame, scene.resolution), smaller(weights, scene.resolution))
        return sights

    def search(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The row (10,) from the frame alone."""
        sights = self.sights(frame)
        floor = sights["floor"]
        rows = floor.aligned(guesses(frame, self.constants, self.effort.guesses, rng))
        rows = np.array([floor.improve(row, 0.5, 10, LIT) for row in _best(floor, rows, self.effort.kept)])
        row = _best(floor, rows, 1)[0]
        peaks = _peaks(floor, row, [SPOT, HUE_SPOT], self.effort.lights)[:2]
        row = _best(floor, np.array([row, *(floor.improve(peak, 0.5, 8, LIT) for peak in peaks)]), 1)[0]
        return self.finish(sights, self.turn(sights, row))

    def turn(self, sights: dict[str, Sight], row: np.ndarray) -> np.ndarray:
        """The best rows after sweeps over hue and rotation, from a row with roughly right position and light."""
        small, middle = sights["small"], sights["middle"]
        for pixels, steps in [(2.0, self.effort.rotations // 2), (0.7, self.effort.rotations)]:
            row = _hues(small, row, pixels)
            candidates = self.improved(sights, self.rotations(sights, row, steps))
            row = _best(middle, np.array([row, *candidates]), 1)[0]
        starts = np.array([_hues(small, row, 0.7), *middle.aligned(twins(row))])
        candidates = [*candidates, *self.improved(sights, starts)]
        return _best(middle, np.array([row, *candidates]), self.effort.finished)

    def rotations(self, sights: dict[str, Sight], row: np.ndarray, steps: int) -> np.ndarray:
        """A row with the best rotations of a grid and their twins, each moved to the object's position."""
        peaks = _peaks(sights["quick"], row, [ALPHA, BETA], steps)[: self.effort.peaks]
        return sights["quick"].aligned(np.concatenate([peaks, *map(twins, peaks)]))

    def improved(self, sights: dict[str, Sight], starts: np.ndarray) -> np.ndarray:
        """The best results of improving starts (N, 10): cheap steps for all, better steps for a few."""
        rough = np.array([sights["quick"].improve(start, 1.0, 8) for start in starts])
        rough = _best(sights["middle"], rough, self.effort.finished)
        return np.array([sights["middle"].improve(row, 0.7, 10) for row in rough])

    def revise(self, frame: np.ndarray, row: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
        """The best of a row and of the results from other rows, such as those of neighbours in time."""
        sights = self.sights(frame)
        middle = sights["middle"]
        starts = []
        for other in others:
            turned, lit = row.copy(), row.copy()
            turned[[ALPHA, BETA]], lit[[SPOT, HUE_SPOT]] = other[[ALPHA, BETA]], other[[SPOT, HUE_SPOT]]
            starts += [*middle.aligned(np.array([other, turned])), lit]
        starts += [*self.rotations(sights, row, self.effort.rotations)]
        candidates = [row, *self.improved(sights, np.array(starts))]
        best = _best(middle, np.array(candidates), 1)[0]
        candidates += [*self.improved(sights, middle.aligned(twins(best)))]
        return self.finish(sights, np.array([row, *_best(middle, np.array(candidates), self.effort.finished)]))

    def finish(self, sights: dict[str, Sight], rows: np.ndarray) -> np.ndarray:
        """The best of some rows after steps at full size, angles in [0, 2 pi)."""
        large = sights["large"]
        rows = _best(large, np.array([large.improve(row, 0.7, 8) for row in rows]), 2)
        row = _best(large, np.array([*rows, large.improve(rows[0], 0.5, 12)]), 1)[0]
        return np.concatenate([row[:3], row[3:] % TURN])


def _peaks(sight: Sight, row: np.ndarray, columns: list[int], steps: int) -> np.ndarray:
    """A row with two of its angles set to the local minima of the error on a grid, the best first."""
    angles = np.linspace(0, TURN, steps, endpoint=False)
    rows = np.repeat(row[None], steps * steps, axis=0)
    rows[:, columns] = np.stack(np.meshgrid(angles, angles), axis=-1).reshape(-1, 2)
    rows = sight.aligned(rows) if ALPHA in columns else rows
    errors = sight.errors(rows, 0.7)
    grid = errors.reshape(steps, steps)
    is_peak = (grid <= minimum_filter(grid, 3, mode="wrap")).ravel()
    return rows[is_peak][np.argsort(errors[is_peak])]


def _hues(sight: Sight, row: np.ndarray, pixels: float) -> np.ndarray:
    """A row with the hue of the object that fits the blurred frame best."""
    rows = np.repeat(row[None], 36, axis=0)
    rows[:, HUE_OBJECT] = np.linspace(0, TURN, 36, endpoint=False)
    return rows[np.argmin(sight.errors(rows, pixels))]


def _best(sight: Sight, rows: np.ndarray, num: int) -> np.ndarray:
    """The best rows, at most ``num``."""
    return rows[np.argsort(sight.errors(rows))[:num]]


def twins(row: np.ndarray) -> np.ndarray:
    """Rows (3, 10) of a teapot after half a turn about each of its own axes, with almost the same outline.

    The axes are the vertical one, the spout's, and the third; with gamma 0 the half turns give (pi - alpha, beta + pi),
    (alpha + pi, beta) and (-alpha, beta + pi).
    """
    rows = np.repeat(row[None], 3, axis=0)
    alpha, beta = row[ALPHA], row[BETA]
    rows[:, [ALPHA, BETA]] = [(np.pi - alpha, beta + np.pi), (alpha + np.pi, beta), (-alpha, beta + np.pi)]
    return rows


def smaller(frame: np.ndarray, size: int) -> np.ndarray:
    """A frame (H, W, C) averaged down to size by size, float64."""
    block = len(frame) // size
    return frame.reshape(size, block, size, block, -1).mean(axis=(1, 3), dtype=np.float64)


# --- information from the colours ------------------------------------------------------------------------------------


def with_saturation(frames: np.ndarray) -> np.ndarray:
    """Frames (..., H, W, 3) with a fourth channel: `COVER` on a lit object, 0 on the floor, smooth in between."""
    light = to_linear(frames)
    bright = light.max(axis=-1, keepdims=True)
    colourless = light.min(axis=-1, keepdims=True) / np.maximum(bright, 1e-6)
    lit = np.clip((COLOURLESS - colourless) / (COLOURLESS - SATURATED), 0.0, 1.0) * np.clip(bright / DARK, 0.0, 1.0)
    return np.concatenate([frames, COVER * lit], axis=-1)


def is_saturated(frames: np.ndarray) -> np.ndarray:
    """True for pixels (..., H, W) that are lit and fully saturated: only the object's, except for highlights."""
    light = to_linear(frames)
    bright = light.max(axis=-1)
    return (light.min(axis=-1) < SHINE * bright) & (bright > DARK)


def object_mask(frame: np.ndarray) -> np.ndarray:
    """Mask (H, W) of the lit part of the object in a frame: the largest fully saturated part."""
    mask = is_saturated(frame)
    parts, num = label(mask)
    sizes = np.bincount(parts.ravel(), minlength=2)[1:]
    return parts == 1 + int(np.argmax(sizes)) if num else mask


def lit_part(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre (N, 2) of the saturated pixels, down and across in shares of the frame, and their share (N,) of it."""
    mask = is_saturated(frames)
    size = np.maximum(mask.mean(axis=(1, 2)), 1e-6)
    steps = (np.arange(mask.shape[1]) + 0.5) / mask.shape[1]
    down, across = mask.mean(axis=2) @ steps, mask.mean(axis=1) @ steps
    return np.stack([down, across], axis=1) / len(steps) / size[:, None], size


def hue_of(colour: np.ndarray) -> float:
    """The HSV hue of a linear colour (3,), in radians."""
    low, high = colour.min(), colour.max()
    if high == low:
        return 0.0
    first = int(np.argmax(colour))
    second, third = colour[(first + 1) % 3], colour[(first + 2) % 3]
    return float((2 * first + (second - third) / (high - low)) * np.pi / 3 % TURN)


def guesses(frame: np.ndarray, constants: SceneConstants, num: int, rng: np.random.Generator) -> np.ndarray:
    """Rows (num, 10): the object's centre on its ray, hues near those of the colours, and the rest at random."""
    mask, light = object_mask(frame), to_linear(frame)
    border = np.concatenate([light[:12, :8], light[:12, -8:], light[-12:, :8], light[-12:, -8:]]).reshape(-1, 3)
    shown = light[mask].mean(axis=0) if mask.any() else np.ones(3)
    rows = rng.uniform(0, TURN, (num, 10))
    rows[:, :3] = _places(mask, constants, num, rng)
    rows[:, GAMMA] = 0.0
    rows[:, HUE_OBJECT] = hue_of(shown) + 0.4 * rng.standard_normal(num)
    rows[:, HUE_FLOOR] = hue_of(np.median(border, axis=0))
    return rows


def _places(mask: np.ndarray, constants: SceneConstants, num: int, rng: np.random.Generator) -> np.ndarray:
    """Positions (num, 3) within the range at which the object appears near the mask."""
    middle = np.argwhere(mask).mean(axis=0) / len(mask) if mask.any() else np.array([0.5, 0.5])
    eye, right, up, ahead = camera_rows(constants)
    down, across = (middle + 0.04 * rng.standard_normal((40 * num, 2))).T[:, :, None]
    ways = ahead + (across - 0.5) * right + (0.5 - down) * up
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    places = eye + rng.uniform(4.0, 18.0, (40 * num, 1)) * ways - np.array([0.0, 0.0, constants.object_lift])
    inside = places[(np.abs(places) < LIMIT).all(axis=1)]
    return inside[:num] if len(inside) >= num else rng.uniform(-LIMIT, LIMIT, (num, 3))
