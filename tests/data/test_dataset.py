"""Data sets: splits must agree, and held-out splits are cut on request only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.data import Dataset, make_triplets, simulate, split
from trisect.variables import anonymous
from trisect.worlds import make


@pytest.fixture
def data():
    world, rng = make("ball_in_boxes"), np.random.default_rng(0)
    return Dataset({"train": simulate(world, 1000, rng), "test_triplets": make_triplets(world, 20, rng)})


def test_targeted_is_that_of_the_training_split(data):
    assert data.targeted == ("ball_b", "ball_y") and data.variables.names == ("ball_b", "ball_x", "ball_y")


def test_a_missing_split_is_named_and_never_replaced(data):
    with pytest.raises(ValueError, match=r"one of train, test_triplets; got 'val'; cut one.*split"):
        data["val"]
    assert "val" not in data and data.get("val") is None


def test_the_kind_of_a_split_is_checked(data):
    assert len(data.recording("train")) == 1000 and len(data.triplets("test_triplets")) == 20
    with pytest.raises(TypeError, match="must be a Recording; got Triplets"):
        data.recording("test_triplets")
    with pytest.raises(TypeError, match="must be Triplets; got Recording"):
        data.triplets("train")


def test_splits_must_agree(counted):
    with pytest.raises(ValueError, match="the variables of split 'test'"):
        Dataset({"train": counted, "test": replace(counted, variables=anonymous("bac"))})
    with pytest.raises(ValueError, match="the shape of an observation of split 'test'"):
        Dataset({"train": counted, "test": replace(counted, observations=np.zeros((30, 2), np.float32))})
    with pytest.raises(ValueError, match="at least one"):
        Dataset({})


def test_split_cuts_whole_episodes_without_loss_or_overlap(data):
    cut = split(data, {"val": 0.2, "test": 0.1})
    assert [cut.recording(name).num_episodes for name in ("train", "val", "test")] == [7, 2, 1]
    joined = np.concatenate([cut.recording(name).factors for name in ("train", "val", "test")])
    assert np.array_equal(joined, data.recording("train").factors)


def test_split_cuts_a_single_episode_in_time(counted):
    cut = split(Dataset({"train": replace(counted, episode_starts=np.array([0]))}), {"val": 0.1})
    assert len(cut["train"]) == 27 and cut["val"].observations[:, 0].tolist() == [27, 28, 29]


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"val": 0.0}, "fraction of split 'val'"),
        ({"val": 0.6, "test": 0.5}, "below 1 together"),
        ({"test_triplets": 0.1}, "the name of a new split must be none of the existing ones"),
        ({"val": 1e-4}, "at least one episode"),
    ],
)
def test_impossible_splits_are_refused(data, fractions, message):
    with pytest.raises(ValueError, match=message):
        split(data, fractions)
