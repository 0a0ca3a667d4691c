from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.slots import Slots


def test_columns_and_empty_slots():
    table = np.array([[1, 0, 0], [0, 0, 1], [1, 0, 0]])
    slots = Slots(table, ("x", "y", "noise"))
    assert slots.columns("x").tolist() == [0, 2] and slots.columns("noise").tolist() == [1]
    assert slots.variables == ("x", "y") and slots.num_latents == 3
    assert slots.empty() == ("y",)


def test_an_empty_noise_slot_is_no_fault():
    assert Slots(np.array([[True, False]]), ("x", "noise")).empty() == ()


def test_permuting_keeps_the_sizes(rng):
    slots = Slots(np.eye(4, dtype=bool)[[0, 0, 1, 3, 3, 3]], ("x", "y", "z", "noise"))
    permuted = [slots.permuted(rng) for _ in range(20)]
    assert all((other.assignment.sum(axis=0) == [2, 1, 0, 3]).all() for other in permuted)
    assert len({other.assignment.tobytes() for other in permuted}) > 5


def test_showing_all():
    slots = Slots(np.eye(3, dtype=bool), ("x", "y", "noise")).showing_all()
    assert slots.columns("y").tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("table", "names", "message"),
    [
        (np.eye(2), ("x", "y", "noise"), "shape of the assignment"),
        (np.full((2, 2), 0.5), ("x", "noise"), "must be 0 or 1; got 0.5 at row 0"),
        (np.eye(2), ("x", "x"), "all different"),
    ],
)
def test_errors(table, names, message):
    with pytest.raises(ValueError, match=message):
        Slots(table, names)
