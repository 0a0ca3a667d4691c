"""Frames of Interventional Pong against the published renderer's, and its shapes against their areas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trisect.worlds import make, raster

SPLITS = ("train", "val", "test", "val_indep", "test_indep", "val_triplets", "test_triplets")
A, M, X, Y, LEFT, RIGHT, SCORE_LEFT, SCORE_RIGHT = range(8)


def frame(changes):
    """The frame (32, 32, 4) of a ball in the middle that flies upwards, except for these factors, by column."""
    factors = np.array([[0.0, 2.0, 16.0, 16.0, 16.0, 16.0, 0.0, 0.0]])
    factors[0, list(changes)] = list(changes.values())
    return make("pong").render(factors)[0]


@pytest.mark.parametrize("split", SPLITS)
def test_frames_are_the_published_renderer_s(shared, split):
    """Channel by channel within 0.4 % of the error of the mean image; triplets' mixed frames included."""
    with np.load(shared / "data" / "interventional_pong" / f"{split}.npz") as file:
        theirs = file["images"].reshape(-1, 32, 32, 4).astype(np.float64)
        latents = file["latents"].reshape(-1, 8).astype(np.float64)
    ours = make("pong").render(latents).astype(np.float64)
    constant = np.abs(theirs - theirs.mean(axis=0)).mean(axis=(0, 1, 2))
    assert (np.abs(ours - theirs).mean(axis=(0, 1, 2)) < 0.004 * constant).all()
    assert np.abs(ours - theirs).max() <= 3


def test_the_fourth_channel_shows_where_the_ball_flies():
    black = 1 - frame({A: math.pi / 2, X: 10.5})[..., 3] / 255
    black[[0, -1]] = black[:, [0, -1]] = 0
    rows, columns = np.indices((32, 32)) + 0.5
    assert black.sum() == pytest.approx(math.pi * 1.2**2, rel=0.01)
    assert (black * columns).sum() / black.sum() == pytest.approx(12.5, abs=0.01)
    assert (black * (32 - rows)).sum() / black.sum() == pytest.approx(16, abs=0.01)


def test_a_disc_that_leaves_the_frame_is_cut_off():
    black = 1 - frame({A: 1.5 * math.pi, X: 2.0})[..., 3] / 255
    assert black[:, :2].sum() == pytest.approx(math.pi * 1.2**2 / 2, abs=0.3)
    assert not black[5:-5, 2:-1].any()


def test_borders_cover_the_ends_of_paddles():
    for height, border, paddle in ((30.0, slice(0, 2), slice(2, 5)), (2.0, slice(30, 32), slice(27, 30))):
        left, right = frame({LEFT: height}), frame({RIGHT: height})
        assert (left[border, ..., :3] < 30).all() and (right[border, ..., :3] < 30).all()
        assert (left[paddle, 4:6] == [0, 0, 255, 255]).all() and (right[paddle, 26:28] == [0, 128, 0, 255]).all()


def test_the_ball_covers_the_digits_and_paddles():
    assert frame({X: 13.5, Y: 26.5})[5, 13].tolist() == [255, 0, 0, 255]
    assert frame({X: 4.5, Y: 16.5})[15, 4].tolist() == [255, 0, 0, 255]


def test_every_pair_of_scores_has_its_own_board():
    boards = {frame({SCORE_LEFT: i, SCORE_RIGHT: j})[3:8].tobytes() for i in range(5) for j in range(5)}
    assert len(boards) == 25
    changed = np.argwhere((frame({}) != frame({SCORE_LEFT: 3})).any(axis=2))
    assert changed.min(axis=0).tolist() >= [3, 12] and changed[:, 1].max() <= 14


def test_bars_cover_by_area_in_the_channels_named():
    frames = np.zeros((2, 5, 4, 3), np.uint8)
    raster.lay_bars(frames, (1, 3), np.array([0.25, 4.5]), np.array([2.5, 9.0]), (1.0,), slice(2, 3))
    expected = np.zeros((2, 5, 4))
    expected[0, 4, 1:3], expected[0, 3, 1:3], expected[0, 2, 1:3], expected[1, 0, 1:3] = 0.75, 1.0, 0.5, 0.5
    assert not frames[..., :2].any() and np.abs(frames[..., 2] - 255 * expected).max() <= 0.5


def test_a_bar_within_one_pixel_covers_its_length():
    frames = np.zeros((1, 3, 1, 1), np.uint8)
    raster.lay_bars(frames, (0, 1), np.array([1.2]), np.array([1.4]), (1.0,))
    assert frames[0, :, 0, 0].tolist() == [0, 51, 0]


def test_digits_light_their_seven_segments():
    """Number of lit pixels on a 3x5 grid: top, upper left, upper right, middle, ... as on a pocket calculator."""
    assert [int(raster.digit(number).sum()) for number in range(10)] == [12, 5, 11, 11, 9, 11, 12, 7, 13, 12]
    assert raster.digit(4).tolist() == [[1, 0, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1], [0, 0, 1]]
    assert np.array_equal(raster.digit(9), raster.digit(6)[::-1, ::-1])
