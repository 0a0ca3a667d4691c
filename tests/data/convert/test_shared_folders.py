"""Every folder of files made by the published code: its content, and that row n produced frame n+1."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data import verify
from trisect.data.convert import convert
from trisect.variables import Angle, Categorical, Continuous

SIZES = {
    "ball_in_boxes": (1000, 100, 100, 250, 250, 100, 100),
    "interventional_pong": (1000, 100, 100, 250, 250, 100, 100),
    "pinball": (600, 60, 60, 150, 150, 60, 60),
    "voronoi": (600, 60, 60, 150, 150, 60, 60),
}
SPLITS = ("train", "val", "test", "val_indep", "test_indep", "val_triplets", "test_triplets")


@pytest.fixture(scope="module")
def folders(shared, tmp_path_factory):
    """Name -> the data set, converted on first use."""
    cache = {}

    def converted(name):
        if name not in cache:
            path = tmp_path_factory.mktemp("converted") / name
            cache[name] = convert(shared / "data" / name, path)
            verify(path)
        return cache[name]

    return converted


def counts(recording):
    totals = recording.targets.sum(axis=0).tolist()
    return dict(zip(recording.variables.names, totals))


@pytest.mark.parametrize("name", list(SIZES))
def test_splits_and_lengths(folders, name):
    assert {split: len(part) for split, part in folders(name).items()} == dict(zip(SPLITS, SIZES[name]))


def test_ball_in_boxes(folders):
    data = folders("ball_in_boxes")
    assert data.observation_shape == (32, 32, 3) and data.source["kind"] == "ball_in_boxes"
    assert data.variables.factors == (
        Categorical("ball_b", 2),
        Continuous("ball_x", 3.5, 12.5),
        Continuous("ball_y", 3.5, 28.5),
    )
    assert counts(data.recording("train")) == {"ball_b": 169, "ball_x": 0, "ball_y": 184}
    assert counts(data.recording("test")) == {"ball_b": 20, "ball_x": 0, "ball_y": 18}
    assert data.triplets("test_triplets").from_second.sum(0).tolist() == [65, 0, 62]


def test_pong_keeps_its_fourth_channel(folders):
    data = folders("interventional_pong")
    assert data.observation_shape == (32, 32, 4) and data.source["kind"] == "pong"
    assert counts(data.recording("train")) == {
        "ball_vel_dir": 118,
        "ball_vel_magn": 0,
        "ball_x": 116,
        "ball_y": 99,
        "paddle_left_y": 109,
        "paddle_right_y": 110,
        "score_left": 0,
        "score_right": 0,
    }
    assert data.targeted == ("ball_vel_dir", "ball_x", "ball_y", "paddle_left_y", "paddle_right_y")
    kinds = [factor.kind for factor in data.variables.factors]
    assert kinds == ["angle", *["continuous"] * 5, "categorical", "categorical"]


def test_pinball_groups_its_factors(folders):
    data = folders("pinball")
    assert data.observation_shape == (64, 64, 4) and data.source["kind"] == "pinball"
    assert counts(data.recording("train")) == {
        "ball": 70,
        "cyl": 26,
        "paddle_left": 127,
        "paddle_right": 127,
        "score": 44,
    }
    assert data.variables.groups["ball"] == ("ball_x", "ball_x_vel", "ball_y", "ball_y_vel")
    assert len(data.variables.groups["cyl"]) == 5 and data.variables.factors[-1] == Categorical("score", 20)
    assert data.triplets("test_triplets").from_second.sum(0).tolist() == [30, 30, 30, 26, 30]


def test_voronoi(folders):
    data = folders("voronoi")
    assert data.observation_shape == (32, 32, 3) and data.source["kind"] == "voronoi"
    train = data.recording("train")
    assert counts(train) == {"c0": 101, "c1": 102, "c2": 80, "c3": 98, "c4": 88, "c5": 74}
    assert train.actions is None and {factor.kind for factor in data.variables.factors} == {"continuous"}


def test_causal3d_tutorial(folders, shared):
    data = folders("causal3d_tutorial")
    assert {name: len(part) for name, part in data.items()} == {"train": 100, "slider": 30, "test_triplets": 100}
    assert data.observation_shape == (64, 64, 3) and data.source["kind"] == "causal3dident"
    train, slider, triplets = data.recording("train"), data.recording("slider"), data.triplets("test_triplets")
    names = ("x", "y", "z", "alpha", "beta", "gamma", "spot_rotation", "hue_object", "hue_spot", "hue_background")
    assert data.variables.names == (*names, "shape", "material")
    assert train.targets.sum(0).tolist() == [19, 7, 13, 14, 13, 0, 6, 20, 18, 15, 0, 0]
    assert data.targeted == tuple(name for name in names if name != "gamma")
    assert data.variables.factors[0] == Continuous("x", -2, 2)
    assert data.variables.factors[3] == Angle("alpha") and data.variables.factors[10] == Categorical("shape", 7)
    assert train.factors is None and triplets.factors is None and slider.num_episodes == 1
    assert triplets.from_second.sum(0).tolist() == [57, 51, 55, 40, 58, 57, 42, 60, 45, 61, 57, 57]
    with np.load(shared / "data" / "causal3d_tutorial" / "data_slider.npz") as file:
        assert np.array_equal(slider.observations, file["imgs"][..., :3]) and (file["imgs"][..., 3] == 255).all()
        assert np.array_equal(slider.factors, np.concatenate([file["raw_latents"], file["shape_latents"]], axis=1))
        assert np.array_equal(slider.targets[1:], file["interventions"][:-1] == 1) and not slider.targets[0].any()


def test_the_slider_moves_only_what_its_targets_say(folders):
    slider = folders("causal3d_tutorial").recording("slider")
    moved = np.diff(slider.factors, axis=0) != 0
    assert moved.sum(0).tolist() == [10, 10, 10, 0, 0, 0, 10, 0, 0, 7, 0, 0]
    assert not (moved & ~slider.targets[1:]).any()
    assert (moved & ~slider.targets[:-1]).any()  # one row off, they would not agree


LAGS = (-2, -1, 0, 1, 2)


def assert_at_lag_zero(jump, targets, what):
    """Jumps into frames 1.. correlate with the targets of that frame, not of one up to 2 rows away.

    ``jump`` may depend on the targets.
    """
    rows, correlations = targets[1:], []
    for lag in LAGS:
        rolled = np.roll(rows, lag)
        size = jump(rolled) if callable(jump) else jump
        correlations.append(float(np.corrcoef(size[2:-2], rolled[2:-2])[0, 1]))
    others = correlations[:2] + correlations[3:]
    assert correlations[2] > 0.3 and max(np.abs(others)) < 0.2, (what, correlations)


def change(recording, name):
    """How far the factors of a variable move into frames 1.., (T-1,), in their own standard deviations."""
    total = np.zeros(len(recording) - 1)
    for column in recording.variables.factor_columns(name):
        step = np.abs(np.diff(recording.factors[:, column].astype(float)))
        if recording.variables.factors[column].kind == "angle":
            step = np.minimum(step, 2 * np.pi - step)
        total += step / (step.std() + 1e-9)
    return total


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("ball_in_boxes", ("ball_b", "ball_y")),
        ("interventional_pong", ("ball_vel_dir", "ball_x", "ball_y")),
        ("pinball", ("ball", "cyl", "paddle_left", "paddle_right", "score")),
    ],
)
def test_the_frame_of_a_target_row_is_the_one_that_jumps(folders, folder, names):
    train = folders(folder).recording("train")
    for name in names:
        assert_at_lag_zero(change(train, name), train.targets[:, train.variables.index(name)], name)


def test_pong_paddles_leave_their_rule_in_the_frame_of_their_target(folders):
    train = folders("interventional_pong").recording("train")
    ball = train.factors[:-1, train.variables.index("ball_y")]
    for name in ("paddle_left_y", "paddle_right_y"):
        column = train.variables.index(name)
        follows = train.factors[:-1, column] + np.clip(ball - train.factors[:-1, column], -1.5, 1.5)
        astray = np.minimum(np.abs(train.factors[1:, column] - follows), 4)
        assert_at_lag_zero(astray, train.targets[:, column], name)


def test_voronoi_variables_leave_their_mechanism_in_the_frame_of_their_target(folders):
    train = folders("voronoi").recording("train")
    before, after = (2 * np.arctanh(rows / (7 * np.pi / 8)) for rows in (train.factors[:-1], train.factors[1:]))
    products = np.stack([before[:, i] * before[:, j] for i in range(6) for j in range(i + 1)], axis=1)
    for column, name in enumerate(train.variables.names):
        causes = np.concatenate([before, np.delete(after, column, axis=1)], axis=1)
        bent = [np.tanh(2 * causes), np.maximum(causes, 0), products]
        inputs = np.concatenate([np.ones((len(causes), 1)), causes, *bent], axis=1)
        effect = after[:, column]

        def astray(targets, inputs=inputs, effect=effect):
            """Distance from the mechanism, fitted to the rows without a target."""
            x, y = inputs[~targets], effect[~targets]
            return np.abs(effect - inputs @ np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y))

        assert_at_lag_zero(astray, train.targets[:, column], name)
