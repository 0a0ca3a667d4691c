"""Joined variables: targets are ORs, masks must agree."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.convert import convert
from trisect.data.convert.grouping import Grouping, join
from trisect.variables import anonymous

SPACE = anonymous(["x", "hue", "y", "z"])


def test_targets_of_a_group_are_the_or_of_its_columns():
    grouping = Grouping(SPACE, join(SPACE, {"pos": ["z", "x", "y"]}))
    every = np.array([[bits >> i & 1 for i in range(4)] for bits in range(16)], bool)
    assert grouping.coarse.names == ("pos", "hue")
    assert grouping.coarse.groups["pos"] == ("x", "y", "z")
    expected = [[x or y or z, hue] for x, hue, y, z in every]
    assert np.array_equal(grouping.join_targets(every), expected)


def test_masks_of_a_group_must_agree():
    grouping = Grouping(SPACE, join(SPACE, {"pos": ["x", "y"]}))
    good = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]], bool)
    assert grouping.join_masks(good, "it").tolist() == [[True, False, False], [False, True, True], [True, True, True]]
    bad = good.copy()
    bad[1, 0] = True
    with pytest.raises(
        ValueError, match=r"the mask of it for x, y must be the same within 'pos'; got \[1, 0\] in row 1"
    ):
        grouping.join_masks(bad, "it")


def test_a_space_without_groups_is_left_alone():
    assert join(SPACE, {}) == SPACE
    every = np.eye(4, dtype=bool)
    grouping = Grouping(SPACE, SPACE)
    assert np.array_equal(grouping.join_targets(every), every) and np.array_equal(grouping.join_masks(every, ""), every)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"pos": ["x", "ys"]}, "a variable of group 'pos' must be one of x, hue, y, z; got 'ys'; did you mean 'y'"),
        ({"pos": ["x", "y"], "q": ["y"]}, "the variable 'y' must be in one group; got in 'pos' and 'q'"),
        ({"pos": []}, "the variables of group 'pos' must be at least one"),
        ({"hue": ["x", "y"]}, "the name of a group must be new; got 'hue', which is a variable"),
        ({"pos": ["x", "x"]}, "all different; got x more than once"),
        ({"pos": "xy"}, "a list of names; got 'xy'"),
    ],
)
def test_faults_of_groups_are_named(groups, message):
    with pytest.raises(ValueError, match=message):
        join(SPACE, groups)


def test_any_kind_may_be_grouped(shared, tmp_path):
    folder = shared / "data" / "pinball"
    data = convert(folder, tmp_path / "fine")
    write_only(folder, tmp_path / "in", ("train", "val"))
    joined = convert(tmp_path / "in", tmp_path / "out", group={"paddles": ["paddle_left", "paddle_right"]})
    assert joined.variables.names == ("ball", "cyl", "paddles", "score")
    for split in ("train", "val"):
        fine, coarse = data.recording(split), joined.recording(split)
        assert np.array_equal(coarse.targets[:, 2], fine.targets[:, 2] | fine.targets[:, 3])
        assert np.array_equal(coarse.targets[:, [0, 1, 3]], fine.targets[:, [0, 1, 4]])
        assert np.array_equal(coarse.factors, fine.factors)
    with pytest.raises(ValueError, match=r"'val_triplets.npz' for paddle_left, paddle_right must be the same within"):
        convert(folder, tmp_path / "all", group={"paddles": ["paddle_left", "paddle_right"]})


def write_only(source, target, splits):
    target.mkdir()
    for split in splits:
        (target / f"{split}.npz").write_bytes((source / f"{split}.npz").read_bytes())
