"""Which transitions jump, and whether there are enough others."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.trimming import beyond, expendable, jumping


def test_jumps_are_those_that_no_intervention_explains() -> None:
    residual = np.random.default_rng(0).normal(size=(1000, 2))
    residual[:5, 0] = 50
    targets = np.zeros((1000, 2), dtype=bool)
    targets[0, 0] = targets[1, 1] = True
    jumps = jumping(residual, targets, [np.eye(2)[:, :1], np.eye(2)[:, 1:]], 6.0)
    assert np.flatnonzero(jumps).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("level", [0.0, 1e6])
def test_deviations_are_robust_and_about_the_median(level: float) -> None:
    values = np.arange(-50.0, 51.0) + level  # median absolute deviation 25: 2 deviations are 74
    assert not beyond(values, 2.0).any()
    values[[0, 100]] = level - 73, level + 75
    assert np.flatnonzero(beyond(values, 2.0)).tolist() == [100]
    column = np.column_stack([values, values[::-1]])
    assert np.argwhere(beyond(column, 2.0)).tolist() == [[0, 1], [100, 0]]


@pytest.mark.parametrize(("num_jumps", "expected"), [(9, True), (10, True), (11, False)])
def test_jumps_that_would_cost_half_of_the_interventions_are_not_expendable(num_jumps: int, expected: bool) -> None:
    targets = np.zeros((100, 2), dtype=bool)
    targets[:20, 0], targets[50:90, 1] = True, True
    jumps = np.arange(100) < num_jumps
    assert expendable(targets, jumps) == expected
    assert expendable(~targets, jumps) == expected  # transitions without an intervention count as well
