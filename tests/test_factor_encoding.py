from __future__ import annotations

import numpy as np
import pytest

from trisect.factor_encoding import from_coordinates, num_coordinates, to_coordinates
from trisect.variables import Angle, Categorical, Continuous, Factor


@pytest.mark.parametrize(
    ("factor", "values", "coordinates"),
    [
        (Continuous("x"), [-2.0, 0.5], [[-2.0], [0.5]]),
        (Angle("a"), [0.0, np.pi / 2, np.pi, 3 * np.pi / 2], [[0, 1], [1, 0], [0, -1], [-1, 0]]),
        (Categorical("c", 3), [2.0, 0.0], [[0, 0, 1], [1, 0, 0]]),
    ],
)
def test_values_become_coordinates_and_come_back(factor: Factor, values: list, coordinates: list) -> None:
    encoded = to_coordinates(factor, np.array(values))
    assert np.allclose(encoded, coordinates, atol=1e-12) and encoded.shape[1] == num_coordinates(factor)
    assert np.allclose(from_coordinates(factor, encoded), values)
