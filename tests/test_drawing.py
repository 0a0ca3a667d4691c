from __future__ import annotations

import time

import numpy as np
import pytest

from trisect.drawing import as_png, blank_figure, shortened, visible


def drawn(words: str) -> bytes:
    figure = blank_figure(3, 1)
    axes = figure.add_axes((0.3, 0.3, 0.5, 0.5))
    axes.set_xticks([0, 1], [words, "b"])
    axes.set_title(words)
    figure.text(0.5, 0.5, words)
    return as_png(figure)


@pytest.mark.parametrize("name", [r"$\frac{a$", "$", r"\alpha_{", "日本", "a$b$c", "%s{}"])
def test_any_name_can_be_drawn(name: str) -> None:
    assert drawn(name) != drawn("plain")


def test_dollars_are_drawn_as_they_are() -> None:
    assert drawn("$x$") != drawn("x")


def test_a_long_name_is_drawn_short_and_quickly() -> None:
    began = time.process_time()
    png = drawn(shortened("x" * 100))
    assert time.process_time() - began < 2 and png == drawn(shortened("x" * 80))


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    assert shortened("position_of_the_left_paddle_of_the_left_player_1") == "position_of_…ft_player_1"
    assert len(shortened("y" * 1000)) == 24
    assert shortened("ball_x") == "ball_x" and shortened("a\nb\x07") == "a b\\x07"


@pytest.mark.parametrize(
    ("channels", "frames", "shown"),
    [
        (1, None, [0]),
        (3, None, [0, 1, 2]),
        (4, None, [0, 1, 2]),
        (4, 4, [3]),
        (4, 2, [2]),
        (6, 2, [3, 4, 5]),
        (8, 2, [4, 5, 6]),
        (6, None, [3, 4, 5]),
        (5, None, [4]),
    ],
)
def test_the_newest_frame_of_several_is_shown(channels: int, frames: int | None, shown: list[int]) -> None:
    frame = np.arange(channels, dtype=np.uint8) * np.ones((2, 2, 1), np.uint8)
    picture = visible(frame, frames)
    assert picture.reshape(2, 2, -1)[0, 0].tolist() == shown
    assert picture.ndim == (3 if len(shown) == 3 else 2)
