"""Ball-in-Boxes against the published frames and against its rules."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.worlds import make

SPLITS = ("train", "val", "test", "val_indep", "test_indep", "val_triplets", "test_triplets")


@pytest.mark.parametrize("split", SPLITS)
def test_frames_equal_the_published_ones(shared, split):
    with np.load(shared / "data" / "ball_in_boxes" / f"{split}.npz") as file:
        theirs = file["images"].reshape(-1, 32, 32, 3).astype(np.float64)
        latents = file["latents"].reshape(-1, 3).astype(np.float64)
    ours = make("ball_in_boxes").render(latents).astype(np.float64)
    constant = np.abs(theirs - theirs.mean(axis=0)).mean(axis=(0, 1, 2))
    assert (np.abs(ours - theirs).mean(axis=(0, 1, 2)) < [0.025 * constant[0], *(0.004 * constant[1:])]).all()
    assert np.abs(ours - theirs).max() <= 2


def steps(target: int | None, num: int = 20_000):
    world, rng = make("ball_in_boxes"), np.random.default_rng(1)
    before = world.independent(num, rng)
    targets = np.zeros((num, 3), bool)
    if target is not None:
        targets[:, target] = True
    return before, world.step(before, targets, rng)


def test_without_targets_the_ball_walks_and_stays_in_its_box():
    before, after = steps(None)
    assert np.array_equal(before[:, 0], after[:, 0])
    inner = np.abs(before[:, 2] - 16) < 5
    assert (after - before)[inner, 2].std() == pytest.approx(1.5, rel=0.03)
    assert after[:, 1].min() == 3.5 and after[:, 1].max() == 12.5


def test_the_box_intervention_swaps_the_box_and_walks_on_in_x():
    before, after = steps(0)
    assert np.array_equal(after[:, 0], 1 - before[:, 0])
    assert np.array_equal(after[:, 1:], steps(None)[1][:, 1:])


def test_the_y_intervention_is_uniform():
    before, after = steps(2)
    assert after[:, 2].mean() == pytest.approx(16, abs=0.2) and after[:, 2].std() == pytest.approx(
        25 / 12**0.5, rel=0.02
    )
    assert abs(np.corrcoef(before[:, 2], after[:, 2])[0, 1]) < 0.03


def test_published_steps_follow_the_rules(shared):
    """Every published transition is one that our rules allow: swaps exactly where the target says so."""
    with np.load(shared / "data" / "ball_in_boxes" / "train.npz") as file:
        latents, targets = file["latents"], file["targets"]
    swapped = latents[1:, 0] != latents[:-1, 0]
    assert np.array_equal(swapped, targets[:, 0] == 1)
    free = targets[:, 2] == 0
    assert np.abs(np.diff(latents[:, 2]))[free].max() < 5 * 1.5
