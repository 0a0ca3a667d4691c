from __future__ import annotations

import numpy as np
import pytest

from trisect.data.resizing import resized


def by_hand(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    """Means of areas by brute force: every pixel is repeated until both sizes divide the picture."""
    rows, columns, channels = frame.shape
    fine = frame.repeat(height, axis=0).repeat(width, axis=1).astype(np.int64)
    sums = fine.reshape(height, rows, width, columns, channels).sum(axis=(1, 3))
    return np.floor(sums / (rows * columns) + 0.5).astype(np.uint8)


@pytest.mark.parametrize("size", [(4, 6), (3, 5), (1, 1), (8, 7), (16, 24), (7, 30)])
def test_pixels_are_means_of_the_areas_that_they_cover(size: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    assert np.array_equal(resized(frame, *size), by_hand(frame, *size))


def test_halves_go_up_and_the_brightest_stays() -> None:
    assert resized(np.array([[[0], [1]]], np.uint8), 1, 1).item() == 1
    assert (resized(np.full((400, 600, 4), 255, np.uint8), 64, 64) == 255).all()


def test_the_same_size_changes_nothing() -> None:
    frame = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(resized(frame, 2, 4), frame)
