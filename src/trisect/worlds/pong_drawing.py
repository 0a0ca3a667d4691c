"""The field of Interventional Pong, and how a batch of its frames is drawn.

Positions are in pixels, x to the right and y upwards from the lower left corner. The background depends only on the
score and is drawn once for every pair of scores; a frame is a copy of it with two paddles and two discs on top.
"""

from __future__ import annotations

import numpy as np

from trisect.worlds import raster

SIZE, CHANNELS = 32, 4
BORDER = 2
CENTRE = SIZE / 2
MAX_SCORE = 5
RADIUS = 1.2
PADDLES_X = (5, 27)
HALF_WIDTH, HALF_HEIGHT = 1, 3
GROUND, BORDERS, DIGITS = (0.9, 0.9, 0.9), (0.1, 0.1, 0.1), (0.5, 0.5, 0.5)
BALL, PADDLES, AHEAD = (1.0, 0.0, 0.0), ((0.0, 0.0, 1.0), (0.0, 0.5, 0.0)), (0.0,)
DIGITS_X, DIGITS_Y = (12, 18), 24
COLON = ((16, 25), (16, 27))
RING = 255 / 256
PICTURE, COURSE = slice(0, 3), slice(3, 4)


def draw_backgrounds() -> np.ndarray:
    """Backgrounds of all pairs of scores, (5, 5, 32, 32, 4) uint8, by the score of the left and of the right player.

    The fourth channel is white, because it only shows a moving disc.
    """
    backgrounds = np.empty((MAX_SCORE, MAX_SCORE, SIZE, SIZE, CHANNELS), np.uint8)
    inside = raster.rectangle_coverage(SIZE, SIZE, (BORDER, SIZE - BORDER), (BORDER, SIZE - BORDER))
    for left, right in np.ndindex(MAX_SCORE, MAX_SCORE):
        picture = raster.fill(np.zeros((SIZE, SIZE, 3)), np.ones((SIZE, SIZE)), GROUND)
        picture = raster.fill(picture, _board(left, right), DIGITS)
        picture = raster.fill(picture, 1.0 - inside, BORDERS)
        whole = np.concatenate([picture, np.ones((SIZE, SIZE, 1))], axis=2)
        backgrounds[left, right] = raster.darken_ring(raster.to_uint8(whole), RING)
    return backgrounds


def _board(left: int, right: int) -> np.ndarray:
    """Coverage (32, 32) of the board that shows ``left:right``."""
    coverage = np.zeros((SIZE, SIZE))
    for x, score in zip(DIGITS_X, (left, right)):
        glyph = raster.digit(score)
        height, width = glyph.shape
        coverage[SIZE - DIGITS_Y - height : SIZE - DIGITS_Y, x : x + width] = glyph
    for x, y in COLON:
        coverage[SIZE - 1 - y, x] = 1.0
    return coverage


def draw_games(frames: np.ndarray, paddles: np.ndarray, ball: np.ndarray, ahead: np.ndarray) -> None:
    """Draw the moving objects over the background of every frame, in place.

    The borders cover a paddle's ends; the ball covers all. In the fourth channel a black disc shows where the ball
    would be one step later without noise, walls and paddles.

    Args:
        frames: (num, 32, 32, 4) uint8, contiguous; the backgrounds.
        paddles: (num, 2) heights of the middles of the left and the right paddle.
        ball: (num, 2) centres x, y.
        ahead: (num, 2) centres x, y of the disc in the fourth channel.
    """
    for x, height, colour in zip(PADDLES_X, paddles.T, PADDLES):
        low = np.maximum(height - HALF_HEIGHT, BORDER)
        high = np.minimum(height + HALF_HEIGHT, SIZE - BORDER)
        raster.lay_bars(frames, (x - HALF_WIDTH, x + HALF_WIDTH), low, high, colour, PICTURE)
    raster.lay_discs(frames, ball[:, 0], ball[:, 1], RADIUS, BALL, PICTURE)
    raster.lay_discs(frames, ahead[:, 0], ahead[:, 1], RADIUS, AHEAD, COURSE)
