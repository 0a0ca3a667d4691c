"""The world that a Recorder records, without its engine: the interventions, the agent, and the command."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import trisect

NAMES = ("shoulder", "elbow", "target_x", "target_y")


@pytest.fixture
def reacher(benchmark_module: Any) -> ModuleType:
    module: ModuleType = benchmark_module("reacher")
    return module


def tip(places: np.ndarray) -> np.ndarray:
    """Where two links of a tenth of a metre end."""
    shoulder, both = places[0], places[0] + places[1]
    return 0.1 * np.array([np.cos(shoulder) + np.cos(both), np.sin(shoulder) + np.sin(both)])


class StandIn:
    """What is used of Gymnasium's Reacher: an arm that actions turn, and a target; the picture is of one colour."""

    render_mode = "rgb_array"

    def __init__(self) -> None:
        self.data = SimpleNamespace(qpos=np.zeros(4), qvel=np.zeros(4))

    @property
    def unwrapped(self) -> StandIn:
        return self

    def set_state(self, places: np.ndarray, speeds: np.ndarray) -> None:
        self.data = SimpleNamespace(qpos=places, qvel=speeds)

    def reset(self, *, seed: int | None = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.set_state(np.random.default_rng(seed).uniform(-0.1, 0.1, 4), np.zeros(4))
        return self.observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.data.qvel[:2] += 10 * action
        self.data.qpos[:2] += 0.05 * self.data.qvel[:2]
        return self.observation(), 0.0, False, False, {}

    def observation(self) -> np.ndarray:
        places, speeds = self.data.qpos, self.data.qvel
        away = tip(places) - places[2:]
        return np.concatenate([np.cos(places[:2]), np.sin(places[:2]), places[2:], speeds[:2], away])

    def render(self) -> np.ndarray:
        return np.full((128, 128, 3), round(100 + 900 * self.data.qpos[2]) % 256, np.uint8)


class Steady:
    """A generator without chance."""

    def standard_normal(self, size: int) -> np.ndarray:
        return np.zeros(size)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand-ins for MuJoCo and Gymnasium; the settings of the environments that are made."""
    made: list[dict[str, Any]] = []

    def make(name: str, **settings: Any) -> StandIn:
        made.append({"id": name, **settings})
        return StandIn()

    monkeypatch.setitem(sys.modules, "mujoco", ModuleType("mujoco"))
    gymnasium = ModuleType("gymnasium")
    gymnasium.__dict__["make"] = make
    monkeypatch.setitem(sys.modules, "gymnasium", gymnasium)
    return made


def test_the_command_records_the_world(
    reacher: ModuleType, engines: list[dict[str, Any]], tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    reacher.main(["--frames", "400", "--seed", "3", "--out", str(tmp_path / "data")])
    data = trisect.load(tmp_path / "data")
    train = data.recording("train")
    assert train.observations.shape == (400, 64, 64, 3) and train.targeted == NAMES
    assert train.targets.sum(axis=1).max() == 1 and 0.3 < train.targets.any(axis=1).mean() < 0.5
    assert {each["id"] for each in engines} == {"Reacher-v5"} and engines[0]["render_mode"] == "rgb_array"
    assert "Reacher-v5" in data.source["environment"]["arguments"]
    assert "400 frames" in capsys.readouterr().out


def test_a_target_stays_but_for_its_interventions(
    reacher: ModuleType, engines: list[dict[str, Any]], tmp_path: Any
) -> None:
    reacher.main(["--frames", "300", "--policy", "independent", "--out", str(tmp_path / "data")])
    train = trisect.load(tmp_path / "data").recording("train")
    rows = np.setdiff1d(np.arange(300), train.episode_starts)
    moved = train.factors[rows] != train.factors[rows - 1]
    np.testing.assert_array_equal(moved[:, 2:], train.targets[rows][:, 2:])
    assert moved[:, :2].all()


def test_an_intervention_sets_one_place_and_stops_it(reacher: ModuleType) -> None:
    for place, name in enumerate(NAMES):
        arm = StandIn()
        arm.set_state(np.full(4, 9.0), np.full(4, 7.0))
        reacher.interventions()[name](arm, np.random.default_rng(0))
        others = np.arange(4) != place
        assert (arm.data.qpos[others] == 9).all() and (arm.data.qvel[others] == 7).all()
        assert arm.data.qpos[place] < 7 and arm.data.qvel[place] == 0


def test_the_truth_keeps_the_shoulder_within_a_turn(reacher: ModuleType) -> None:
    arm = StandIn()
    arm.set_state(np.array([-0.5, -2.0, 0.1, 0.2]), np.zeros(4))
    assert reacher.truth(arm) == {"shoulder": 2 * np.pi - 0.5, "elbow": -2.0, "target_x": 0.1, "target_y": 0.2}


def test_the_agent_moves_the_tip_towards_the_target(reacher: ModuleType) -> None:
    rng, nearer = np.random.default_rng(0), []
    for _ in range(100):
        arm = StandIn()
        arm.set_state(rng.uniform([0, -2, -0.15, -0.15], [6, 2, 0.15, 0.15]), np.zeros(4))
        before = np.linalg.norm(arm.observation()[8:])
        arm.step(reacher.reach(arm.observation(), Steady()))
        nearer.append(before - np.linalg.norm(arm.observation()[8:]))
    assert np.mean(np.array(nearer) > 0) > 0.9 and np.mean(nearer) > 0.01


@pytest.mark.parametrize("missing", ["mujoco", "gymnasium"])
def test_a_missing_engine_ends_the_command_with_a_sentence(
    reacher: ModuleType, engines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Any, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit, match=rf"^{missing} cannot be imported .*install .*\[outside\]"):
        reacher.main(["--out", str(tmp_path / "data")])
    assert not list(tmp_path.iterdir())


def test_the_elbow_may_bend_to_one_side(reacher: ModuleType, engines: list[dict[str, Any]], tmp_path: Any) -> None:
    reacher.main(["--frames", "300", "--elbow", ".3", "--out", str(tmp_path / "data")])
    train = trisect.load(tmp_path / "data").recording("train")
    assert train.factors[train.targets[:, 1], 1].min() > 0.3 - 1e-6
    with pytest.raises(SystemExit, match=r"--elbow must be a number in \[-2.5, 2.5\]; got 3.0"):
        reacher.main(["--elbow", "3", "--out", str(tmp_path / "other")])


def test_a_bad_number_ends_the_command_with_a_sentence(
    reacher: ModuleType, engines: list[dict[str, Any]], tmp_path: Any
) -> None:
    with pytest.raises(SystemExit, match="frames of a recording must be an integer of at least 2; got 1"):
        reacher.main(["--frames", "1", "--out", str(tmp_path / "data")])
