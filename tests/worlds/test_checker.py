"""The checker accepts the worlds of the library, and detects the fault of each broken one."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.interventions import Intervention
from trisect.worlds import available, make
from trisect.worlds.ball_in_boxes import BallInBoxes
from trisect.worlds.checker import check_world
from trisect.worlds.linear import LinearGaussian

SETTINGS = [
    ("ball_in_boxes", {}),
    ("linear", {}),
    ("linear", {"mixing": "nonlinear", "seed": 3, "single_target": True}),
    ("linear", {"num_variables": 1, "num_latents": 1}),
]


@pytest.mark.parametrize(("name", "settings"), SETTINGS)
def test_worlds_keep_the_contract(name, settings):
    check_world(make(name, **settings))


def test_every_world_of_this_list_is_available():
    assert {name for name, _ in SETTINGS} <= set(available())


class OwnRandomness(BallInBoxes):
    def reset(self, num, rng):
        return self.independent(num, np.random.default_rng())


class OutOfRange(BallInBoxes):
    def step(self, factors, targets, rng):
        return super().step(factors, targets, rng) + np.array([0.0, 10.0, 0.0])


class ChangesItsInput(BallInBoxes):
    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        factors += 1.0
        return following


class NarrowState(BallInBoxes):
    def independent(self, num, rng):
        return super().independent(num, rng).astype(np.float32)


class DrawsByTarget(BallInBoxes):
    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        rng.random(int(targets.sum()))
        return following


class SwapMovesY(BallInBoxes):
    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        following[targets[:, 0], 2] = 10.0
        return following


class LeaksAcrossTheBatch(BallInBoxes):
    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        if targets[:, 0].any():
            following[:, 1] = 3.5
        return following


class Ineffective(BallInBoxes):
    def step(self, factors, targets, rng):
        return super().step(factors, np.zeros_like(targets), rng)


class HiddenParent(BallInBoxes):
    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        following[:, 1] = np.clip(following[:, 1] + 0.01 * factors[:, 2], 3.5, 12.5)
        return following


class FlickeringFrames(BallInBoxes):
    calls = 0

    def render(self, factors):
        self.calls += 1
        return super().render(factors) + np.uint8(self.calls % 2)


class BatchNormalisedFrames(LinearGaussian):
    name = "own"

    def render(self, factors):
        frames = super().render(factors)
        return frames - frames.mean(axis=0)


class StickyY(BallInBoxes):
    """An intervention on y that is declared perfect but keeps part of the past."""

    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        hit = targets[:, 2]
        following[hit, 2] = 0.5 * following[hit, 2] + 0.5 * factors[hit, 2]
        return following


class FreeBox(BallInBoxes):
    """An intervention on the box that is declared imperfect but forgets the past."""

    def step(self, factors, targets, rng):
        following = super().step(factors, targets, rng)
        fair = rng.integers(2, size=len(factors))
        following[:, 0] = np.where(targets[:, 0], fair, following[:, 0])
        return following


class CyclicGraph(BallInBoxes):
    def __init__(self):
        super().__init__()
        self.instantaneous_graph = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)


class OblongGraph(BallInBoxes):
    def __init__(self):
        super().__init__()
        self.temporal_graph = np.zeros((3, 2), dtype=bool)


class UnnamedIntervention(BallInBoxes):
    def __init__(self):
        super().__init__()
        self.interventions = {"ball_b": Intervention.IMPERFECT}


class ForgetsItsSettings(LinearGaussian):
    def settings(self):
        return {}


BROKEN = [
    (OwnRandomness(), "from one seed must be equal"),
    (OutOfRange(), "factor 'ball_x' must be in"),
    (ChangesItsInput(), "given to step.*must be unchanged"),
    (NarrowState(), "must be float64; got float32"),
    (DrawsByTarget(), "must be followed by the same random numbers"),
    (SwapMovesY(), r"on 'ball_b'.*an effect on \['ball_y'\]"),
    (LeaksAcrossTheBatch(), "without effect on other worlds"),
    (Ineffective(), "must be one that changes it; got no change"),
    (HiddenParent(), r"'ball_y' has an effect on \['ball_x'\]"),
    (FlickeringFrames(), "must be"),
    (BatchNormalisedFrames(), "depends on its neighbours"),
    (StickyY(), "'ball_y'.*independent of the past"),
    (FreeBox(), "'ball_b'.*dependent on the past, because it is imperfect"),
    (CyclicGraph(), "acyclic"),
    (OblongGraph(), "shape of the temporal graph"),
    (UnnamedIntervention(), "the interventions of world"),
    (ForgetsItsSettings(seed=5), "built again from its settings"),
]


@pytest.mark.parametrize(("world", "message"), BROKEN, ids=lambda value: type(value).__name__)
def test_faults_of_broken_worlds_are_detected(world, message):
    with pytest.raises(ValueError, match=message):
        check_world(world)
