"""Drawing by area: how much of every pixel a shape covers, for a batch of frames at once.

Positions are in pixels, x to the right and y **upwards** from the lower left corner of the field: the pixel in
row r and column c of a frame of height H covers x in [c, c+1] and y in [H-1-r, H-r]. A *layer* is a shape with one
colour; frames are composed by laying one over the other, frame <- frame + coverage * (colour - frame).
"""

from __future__ import annotations

import math

import numpy as np

Colour = tuple[float, ...]
ALL = slice(None)
DIGITS = (
    "### #.# #.# #.# ###",
    ".#. .#. .#. .#. .#.",
    "### ..# ### #.. ###",
    "### ..# ### ..# ###",
    "#.# #.# ### ..# ..#",
    "### #.. ### ..# ###",
    "### #.. ### #.# ###",
    "### ..# ..# ..# ..#",
    "### #.# ### #.# ###",
    "### #.# ### ..# ###",
)
"""The rows of the digits 0 to 9, from the top; 3 pixels wide."""


def rectangle_coverage(height: int, width: int, x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
    """Fraction of every pixel covered by the rectangle [x0, x1] x [y0, y1], (height, width) float64."""
    across = _interval_overlap(width, *x)
    upwards = _interval_overlap(height, *y)
    return upwards[::-1, None] * across[None, :]


def _interval_overlap(num: int, low: float, high: float) -> np.ndarray:
    cells = np.arange(num)
    return np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0.0, 1.0)


def fill(frame: np.ndarray, coverage: np.ndarray, colour: Colour) -> np.ndarray:
    """Lay one colour (channels in [0, 1]) over one float frame: (H, W, C) in [0, 1] with coverage (H, W)."""
    return frame + coverage[..., None] * (np.asarray(colour) - frame)


def digit(number: int) -> np.ndarray:
    """Coverage (5, 3) of a digit from 0 to 9, float64 0 or 1, row 0 on top."""
    return np.array([[pixel == "#" for pixel in row] for row in DIGITS[number].split()], dtype=np.float64)


def to_uint8(frame: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as the nearest of 256 levels; halves, also those just below by rounding, go upwards."""
    return np.floor(frame * 255.0 + (0.5 + 1e-9)).astype(np.uint8)


def darken_ring(frame: np.ndarray, keep: float) -> np.ndarray:
    """Scale the outermost rows, then the outermost columns, of a uint8 frame (H, W, C) by ``keep``, rounded down."""
    ringed = frame.copy()
    ringed[[0, -1]] = np.floor(ringed[[0, -1]] * keep)
    ringed[:, [0, -1]] = np.floor(ringed[:, [0, -1]] * keep)
    return ringed


def lay_discs(
    frames: np.ndarray, x: np.ndarray, y: np.ndarray, radius: float, colour: Colour, channels: slice = ALL
) -> None:
    """Lay one disc over every frame, in place; parts outside a frame are cut off.

    Args:
        frames: (num, H, W, C) uint8, contiguous.
        x, y: (num,) centres in pixels, y upwards.
        radius: radius in pixels, above 0.
        colour: one number in [0, 1] per drawn channel.
        channels: the channels to draw in; all by default.
    """
    num, height, width, depth = frames.shape
    coverage, left, bottom = disc_coverage(x, y, radius)
    steps = np.arange(coverage.shape[1])
    rows = height - 1 - (bottom[:, None] + steps)
    columns = left[:, None] + steps
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    pixels = (np.arange(num)[:, None, None] * height + rows[:, :, None]) * width + columns[:, None, :]
    drawn = inside & (coverage > 0)
    lay_pixels(frames.reshape(-1, depth)[:, channels], pixels[drawn], coverage[drawn], colour)


def lay_bars(
    frames: np.ndarray,
    columns: tuple[int, int],
    low: np.ndarray,
    high: np.ndarray,
    colour: Colour,
    channels: slice = ALL,
) -> None:
    """Lay one upright bar over every frame, in place; parts outside a frame are cut off.

    Args:
        frames: (num, H, W, C) uint8, contiguous.
        columns: first column of the bars, and the one after the last.
        low, high: (num,) lower and upper ends in pixels, y upwards.
        colour: one number in [0, 1] per drawn channel.
        channels: the channels to draw in; all by default.
    """
    _, height, width, depth = frames.shape
    cells = height - 1 - np.arange(height)
    coverage = np.minimum(high[:, None], cells + 1) - np.maximum(low[:, None], cells)
    frame, row = np.nonzero(coverage > 0)
    pixels = (frame * height + row) * width
    for column in range(*columns):
        lay_pixels(frames.reshape(-1, depth)[:, channels], pixels + column, coverage[frame, row], colour)


def lay_pixels(pixels: np.ndarray, index: np.ndarray, coverage: np.ndarray, colour: Colour) -> None:
    """Lay one colour over some pixels (all, C) uint8, in place: each index at most once, coverage in [0, 1]."""
    under = pixels[index].astype(np.float32)
    over = under + coverage[:, None].astype(np.float32) * (np.asarray(colour, np.float32) * np.float32(255.0) - under)
    pixels[index] = np.floor(over + np.float32(0.5)).astype(np.uint8)


def disc_coverage(x: np.ndarray, y: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact area of a disc in each pixel of a square patch that contains it.

    The area of the unit disc to the lower left of a point (u, v) inside it is u v + h(u) + h(v) + pi/4 with
    h(t) = (t sqrt(1 - t^2) + asin t) / 2; a pixel's share is a double difference over its corners.

    Args:
        x: (num,) centres, in pixels.
        y: (num,) centres, in pixels, upwards.
        radius: radius in pixels, above 0.

    Returns:
        coverage (num, side, side) in [0, 1], its rows running **upwards**; and the integer coordinates (num,) of
        the patch's lower left pixel, across and upwards.
    """
    side = math.ceil(2 * radius) + 1
    left = np.floor(x - radius).astype(np.int64)
    bottom = np.floor(y - radius).astype(np.int64)
    corners = np.arange(side + 1)
    u = np.clip((left[:, None] + corners - x[:, None]) / radius, -1.0, 1.0)
    v = np.clip((bottom[:, None] + corners - y[:, None]) / radius, -1.0, 1.0)
    area = np.diff(np.diff(_lower_left_area(u, v), axis=1), axis=2)
    return np.clip(area * radius**2, 0.0, 1.0), left, bottom


def _lower_left_area(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Area of the unit disc left of u and below v: (num, n), (num, n) -> (num, n, n), v first."""
    u, v = u[:, None, :], v[:, :, None]
    half_u, half_v = _half_segment(u), _half_segment(v)
    inside = u * v + half_u + half_v + math.pi / 4
    right, above = u > 0, v > 0
    outside = 2 * (half_u * above + half_v * right) + math.pi / 2 * (right ^ above)
    return np.where(u * u + v * v < 1.0, inside, outside)


def _half_segment(t: np.ndarray) -> np.ndarray:
    return 0.5 * (t * np.sqrt(1.0 - t * t) + np.arcsin(t))
