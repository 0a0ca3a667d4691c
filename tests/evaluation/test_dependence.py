from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.dependence import dependence
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.variables import Angle, Continuous, VariableSpace


def test_related_variables_predict_each_other_and_others_do_not(rng):
    x, w = rng.normal(size=(2, 2000))
    y = x + rng.normal(size=2000)  # half of y's variance is x's, and the other way round
    angle = rng.uniform(0, 2 * np.pi, 2000)
    space = VariableSpace([Continuous("x"), Continuous("y"), Continuous("w"), Angle("a")])
    truth = Truth(np.stack([x, y, w, angle], axis=1), space)
    slots = Slots(np.eye(4, dtype=bool), ("x", "y", "a", "noise"))
    matrix = dependence(truth, slots, rng)
    assert matrix.rows == slots.names and matrix.columns == space.names
    assert matrix["x", "y"] == pytest.approx(0.5, abs=0.06) and matrix["y", "x"] == pytest.approx(0.5, abs=0.06)
    for name in space.names:
        assert matrix[name if name != "w" else "noise", name] > 0.98
    for row, column in (("x", "w"), ("a", "x"), ("noise", "a"), ("x", "a")):
        assert abs(matrix[row, column]) < 0.1


def test_without_factors_there_is_none(rng):
    assert dependence(None, Slots(np.eye(2, dtype=bool), ("x", "noise")), rng) is None
