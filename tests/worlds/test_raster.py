"""Coverage against areas known in closed form, and against fine sampling."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.worlds import raster


def sampled_disc(x, y, radius, size=8, fine=200):
    """Brute force: the share of a fine grid of points of each pixel that lie in the disc, rows upwards."""
    points = (np.arange(size * fine) + 0.5) / fine
    inside = (points[None, :] - x) ** 2 + (points[:, None] - y) ** 2 < radius**2
    return inside.reshape(size, fine, size, fine).mean(axis=(1, 3))


@pytest.mark.parametrize(("x", "y", "radius"), [(4.0, 4.0, 1.5), (3.3, 4.71, 1.2), (4.5, 3.5, 0.3), (3.9, 4.2, 2.6)])
def test_disc_coverage_equals_the_area_by_sampling(x, y, radius):
    coverage, left, bottom = raster.disc_coverage(np.array([x]), np.array([y]), radius)
    whole = np.zeros((8, 8))
    side = coverage.shape[1]
    whole[bottom[0] : bottom[0] + side, left[0] : left[0] + side] = coverage[0]
    assert np.abs(whole - sampled_disc(x, y, radius)).max() < 2e-3
    assert whole.sum() == pytest.approx(np.pi * radius**2, abs=1e-9)


def test_rectangle_coverage_has_row_0_on_top():
    coverage = raster.rectangle_coverage(4, 5, (1.0, 2.5), (0.0, 1.25))
    assert coverage[3].tolist() == [0, 1, 0.5, 0, 0]
    assert coverage[2].tolist() == [0, 0.25, 0.125, 0, 0]
    assert not coverage[:2].any()


def test_discs_are_cut_off_at_the_edge():
    frames = np.zeros((2, 6, 6, 1), np.uint8)
    raster.lay_discs(frames, np.array([0.0, 3.0]), np.array([0.0, 20.0]), 2.0, (1.0,))
    assert frames[0].sum() / 255 == pytest.approx(np.pi, abs=0.02)
    assert not frames[1].any() and frames[0, 5, 0, 0] == 255


def test_the_ring_is_darkened_once_on_edges_and_twice_in_corners():
    ringed = raster.darken_ring(np.full((4, 4, 1), 255, np.uint8), 255 / 256)[..., 0]
    assert ringed[0].tolist() == [253, 254, 254, 253] and ringed[1].tolist() == [254, 255, 255, 254]
