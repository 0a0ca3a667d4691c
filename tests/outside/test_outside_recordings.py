"""What the outside worlds share, without their engines: targets, alignment, stacking, the data set, the sentences."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

import trisect
from trisect.variables import Continuous

ENGINES = {"Arm": "mujoco", "Room": "mujoco", "Photo": "gymnasium", "Breakout": "ale_py", "Boxing": "ale_py"}
RESTART_EVERY = 40


@pytest.fixture
def recordings(benchmark_module) -> ModuleType:
    return benchmark_module("recordings")


class Counter:
    """Two values that count steps up and are set to -1 by an intervention; the frame shows both and the time."""

    factors = (Continuous("first"), Continuous("second"))

    def __init__(self, restart_every: int = 10**6):
        self.time, self.state, self.restart_every = 0, np.zeros(2), restart_every

    def step(self, target: np.ndarray) -> bool:
        self.time += 1
        restarts = self.time % self.restart_every == 0
        self.state = np.zeros(2) if restarts else np.where(target, -1, self.state + 1)
        return not restarts

    def values(self) -> np.ndarray:
        return self.state.copy()

    def picture(self) -> np.ndarray:
        row = np.array([self.time % 256, self.time // 256, int(self.state[0] < 0)], np.uint8)
        return np.broadcast_to(row, (17, 18, 3))


def recorded(recordings: ModuleType, frames: int = 300, policy: str = "single", every: int = 10**6):
    return recordings.record(Counter(every), frames, policy, np.random.default_rng(0))


@pytest.mark.parametrize("policy", ["single", "independent"])
def test_a_tenth_of_the_rows_for_each_variable_and_many_rows_without_any(recordings, policy):
    for variables in (1, 3, 6):
        targets = recordings.draw_targets(policy, 20_000, variables, np.random.default_rng(variables))
        np.testing.assert_allclose(targets.mean(axis=0), 0.1, atol=0.012)  # 5.7 standard errors
        assert (~targets.any(axis=1)).mean() > 0.38


def test_single_targets_never_meet_and_independent_ones_do_by_chance(recordings):
    single, independent = (
        recordings.draw_targets(policy, 20_000, 4, np.random.default_rng(0)) for policy in recordings.POLICIES
    )
    assert single.sum(axis=1).max() == 1
    assert (independent[:, 0] & independent[:, 1]).mean() == pytest.approx(0.01, abs=0.004)


def test_an_unknown_policy_is_refused(recordings):
    with pytest.raises(ValueError, match=r"the policy must be one of single, independent; got 'grouped'"):
        recordings.draw_targets("grouped", 10, 2, np.random.default_rng(0))


@pytest.mark.parametrize("policy", ["single", "independent"])
def test_row_t_says_what_made_the_next_frame(recordings, policy):
    log = recorded(recordings, policy=policy)
    assert log.frames.shape == (300, 17, 18, 3) and log.starts == (0,)
    np.testing.assert_array_equal(log.values[1:] == -1, log.targets)
    np.testing.assert_array_equal(log.frames[:, 0, 0, 2], log.values[:, 0] < 0)
    assert log.frames[:, 0, 0, 0].tolist() == [t % 256 for t in range(300)]


def test_a_world_that_restarts_begins_an_episode_without_targets(recordings):
    log = recorded(recordings, every=RESTART_EVERY)
    assert log.starts == tuple(range(0, 300, RESTART_EVERY))
    at = np.array(log.starts[1:])
    assert not log.targets[at - 1].any() and log.targets.any()
    assert not log.values[at].any()


@pytest.mark.parametrize("every", [10**6, RESTART_EVERY])
def test_the_folder_holds_the_recording(recordings, tmp_path, every):
    log = recorded(recordings, 600, "independent", every)
    data = trisect.load(recordings.write(log, Counter.factors, tmp_path / "data"))
    whole = [data.recording(name) for name in ("train", "val", "test")]
    assert sum(len(split) for split in whole) == 600
    for split in whole:
        times = split.observations[:, 0, 0, :2].astype(int) @ (1, 256)
        np.testing.assert_array_equal(split.factors, log.values[times])
        inner = np.setdiff1d(np.arange(len(times)), split.episode_starts if every < 600 else [0])
        np.testing.assert_array_equal(split.targets[inner], log.targets[times[inner] - 1])


@pytest.mark.parametrize("every", [10**6, RESTART_EVERY])
def test_a_stacked_folder_never_shows_a_frame_of_another_split_or_episode(recordings, tmp_path, every):
    log = recorded(recordings, 600, "independent", every)
    data = trisect.load(recordings.write(log, Counter.factors, tmp_path / "data", depth=2))
    plain = trisect.load(recordings.write(log, Counter.factors, tmp_path / "plain"))
    for name in data:
        frames, alone = (np.asarray(folder.recording(name).observations) for folder in (data, plain))
        np.testing.assert_array_equal(frames[..., 3:], alone)
        before, now = frames[:, 0, 0, 0].astype(int), frames[:, 0, 0, 3].astype(int)
        starts = {0} if every > 600 else set(np.asarray(data.recording(name).episode_starts).tolist())
        assert [t for t in range(len(now)) if before[t] == now[t]] == sorted(starts)
        assert all(before[t] == now[s] for s, t in pairwise(range(len(now))) if t not in starts)
    assert data.frames_per_observation == 2


def test_the_command_records_a_world(recordings, tmp_path, capsys):
    argv = ["--frames", "300", "--seed", "3", "--stack", "2", "--out", str(tmp_path / "data")]
    recordings.main(lambda setup: Counter(), "a counter", argv=argv)
    assert trisect.load(tmp_path / "data").recording("train").observations.shape == (210, 17, 18, 6)
    assert "300 frames" in capsys.readouterr().out


@pytest.mark.parametrize(("flag", "value"), [("--side", "8"), ("--frames", "3"), ("--stack", "0"), ("--seed", "-1")])
def test_the_command_refuses_impossible_numbers(recordings, tmp_path, flag, value):
    with pytest.raises(SystemExit, match=f"{flag} must be an integer of at least"):
        recordings.main(lambda setup: Counter(), "a counter", argv=[flag, value, "--out", str(tmp_path / "data")])


@pytest.mark.parametrize(("world", "missing"), ENGINES.items())
def test_a_missing_engine_ends_the_command_with_a_sentence(benchmark_module, monkeypatch, tmp_path, world, missing):
    recordings, module = benchmark_module("recordings"), benchmark_module(world.lower())
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit, match=rf"^{missing} cannot be imported .*install .*\[outside\]"):
        recordings.main(getattr(module, world), "", argv=["--out", str(tmp_path / "data")])
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("before", "after"), [(None, "osmesa"), ("egl", "egl")])
def test_drawing_needs_no_screen_unless_you_choose_another_way(recordings, monkeypatch, before, after):
    monkeypatch.setenv("MUJOCO_GL", before or "")
    if before is None:
        monkeypatch.delenv("MUJOCO_GL")
    recordings.engine("json")
    assert os.environ["MUJOCO_GL"] == after
