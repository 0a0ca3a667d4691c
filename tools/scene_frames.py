"""Frames of the 3-D scene for the tools: factors as rows, drawing, comparison with published frames, and sheets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from trisect.worlds.scene3d import Scene, SceneConstants


@dataclass(frozen=True)
class Factors:
    """Arguments of `Scene.render`, one row per frame: positions, rotations (N, 3), spot_angles (N,), hues (N, 3)."""

    positions: np.ndarray
    rotations: np.ndarray
    spot_angles: np.ndarray
    hues: np.ndarray

    def __getitem__(self, rows: Any) -> Factors:
        return Factors(self.positions[rows], self.rotations[rows], self.spot_angles[rows], self.hues[rows])

    def __len__(self) -> int:
        return len(self.positions)

    def to_rows(self) -> np.ndarray:
        """Rows (N, 10) in the published order."""
        return np.concatenate([self.positions, self.rotations, self.spot_angles[:, None], self.hues], axis=1)

    @classmethod
    def from_rows(cls, rows: np.ndarray) -> Factors:
        """Factors from rows (N, 10) in the published order."""
        return cls(rows[:, :3], rows[:, 3:6], rows[:, 6], rows[:, 7:10])


def draw(factors: Factors, constants: SceneConstants, rays: int = 4, resolution: int = 64) -> np.ndarray:
    """Frames of teapots, (N, resolution, resolution, 3) uint8."""
    return draw_with(Scene(["teapot"], resolution, rays, constants=constants), factors)


def draw_with(scene: Scene, factors: Factors) -> np.ndarray:
    """Frames of the scene's first shape."""
    shapes = np.zeros(len(factors), np.int64)
    return scene.render(factors.positions, factors.rotations, factors.spot_angles, factors.hues, shapes)


def blurred(frames: np.ndarray, pixels: float) -> np.ndarray:
    """Frames or masks (N, H, W, ...) as float, blurred."""
    sigma = (0, pixels, pixels) + (0,) * (frames.ndim - 3)
    return gaussian_filter(frames.astype(np.float64), sigma) if pixels else frames.astype(np.float64)


def to_linear(frames: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] from sRGB levels."""
    part = frames / 255.0
    return np.where(part < 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


# --- scores ----------------------------------------------------------------------------------------------------------


def absolute_errors(ours: np.ndarray, published: np.ndarray) -> np.ndarray:
    """Mean absolute difference of each frame (N,), of 255."""
    return np.abs(ours.astype(np.float64) - published).mean(axis=(1, 2, 3))


def similarities(ours: np.ndarray, published: np.ndarray) -> np.ndarray:
    """Structural similarity (Wang et al., 2004) of each frame (N,), over pixels and channels; window of 1.5 pixels."""
    a, b = ours.astype(np.float64), published.astype(np.float64)
    mean_a, mean_b = blurred(a, 1.5), blurred(b, 1.5)
    var_a, var_b = blurred(a * a, 1.5) - mean_a**2, blurred(b * b, 1.5) - mean_b**2
    covariance = blurred(a * b, 1.5) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return (alike / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean(axis=(1, 2, 3))


def report(name: str, ours: np.ndarray, published: np.ndarray) -> None:
    """Print both scores, averaged over frames."""
    error, alike = absolute_errors(ours, published).mean(), similarities(ours, published).mean()
    print(f"{name}: mean absolute error {error:.2f} of 255, structural similarity {alike:.3f}")


# --- sheets ----------------------------------------------------------------------------------------------------------


def save_sheet(path: Path, published: np.ndarray, ours: np.ndarray, columns: int = 4, zoom: int = 4) -> None:
    """Pairs of frames side by side, published left."""
    _save_tiles(path, np.concatenate([published, ours], axis=2), columns, zoom)


def save_stacks(path: Path, published: np.ndarray, ours: np.ndarray, columns: int = 10, zoom: int = 3) -> None:
    """Pairs of frames one above the other, published above."""
    _save_tiles(path, np.concatenate([published, ours], axis=1), columns, zoom)


def _save_tiles(path: Path, tiles: np.ndarray, columns: int, zoom: int) -> None:
    """Tiles (N, H, W, 3) row by row, with a dark line around each."""
    tiles = np.pad(tiles, [(0, -len(tiles) % columns), (1, 1), (1, 1), (0, 0)])
    num, height, width, _ = tiles.shape
    sheet = tiles.reshape(num // columns, columns, height, width, 3).swapaxes(1, 2)
    sheet = sheet.reshape(num // columns * height, columns * width, 3)
    Image.fromarray(sheet.repeat(zoom, axis=0).repeat(zoom, axis=1)).save(path)
