"""Small frames by area averaging, values mirrored at the ends of their range, and the colours of a light."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize(("length", "side"), [(164, 64), (144, 64), (160, 32), (7, 7), (5, 8)])
def test_averaging_keeps_the_mean_and_the_place(benchmark_module, length, side):
    matrix = benchmark_module("games").averaging(length, side)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(matrix.sum(axis=0), side / length, atol=1e-5)
    middles = (np.arange(side) + 0.5) * length / side
    centres = matrix @ (np.arange(length) + 0.5)
    assert np.abs(centres - middles).max() <= 0.5


def test_averaging_halves_exactly(benchmark_module):
    np.testing.assert_array_equal(benchmark_module("games").averaging(4, 2), [[0.5, 0.5, 0, 0], [0, 0, 0.5, 0.5]])


def test_reflected_values_stay_inside_and_do_not_jump(benchmark_module):
    reflected = benchmark_module("scenes").reflected
    walk = np.linspace(-10, 10, 4001)
    values = np.array([reflected(value, -1.5, 0.5) for value in walk])
    assert values.min() == pytest.approx(-1.5, abs=0.01) and values.max() == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(values)).max() < 0.0051
    inside = (walk > -1.5) & (walk < 0.5)
    np.testing.assert_allclose(values[inside], walk[inside], atol=1e-12)


def test_the_light_goes_round_in_a_circle_of_colours(benchmark_module):
    tint = benchmark_module("scenes").tint
    assert tint(0.0, 0.5) == pytest.approx((1, 0.5, 0.5))
    assert tint(2 * np.pi / 3, 0.5) == pytest.approx((0.5, 1, 0.5))
    assert tint(-0.7, 0.4) == pytest.approx(tint(2 * np.pi - 0.7, 0.4))
