"""The registry, the base class and its target policies."""

from __future__ import annotations

import numpy as np
import pytest

from trisect import worlds
from trisect.interventions import SingleTargets


def test_an_unknown_world_gets_a_suggestion():
    with pytest.raises(ValueError, match="did you mean 'ball_in_boxes'"):
        worlds.make("ball_in_box")


def test_targets_lie_in_the_columns_of_interventable_variables():
    world = worlds.make("ball_in_boxes")
    targets = world.targets(20_000, np.random.default_rng(0))
    assert targets.shape == (20_000, 3) and not targets[:, 1].any()
    assert (targets.sum(axis=1) <= 1).all()
    assert np.allclose(targets.mean(axis=0), [0.18, 0.0, 0.18], atol=0.01)


def test_a_policy_of_another_size_is_refused():
    with pytest.raises(ValueError, match="number of variables of the target policy"):
        worlds.make("ball_in_boxes").targets(5, np.random.default_rng(0), SingleTargets(3, 0.5))
