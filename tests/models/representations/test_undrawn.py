"""The share of what stands out that is not drawn, on pictures whose parts are left out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.frames import as_input
from trisect.models.representations.undrawn import share_undrawn

SIZE, GREY = 60, 60


def frames(rng: np.random.Generator, number: int, *, small: bool = True, large: bool = True) -> np.ndarray:
    """A large block and a small dot that move over a grey ground, in separate halves of the picture."""
    made = np.full((number, SIZE, SIZE, 3), GREY, np.uint8)
    for frame, x, y in zip(made, rng.integers(0, SIZE - 6, number), rng.integers(0, SIZE - 2, number)):
        if large:
            frame[2:10, x : x + 6] = 200
        if small:
            frame[14:16, y : y + 2] = 200
    return made


class Remembers:
    """Draws other frames than those that it encodes: the ones that it was given, in their order."""

    def __init__(self, drawn: np.ndarray):
        self.drawn, self.at = as_input(drawn), 0

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(frames), 1)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        self.at += len(z)
        return self.drawn[self.at - len(z) : self.at]


def share(**left_out: bool) -> float:
    whole = frames(np.random.default_rng(0), 1000)
    drawn = frames(np.random.default_rng(0), 1000, **left_out)
    return share_undrawn(Remembers(drawn), whole[:500], whole)


def test_the_share_is_0_if_all_is_drawn_and_1_if_only_the_ground_is() -> None:
    assert share() == 0
    assert share(small=False, large=False) == pytest.approx(1, abs=0.01)


def test_a_small_thing_counts_more_than_its_few_pixels_and_less_than_its_way() -> None:
    """The dot has 4 of 52 pixels that stand out, and covers 2 of 10 rows in time.

    A pixel's weight is 1 / (how often it is covered + how often the average pixel is), so that the dot's share of the
    whole lies between both.
    """
    dot = share(small=False)
    assert 1.3 * 4 / 52 < dot < 2 / 10
    assert dot + share(large=False) == pytest.approx(1, abs=0.01)


def test_nothing_stands_out_in_a_still_picture() -> None:
    still = np.full((40, SIZE, SIZE, 3), GREY, np.uint8)
    assert share_undrawn(Remembers(still), still, still) == 0
