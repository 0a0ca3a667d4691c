"""Triplets: the third frame is mixed as the mask says."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.convert import kinds
from trisect.data.triplets import Triplets, make_triplets, mixed_factors
from trisect.interventions import Intervention
from trisect.variables import anonymous
from trisect.worlds import make


def test_the_third_frame_is_made_of_the_two_others():
    world = make("ball_in_boxes")
    triplets = make_triplets(world, 500, np.random.default_rng(0))
    first, second, third = np.moveaxis(triplets.factors, 1, 0)
    assert np.array_equal(third, np.where(triplets.from_second, second, first))
    assert np.array_equal(triplets.observations[:, 2], world.render(third.astype(np.float64)))
    assert triplets.from_second.any(axis=1).all() and not triplets.from_second.all(axis=1).any()
    assert np.allclose(triplets.from_second.mean(axis=0), 0.5, atol=0.08)


def test_the_factors_of_a_variable_stay_together(patches):
    names = ["ball_x", "ball_x_vel", "ball_y", "ball_y_vel", *[f"cyl_{i}_active" for i in range(5)]]
    names += ["paddle_left_y_pos", "paddle_right_y_pos", "score"]
    space = kinds.variable_space(kinds.PINBALL, names, ["ball", "cyl", "paddle_left", "paddle_right", "score"])
    patches.variables, patches.interventions = space, dict.fromkeys(space.names, Intervention.PERFECT)
    patches.independent = lambda num, rng: rng.random((num, 12))
    factors, from_second = mixed_factors(patches, 200, np.random.default_rng(0))
    moved = (factors[:, 2] == factors[:, 1])[:, list(space.factor_columns("ball"))]
    assert np.array_equal(moved, np.repeat(from_second[:, [0]], 4, axis=1))


def test_the_published_mask_means_the_same(shared):
    with np.load(shared / "data" / "ball_in_boxes" / "test_triplets.npz") as file:
        latents, mask = file["latents"], file["targets"].astype(bool)
    assert np.array_equal(latents[:, 2], np.where(mask, latents[:, 1], latents[:, 0]))


@pytest.mark.parametrize(
    ("observations", "mask", "message"),
    [
        (np.zeros((4, 2, 3), np.float32), np.zeros((4, 1)), "second axis of triplets must be 3"),
        (np.zeros((4, 3, 3), np.float32), np.zeros((5, 1)), "mask 'from_second'"),
        (np.zeros((4, 3, 3), np.float32), np.full((4, 1), 0.5), "0 or 1"),
    ],
)
def test_wrong_triplets_are_refused(observations, mask, message):
    with pytest.raises(ValueError, match=message):
        Triplets(observations, mask, anonymous("a"))
