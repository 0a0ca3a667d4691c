"""The search for the factors of a frame of the 3-D scene that comes without: guesses, sweeps, least squares.

The floor's hue is the colour of a frame's border, and the object, which alone is saturated, puts its middle on a ray
from the eye. Of many guesses, each moved to where the object is, those are improved whose floor fits best: it shows
where object and spotlight are. Then the object's hue and all rotations on a grid are swept, and with them the `twins`
that have much the same outline; the best are improved on pictures of 32x32, the best of those at full size. What is
compared are colours and what is saturated, which tells outlines apart whatever the colours, and counts near the object
more (`NEAR`).
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
"""Columns that the floor shows: where the object and the spotlight are, and their hues but the object's."""
LIMIT = 2.0
STEP = 0.02
"""Of the derivatives, in the units of the factors."""
COVER, SATURATED, COLOURLESS = 80.0, 0.1, 0.35
"""Levels between a saturated object and the floor, for frames to be told apart by outlines, too."""
SHINE, DARK = 0.15, 0.04
"""The object's colour lacks at least one of red, green and blue, up to this part; darker linear light has no colour."""
NEAR = 4.0
"""Pixels near the object weigh 1 + NEAR, others 1."""


@dataclass(frozen=True)
class Effort:
    """How hard to search.

    Attributes:
        guesses: random rows that are drawn, at least ``kept``.
        kept: how many of them are improved.
        rotations: steps on a full turn of the grid of rotations.
        lights: the same, of the grid of places and hues of the spotlight.
        peaks: how many of the best rotations of a grid are improved.
        finished: how many of those are improved further.
    """

    guesses: int = 800
    kept: int = 8
    rotations: int = 24
    lights: int = 16
    peaks: int = 5
    finished: int = 3


@dataclass(frozen=True)
class Sight:
    """A published frame at some size, and how near drawn ones come to it.

    Attributes:
        scene: which draws at that size.
        wanted: (H, W, 3) float64.
        weights: (H, W, 1) of the pixels, mean 1.
    """

    scene: Scene
    wanted: np.ndarray
    weights: np.ndarray

    def aligned(self, rows: np.ndarray) -> np.ndarray:
        """Rows (N, 10) whose object is moved to where the frame's seems to be, by middle and size of its lit part."""
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
        """Blurred frames of rows (N, 10) less the wanted one, (N, H, W, 4): three colours, and what is saturated."""
        ours = draw_with(self.scene, Factors.from_rows(rows))
        return blurred(with_saturation(ours) - with_saturation(self.wanted), pixels)

    def errors(self, rows: np.ndarray, pixels: float = 0.5) -> np.ndarray:
        """Weighted mean absolute differences (N,)."""
        return (np.abs(self.differences(rows, pixels)) * self.weights).mean(axis=(1, 2, 3))

    def improve(self, row: np.ndarray, pixels: float, steps: int, columns: np.ndarray = MOVING) -> np.ndarray:
        """A row of factors after least squares, absolute above 10 levels, over some of its columns."""
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

        found = least_squares(residuals, row[columns], slopes, loss="soft_l1", f_scale=10.0, max_nfev=steps)
        return full(found.x)


class Searcher:
    """Finds rows of factors, in the published order, for frames of 64x64.

    Args:
        constants: of the scene.
        effort: how hard to search.
    """

    def __init__(self, constants: SceneConstants, effort: Effort | None = None) -> None:
        self.constants = constants
        self.effort = Effort() if effort is None else effort
        sizes = {"floor": (16, 4), "small": (16, 4), "quick": (32, 1), "middle": (32, 4), "large": (64, 4)}
        self._scenes = {name: Scene(["teapot"], *size, constants=constants) for name, size in sizes.items()}

    def sights(self, frame: np.ndarray) -> dict[str, Sight]:
        """A frame (64, 64, 3) at several sizes; for "floor", what is about the object does not count."""
        mask = object_mask(frame)
        near, far = binary_dilation(mask, iterations=3), ~binary_dilation(mask, iterations=5)
        on_floor, on_object = far / far.mean(), (1.0 + NEAR * near) / (1.0 + NEAR * near.mean())
        sights = {}
        for name, scene in self._scenes.items():
            weights = (on_floor if name == "floor" else on_object)[..., None]
            sights[name] = Sight(scene, smaller(frame, scene.resolution), smaller(weights, scene.resolution))
        return sights

    def search(self, frame: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The row (10,) from nothing but the frame."""
        sights = self.sights(frame)
        floor = sights["floor"]
        rows = floor.aligned(guesses(frame, self.constants, self.effort.guesses, rng))
        rows = np.array([floor.improve(row, 0.5, 10, LIT) for row in _best(floor, rows, self.effort.kept)])
        row = _best(floor, rows, 1)[0]
        peaks = _peaks(floor, row, [SPOT, HUE_SPOT], self.effort.lights)[:2]
        row = _best(floor, np.array([row, *(floor.improve(peak, 0.5, 8, LIT) for peak in peaks)]), 1)[0]
        return self.finish(sights, self.turn(sights, row))

    def turn(self, sights: dict[str, Sight], row: np.ndarray) -> np.ndarray:
        """The best rows from one whose position and light are about right, after sweeps over hue and rotation."""
        small, middle = sights["small"], sights["middle"]
        for pixels, steps in [(2.0, self.effort.rotations // 2), (0.7, self.effort.rotations)]:
            row = _hues(small, row, pixels)
            found = self.improved(sights, self.rotations(sights, row, steps))
            row = _best(middle, np.array([row, *found]), 1)[0]
        found = [*found, *self.improved(sights, np.array([_hues(small, row, 0.7), *middle.aligned(twins(row))]))]
        return _best(middle, np.array([row, *found]), self.effort.finished)

    def rotations(self, sights: dict[str, Sight], row: np.ndarray, steps: int) -> np.ndarray:
        """A row with the rotations that are the best of a grid, and their twins, each moved to where the object is."""
        found = _peaks(sights["quick"], row, [ALPHA, BETA], steps)[: self.effort.peaks]
        return sights["quick"].aligned(np.concatenate([found, *map(twins, found)]))

    def improved(self, sights: dict[str, Sight], starts: np.ndarray) -> np.ndarray:
        """The best of what starts (N, 10) lead to: cheap steps for all, better ones for few."""
        rough = np.array([sights["quick"].improve(start, 1.0, 8) for start in starts])
        rough = _best(sights["middle"], rough, self.effort.finished)
        return np.array([sights["middle"].improve(row, 0.7, 10) for row in rough])

    def revise(self, frame: np.ndarray, row: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
        """The best of a row and of what others lead to, such as those of neighbours in time."""
        sights = self.sights(frame)
        middle = sights["middle"]
        starts = []
        for other in others:
            turned, lit = row.copy(), row.copy()
            turned[[ALPHA, BETA]], lit[[SPOT, HUE_SPOT]] = other[[ALPHA, BETA]], other[[SPOT, HUE_SPOT]]
            starts += [*middle.aligned(np.array([other, turned])), lit]
        found = [row, *self.improved(sights, np.array([*starts, *self.rotations(sights, row, self.effort.rotations)]))]
        best = _best(middle, np.array(found), 1)[0]
        found += [*self.improved(sights, middle.aligned(twins(best)))]
        return self.finish(sights, np.array([row, *_best(middle, np.array(found), self.effort.finished)]))

    def finish(self, sights: dict[str, Sight], rows: np.ndarray) -> np.ndarray:
        """The best of some rows after steps at full size, angles in [0, 2 pi)."""
        large = sights["large"]
        rows = _best(large, np.array([large.improve(row, 0.7, 8) for row in rows]), 2)
        row = _best(large, np.array([*rows, large.improve(rows[0], 0.5, 12)]), 1)[0]
        return np.concatenate([row[:3], row[3:] % TURN])


def _peaks(sight: Sight, row: np.ndarray, columns: list[int], steps: int) -> np.ndarray:
    """A row with two of its angles at places of a grid over both that are better than all around, the best first."""
    angles = np.linspace(0, TURN, steps, endpoint=False)
    rows = np.repeat(row[None], steps * steps, axis=0)
    rows[:, columns] = np.stack(np.meshgrid(angles, angles), axis=-1).reshape(-1, 2)
    rows = sight.aligned(rows) if ALPHA in columns else rows
    errors = sight.errors(rows, 0.7)
    grid = errors.reshape(steps, steps)
    is_peak = (grid <= minimum_filter(grid, 3, mode="wrap")).ravel()
    return rows[is_peak][np.argsort(errors[is_peak])]


def _hues(sight: Sight, row: np.ndarray, pixels: float) -> np.ndarray:
    """A row with the hue of the object that fits blurred frames best."""
    rows = np.repeat(row[None], 36, axis=0)
    rows[:, HUE_OBJECT] = np.linspace(0, TURN, 36, endpoint=False)
    return rows[np.argmin(sight.errors(rows, pixels))]


def _best(sight: Sight, rows: np.ndarray, num: int) -> np.ndarray:
    """The best rows, at most ``num``."""
    return rows[np.argsort(sight.errors(rows))[:num]]


def twins(row: np.ndarray) -> np.ndarray:
    """Rows (3, 10) of a teapot turned by half a turn about each of its own axes: much the same outline.

    Half a turn about the vertical axis, the spout's, and the third: with gamma 0 they lead to (pi - alpha, beta + pi),
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


# --- what the colours tell -------------------------------------------------------------------------------------------


def with_saturation(frames: np.ndarray) -> np.ndarray:
    """Frames (..., H, W, 3) with a fourth channel: `COVER` where a lit object is, 0 on the floor, smooth between."""
    light = to_linear(frames)
    bright = light.max(axis=-1, keepdims=True)
    colourless = light.min(axis=-1, keepdims=True) / np.maximum(bright, 1e-6)
    lit = np.clip((COLOURLESS - colourless) / (COLOURLESS - SATURATED), 0.0, 1.0) * np.clip(bright / DARK, 0.0, 1.0)
    return np.concatenate([frames, COVER * lit], axis=-1)


def is_saturated(frames: np.ndarray) -> np.ndarray:
    """Which pixels (..., H, W) of frames are lit and of a full colour: only the object is, up to a little shine."""
    light = to_linear(frames)
    bright = light.max(axis=-1)
    return (light.min(axis=-1) < SHINE * bright) & (bright > DARK)


def object_mask(frame: np.ndarray) -> np.ndarray:
    """Where a frame (H, W, 3) shows the lit part of its object: the largest part that is fully saturated."""
    mask = is_saturated(frame)
    parts, num = label(mask)
    sizes = np.bincount(parts.ravel(), minlength=2)[1:]
    return parts == 1 + int(np.argmax(sizes)) if num else mask


def lit_part(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle (N, 2), down and across as parts of the picture, and share (N,) of what is fully saturated in frames."""
    mask = is_saturated(frames)
    size = np.maximum(mask.mean(axis=(1, 2)), 1e-6)
    steps = (np.arange(mask.shape[1]) + 0.5) / mask.shape[1]
    down, across = mask.mean(axis=2) @ steps, mask.mean(axis=1) @ steps
    return np.stack([down, across], axis=1) / len(steps) / size[:, None], size


def hue_of(colour: np.ndarray) -> float:
    """The hue, radians, of a linear colour (3,) as HSV has it."""
    low, high = colour.min(), colour.max()
    if high == low:
        return 0.0
    first = int(np.argmax(colour))
    second, third = colour[(first + 1) % 3], colour[(first + 2) % 3]
    return float((2 * first + (second - third) / (high - low)) * np.pi / 3 % TURN)


def guesses(frame: np.ndarray, constants: SceneConstants, num: int, rng: np.random.Generator) -> np.ndarray:
    """Rows (num, 10): the middle of the object on its ray, hues about what the colours tell, the rest at random."""
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
    """Positions (num, 3) within the range whose object is seen about where the mask is."""
    middle = np.argwhere(mask).mean(axis=0) / len(mask) if mask.any() else np.array([0.5, 0.5])
    eye, right, up, ahead = camera_rows(constants)
    down, across = (middle + 0.04 * rng.standard_normal((40 * num, 2))).T[:, :, None]
    ways = ahead + (across - 0.5) * right + (0.5 - down) * up
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    places = eye + rng.uniform(4.0, 18.0, (40 * num, 1)) * ways - np.array([0.0, 0.0, constants.object_lift])
    inside = places[(np.abs(places) < LIMIT).all(axis=1)]
    return inside[:num] if len(inside) >= num else rng.uniform(-LIMIT, LIMIT, (num, 3))
