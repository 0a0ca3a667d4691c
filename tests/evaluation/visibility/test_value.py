from __future__ import annotations

import math

import numpy as np
import pytest
from tests.evaluation.visibility.known import NAMES, SLOTS, jumps, transitions, walks, with_nuisance

from trisect.evaluation.slots import Slots
from trisect.evaluation.visibility.value import Value, value_of


def measured(latents_of, slots: Slots = SLOTS, seed: int = 0, memory: float = 0.97) -> Value:
    parts = (walks(3000, 2 * seed, memory=memory), walks(2000, 2 * seed + 1, memory=memory))
    train, test = (transitions(with_nuisance(latents_of(values), seed), targets) for values, targets in parts)
    return value_of(train, test, slots, "a", np.random.default_rng(seed))


def test_a_value_is_predictable_and_lasts():
    value = measured(lambda values: values)
    assert value.predicted > 0.95 and value.lasting > 0.95 and value.count > 100
    assert not value.fades and not value.is_new


@pytest.mark.parametrize("seed", range(4))
def test_a_jump_is_neither(seed):
    value = measured(jumps, seed=seed)
    assert value.predicted < 0.05 and value.lasting < 0.15 and value.fades and value.is_new


def test_nor_is_a_value_that_is_drawn_anew():
    value = measured(lambda values: values, memory=0.0)
    assert value.predicted < 0.05 and value.lasting < 0.05 and value.fades and value.is_new


def test_a_slow_nuisance_in_the_slot_does_not_hide_the_jump():
    def with_slow(values: np.ndarray) -> np.ndarray:
        slow = np.cumsum(np.random.default_rng(0).normal(size=len(values))) / 30
        return np.column_stack([jumps(values)[:, 0], slow, values[:, 2]])

    slots = Slots(np.eye(4, dtype=bool)[[0, 0, 2, 3]], (*NAMES, "noise"))
    assert measured(with_slow, slots).is_new and measured(with_slow, slots).fades


def test_undefined_without_latents_and_with_few_interventions():
    slots = Slots(np.eye(4, dtype=bool)[[1, 1, 2, 3]], (*NAMES, "noise"))
    empty = measured(lambda values: values, slots)
    assert math.isnan(empty.predicted) and math.isnan(empty.lasting) and not empty.fades and not empty.is_new
    assert empty.to_json()["lasting"] is None and empty.to_json()["count"] == 0
