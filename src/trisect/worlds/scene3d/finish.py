"""From sums of light to pixels: the floor's light smoothed as a denoiser would, colours, and the screen's curve."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def _smooth_line(values: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> None:
    """Mean over neighbours along the first axis, in place: (n, m, 3) sums and (n, m) counts, both weighted."""
    num, reach = len(values), len(weights) - 1
    summed, counted = np.zeros_like(values), np.zeros_like(counts)
    for i in range(num):
        for j in range(max(i - reach, 0), min(i + reach + 1, num)):
            weight = weights[abs(j - i)]
            summed[i] += weight * values[j]
            counted[i] += weight * counts[j]
    values[:], counts[:] = summed, counted


@njit(cache=True)
def smooth_floor(light: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Light of the floor (rows, columns, 3) smoothed over the floor alone: what the object covers has no part in it.

    Args:
        light: (rows, columns, 3) summed over the rays that met the floor; overwritten.
        counts: (rows, columns) rays that met the floor; overwritten.
        weights: (reach + 1,) of a pixel itself, its neighbour, and so on, on either axis.
    """
    _smooth_line(light, counts, weights)
    _smooth_line(light.transpose(1, 0, 2), counts.T, weights)
    for r in range(len(counts)):
        for c in range(counts.shape[1]):
            light[r, c] /= max(counts[r, c], 1e-12)
    return light


@njit(cache=True)
def to_screen(value: float) -> float:
    """Linear light in [0, 1] as the sRGB standard (IEC 61966-2-1) shows it, 0 to 255."""
    value = min(max(value, 0.0), 1.0)
    return 255.0 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1.0 / 2.4) - 0.055)


@njit(cache=True)
def compose(frame: np.ndarray, light: np.ndarray, counts: np.ndarray, colours: np.ndarray, weights: np.ndarray) -> None:
    """Write one frame.

    Args:
        frame: (rows, columns, 3) uint8, filled.
        light: (2, rows, columns, 3) light of the object and of the floor, summed over rays; overwritten.
        counts: (2, rows, columns) rays that met either; overwritten.
        colours: (2, 3) of the object and of the floor, in [0, 1].
        weights: as of `smooth_floor`.
    """
    rays = counts[0] + counts[1]
    share = counts[1].copy()
    floor = smooth_floor(light[1], counts[1], weights)
    for r in range(len(frame)):
        for c in range(frame.shape[1]):
            for channel in range(3):
                whole = light[0, r, c, channel] * colours[0, channel]
                whole += share[r, c] * floor[r, c, channel] * colours[1, channel]
                frame[r, c, channel] = np.uint8(to_screen(whole / max(rays[r, c], 1.0)) + 0.5)
