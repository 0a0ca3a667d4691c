from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from trisect.evaluation.analysis.changes import Changes
from trisect.evaluation.analysis.figures import changes_figure, frame_png, traversals_figure
from trisect.evaluation.analysis.traversal import Traversal, Traversals
from trisect.evaluation.report import figures


def pixels(png: bytes) -> np.ndarray:
    return imread(io.BytesIO(png), format="png")[..., :3]


def share_of(png: bytes, colour: str) -> float:
    target = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return float((np.abs(pixels(png) - target).max(axis=-1) < 0.02).mean())


def traversal(slot: str, place: int, frames: np.ndarray, own: float = 0.0) -> Traversal:
    return Traversal(slot, place, np.linspace(-1, 1, len(frames)), own, frames)


STILL = np.zeros((4, 8, 8, 3), np.uint8)
MOVING = STILL.copy()
MOVING[1:, :4] = 255


def test_the_last_column_shows_where_the_frames_change() -> None:
    moving, still = (traversals_figure(Traversals((traversal("a", 0, f),), ())) for f in (MOVING, STILL))
    cell = 0.94**2 / 5 * 0.72 * 5 / (0.72 * 5 + 0.2 + 0.075 + 0.03) * 0.72 / (0.72 + 0.28)
    assert share_of(moving, figures.ACCENT) - share_of(still, figures.ACCENT) == pytest.approx(cell / 2, rel=0.1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_frames_of_any_channels_and_empty_slots(channels: int) -> None:
    frames = np.zeros((3, 6, 9, channels), np.uint8)
    rows = (traversal("ball", 0, frames), traversal("ball", 1, frames))
    without, with_empty = traversals_figure(Traversals(rows, ())), traversals_figure(Traversals(rows, ("paddle",)))
    more = figures.png_size(with_empty)[1] - figures.png_size(without)[1]
    assert more == pytest.approx(0.72 * 6 / 9 * 96, abs=2)


def test_traversals_of_empty_slots_only_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="the traversals to draw must be of at least one latent; got none"):
        traversals_figure(Traversals((), ("a", "b")))


def changes(matrix: list[list[float]]) -> Changes:
    values = np.array(matrix)
    which = np.flatnonzero(~np.isnan(values).all(axis=1))
    rows = tuple((name,) for name in ("a", "b", "c")[: len(values)])
    right, steps = np.eye(3, dtype=bool)[: len(values)], np.zeros((len(which), 3))
    return Changes(rows, ("a", "b", "noise"), right, which, steps, values)


def test_the_bars_are_the_shares() -> None:
    accents = [
        share_of(changes_figure(changes([[right, 1 - right, 0.0]])), figures.ACCENT) for right in (1.0, 0.5, 0.0)
    ]
    assert accents[2] == 0
    assert accents[1] == pytest.approx(accents[0] / 2, rel=0.12)  # but for the name in the bar
    hatched = changes_figure(changes([[np.nan] * 3, [np.nan, 0, 0]]))
    assert share_of(hatched, figures.UNDEFINED) > 0.05 and share_of(hatched, figures.ACCENT) == 0


def test_same_input_same_bytes() -> None:
    result = Traversals((traversal("a", 0, MOVING),), ("b",))
    assert traversals_figure(result) == traversals_figure(replace(result))
    shares = changes([[0.5, 0.25, 0.25], [0.1, 0.9, 0.0]])
    assert changes_figure(shares) == changes_figure(replace(shares))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_frame_is_enlarged_pixel_by_pixel(channels: int) -> None:
    frame = np.random.default_rng(0).integers(0, 256, size=(4, 6, channels)).astype(np.uint8)
    result: Any = pixels(frame_png(frame, least=10))
    assert result.shape == (8, 12, 3)
    assert np.allclose(result[::2, ::2] * 255, frame[..., :3] if channels > 1 else frame.repeat(3, axis=2), atol=1)
