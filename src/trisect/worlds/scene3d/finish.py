"""From sums of light to pixels: smoothing of the floor's light like a denoiser, colours, and the screen's curve."""

from __future__ import annotations

import numpy as np

from trisect.worlds.scene3d.vectors import compiled


@compiled
def _smooth_rows(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums over neighbours along the first axis of (n, m, k)."""
    num, across, depth = values.shape
    summed = np.zeros_like(values)
    for i in range(num):
        for j in range(max(i - len(weights) + 1, 0), min(i + len(weights), num)):
            weight = weights[abs(j - i)]
            for k in range(across):
                for channel in range(depth):
                    summed[i, k, channel] += weight * values[j, k, channel]
    return summed


@compiled
def smooth_floor(light: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Light of the floor (rows, columns, 3), smoothed over the floor only; the area of the object is left out.

    Args:
        light: (rows, columns, 4) three channels, summed over the share of each pixel that is floor, and that share.
        weights: (reach + 1,) weights of a pixel itself, its neighbour, and so on, on either axis.
    """
    summed = _smooth_rows(_smooth_rows(light, weights).transpose(1, 0, 2), weights).transpose(1, 0, 2)
    smooth = np.empty((*light.shape[:2], 3))
    for r in range(len(smooth)):
        for c in range(smooth.shape[1]):
            for channel in range(3):
                smooth[r, c, channel] = summed[r, c, channel] / max(summed[r, c, 3], 1e-12)
    return smooth


@compiled
def to_screen(value: float) -> float:
    """Linear light in [0, 1] as the sRGB standard (IEC 61966-2-1) shows it, 0 to 255."""
    value = min(max(value, 0.0), 1.0)
    return 255.0 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1.0 / 2.4) - 0.055)


@compiled
def compose(
    frame: np.ndarray, light: np.ndarray, object_colour: np.ndarray, floor_colour: np.ndarray, weights: np.ndarray
) -> None:
    """Write one frame.

    Args:
        frame: (rows, columns, 3) uint8, filled.
        light: (2, rows, columns, 4) of the object and of the floor: three channels, summed over the share of each
            pixel that it covers, and that share.
        object_colour, floor_colour: (3,) in [0, 1].
        weights: as in `smooth_floor`.
    """
    floor = smooth_floor(light[1], weights)
    for r in range(len(frame)):
        for c in range(frame.shape[1]):
            for channel in range(3):
                value = light[0, r, c, channel] * object_colour[channel]
                value += light[1, r, c, 3] * floor[r, c, channel] * floor_colour[channel]
                frame[r, c, channel] = np.uint8(to_screen(value) + 0.5)
