"""Worlds as Gymnasium environments."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trisect.data import Recorder
from trisect.worlds import as_gymnasium, make
from trisect.worlds.gymnasium_world import factors_of, interventions_of

MISSING = "the package gymnasium must be installed to make an environment of a world; got: .*trisect.gymnasium."


def test_without_gymnasium_its_extra_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    from trisect.worlds import gymnasium_world

    gymnasium_world._environment_class.cache_clear()
    with pytest.raises(ImportError, match=MISSING):
        as_gymnasium(make("ball_in_boxes"))


def test_what_is_no_world_is_refused() -> None:
    with pytest.raises(TypeError, match="the world of an environment must be a World; got 'pong'; make one"):
        as_gymnasium("pong")  # type: ignore[arg-type]


@pytest.fixture
def env() -> Any:
    pytest.importorskip("gymnasium")
    environment = as_gymnasium(make("ball_in_boxes"))
    environment.reset(seed=5)
    return environment


@pytest.mark.parametrize("name", ["ball_in_boxes", "linear", "pong"])
@pytest.mark.filterwarnings("ignore:.*A Box observation space m.* is -?infinity:UserWarning")
@pytest.mark.filterwarnings("ignore:.*Not able to test alternative render modes:UserWarning")
@pytest.mark.filterwarnings("ignore:.*last axis has three dimensions, got 4:UserWarning")  # Pong has four channels
def test_gymnasium_finds_no_fault(name: str) -> None:
    pytest.importorskip("gymnasium")
    from gymnasium.utils.env_checker import check_env

    check_env(as_gymnasium(make(name)))


def test_steps_and_interventions_are_those_of_the_world(env: Any) -> None:
    world, rng = env.world, np.random.default_rng(5)
    factors = world.reset(1, rng)
    for names in ((), ("ball_y",), ("ball_b", "ball_y"), ()):
        targets = np.isin(world.variables.names, names)[None]
        factors = world.step(factors, targets, rng)
        env.step(0)
        for name in names:
            env.intervene(name)
        assert np.array_equal(env.factors, factors)
        assert np.array_equal(env.render(), world.render(factors)[0])


def test_an_intervention_needs_a_step_and_a_variable(env: Any) -> None:
    with pytest.raises(ValueError, match="the first frame of an episode has no interventions; call step first"):
        env.intervene("ball_y")
    env.step(0)
    with pytest.raises(ValueError, match="a variable to intervene on must be one of ball_b, ball_y; got 'ball_x'"):
        env.intervene("ball_x")


def test_worlds_are_recorded_like_any_environment(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    world = make("ball_in_boxes")
    environment, interventions = functools.partial(as_gymnasium, world), interventions_of(world)
    recorder = Recorder(environment, interventions, world.policy(), world.variables, factors_of, size=None)
    data = recorder.record(frames=400, out=tmp_path / "out", seed=0)
    train = data.recording("train")
    assert data.source["environment"] == {"name": "as_gymnasium", "arguments": f"(({world!r},), {{}})"}
    assert data.variables == world.variables and data.targeted == world.interventable
    assert np.array_equal(train.observations, world.render(train.factors.astype(np.float64)))
    box = train.variables.index("ball_b")
    changed = np.flatnonzero(np.diff(train.factors[:, box]) != 0) + 1
    assert np.array_equal(np.setdiff1d(changed, train.starts), np.flatnonzero(train.targets[:, box]))


def test_worlds_of_vectors_cannot_be_rendered(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    world = make("linear")
    recorder = Recorder(functools.partial(as_gymnasium, world), interventions_of(world))
    with pytest.raises(ValueError, match="must be 'rgb_array'; got None"):
        recorder.record(frames=20, out=tmp_path / "vectors", seed=0)


@pytest.mark.slow
def test_worlds_are_recorded_by_several_processes(tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    world = make("ball_in_boxes")
    recorder = Recorder(functools.partial(as_gymnasium, world), interventions_of(world), size=None, factors=factors_of)
    one, two = (recorder.record(frames=60, out=tmp_path / str(n), seed=0, workers=n)["train"] for n in (1, 2))
    assert np.array_equal(one.observations, two.observations) and np.array_equal(one.factors, two.factors)
