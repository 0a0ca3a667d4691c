from __future__ import annotations

import base64
import io
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from trisect.evaluation.report import figures
from trisect.evaluation.score_matrix import Read


def pixels(png: bytes) -> np.ndarray:
    return imread(io.BytesIO(png), format="png")[..., :3]


def share_of(png: bytes, colour: str) -> float:
    target = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return float((np.abs(pixels(png) - target).max(axis=-1) < 0.02).mean())


def test_matrix_colours_follow_the_values():
    high, low, none = (
        figures.matrix_figure(np.full((2, 2), value), ("a", "noise"), ("a", "b")) for value in (1.0, 0.0, np.nan)
    )
    assert share_of(high, figures.ACCENT) > 0.4
    assert share_of(low, figures.ACCENT) == share_of(none, figures.ACCENT) == 0
    assert share_of(none, figures.UNDEFINED) > 0.3 and share_of(low, figures.UNDEFINED) < 0.01


def test_limits_and_values_beyond_them():
    middle = figures.matrix_figure(np.full((1, 1), 0.5), ("a",), ("a",), (0.5, 1.0))
    below = figures.matrix_figure(np.full((1, 1), -7.0), ("a",), ("a",), (0.5, 1.0))
    assert share_of(middle, figures.ACCENT) == share_of(below, figures.ACCENT) == 0
    assert share_of(figures.matrix_figure(np.full((2, 2), 99.0), ("a", "b"), ("a", "b")), figures.ACCENT) > 0.3


def test_same_input_same_bytes():
    matrix = np.random.default_rng(0).random((3, 2))
    first, second = (figures.matrix_figure(matrix, ("a", "b", "noise"), ("a", "a_long_name")) for _ in range(2))
    assert first == second


def test_matrix_shape_is_checked():
    with pytest.raises(ValueError, match="shape of a matrix to draw"):
        figures.matrix_figure(np.zeros((2, 2)), ("a",), ("a", "b"))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_reconstructions_show_frames_of_any_channels(channels):
    bright, dark = np.full((3, 8, 8, channels), 255, np.uint8), np.zeros((3, 8, 8, channels), np.uint8)
    png = pixels(figures.reconstruction_figure(bright, dark))
    half = len(png) // 2
    assert (png[:half] < 0.1).all(axis=-1).mean() < 0.02
    assert (png[half:] < 0.1).all(axis=-1).mean() > 0.5


def test_reconstructions_must_have_the_shape_of_the_originals():
    with pytest.raises(ValueError, match="shape of the reconstructions"):
        figures.reconstruction_figure(np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 4, 3), np.uint8))


def test_rows_of_frames_have_one_shape_and_one_column_may_be_framed():
    grey = np.full((4, 8, 8, 3), 200, np.uint8)
    plain, framed = (figures.frames_figure({"a": grey, "b": grey}, framed=column) for column in (None, 2))
    assert share_of(plain, figures.ACCENT) == 0 < share_of(framed, figures.ACCENT)
    marked = np.flatnonzero((np.abs(pixels(plain) - pixels(framed)).max(axis=-1) > 0.1).any(axis=0))
    left, width = 0.9 / 4.7, pixels(plain).shape[1]
    assert left + 0.5 * (1 - left) < marked.min() / width + 0.01 and marked.max() / width - 0.01 < left + 0.75 * (
        1 - left
    )
    with pytest.raises(ValueError, match="the frames of row 'b'"):
        figures.frames_figure({"a": grey, "b": grey[:3]})
    with pytest.raises(ValueError, match="the rows of frames to draw must be at least one"):
        figures.frames_figure({})


def test_a_long_label_is_not_cut_off():
    frames = np.full((1, 8, 8, 1), 255, np.uint8)
    png = pixels(figures.frames_figure({"a label of thirty-two characters": frames}))
    assert (png[:, :6] > 0.9).all()


def test_curves_are_drawn_in_the_accent():
    history = {f"loss {k}": (np.arange(50), np.linspace(k, 0, 50)) for k in range(1, 6)}
    png = figures.curves_figure(history)
    assert share_of(png, figures.ACCENT) > 1e-4
    assert figures.png_size(png) == (round(4 * 2.35 * 96), round(2 * 1.8 * 96))
    with pytest.raises(ValueError, match="training curves to draw"):
        figures.curves_figure({})


def test_data_url_round_trip():
    png = figures.matrix_figure(np.zeros((1, 1)), ("a",), ("a",))
    head, payload = figures.data_url(png).split(",")
    assert head == "data:image/png;base64" and base64.b64decode(payload) == png


def test_no_global_state_of_matplotlib():
    figures.matrix_figure(np.zeros((1, 1)), ("a",), ("a",))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_true_values_are_drawn_against_the_values_read():
    truth = np.linspace(-1, 1, 200)
    exact, wrong = (
        figures.scatter_figure([Read("x", truth, read), Read("$y$", truth, read)]) for read in (truth, -truth)
    )
    shown, other = ((pixels(png) < 0.9).any(axis=-1) for png in (exact, wrong))
    assert (shown & ~other).mean() > 0.002 < (other & ~shown).mean(), "the dots lie elsewhere"
    with pytest.raises(ValueError, match="the factors to draw must be at least one"):
        figures.scatter_figure([])


@pytest.mark.parametrize("name", [r"$\frac{a$", "x" * 100, "日本", "<b>"])
def test_any_name_can_be_drawn_in_every_figure(name):
    frames = np.zeros((2, 8, 8, 3), np.uint8)
    figures.matrix_figure(np.zeros((2, 1)), (name, "noise"), (name,))
    figures.frames_figure({name: frames})
    figures.curves_figure({name: (np.arange(3), np.arange(3))})
    figures.scatter_figure([Read(name, np.arange(3.0), np.arange(3.0))])
