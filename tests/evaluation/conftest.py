"""Latents and truths whose scores are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.baselines import BaselineInput
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.variables import Continuous, VariableSpace


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def toy() -> tuple[np.ndarray, Slots, Truth]:
    """x with noise of deviation 1/2 (R2 .8), y exact with .5 of x mixed in (R2 .8 and .2), w in the noise slot."""
    rng = np.random.default_rng(1)
    x, y, w = rng.normal(size=(3, 4000))
    latents = np.stack([x + 0.5 * rng.normal(size=4000), y + 0.5 * x, w], axis=1).astype(np.float32)
    truth = Truth(np.stack([x, y, w], axis=1), VariableSpace([Continuous("x"), Continuous("y"), Continuous("w")]))
    return latents, Slots(np.eye(3, dtype=bool), ("x", "y", "noise")), truth


def impulses(num_frames: int, ratio: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Independent latents (frames, 4): deviation 1, or ``ratio`` if latent i < 3 is the target of the step."""
    rng = np.random.default_rng(seed)
    target = np.where(rng.random(num_frames) < 0.5, -1, rng.integers(3, size=num_frames))
    targets = target[:, None] == np.arange(3)
    scale = np.concatenate([np.where(targets, ratio, 1.0), np.ones((num_frames, 1))], axis=1)
    return (scale * rng.normal(size=(num_frames, 4))).astype(np.float32), targets


def as_transitions(latents: np.ndarray, targets: np.ndarray) -> Transitions:
    rows = np.arange(len(latents) - 1)
    return Transitions(latents, np.stack([rows, rows + 1], axis=1), targets[1:])


IMPULSE_SLOTS = Slots(np.eye(4, dtype=bool), ("a", "b", "c", "noise"))


@pytest.fixture(scope="session")
def impulse_world() -> tuple[Transitions, Transitions, Slots]:
    """Training and test transitions of the impulses with ratio 6, and their slots."""
    return as_transitions(*impulses(6000, 6.0, 2)), as_transitions(*impulses(3000, 6.0, 3)), IMPULSE_SLOTS


@pytest.fixture(scope="session")
def baseline_input() -> BaselineInput:
    """Frames that mix the impulses linearly, their correct latents, and the true factors."""
    latents, targets = impulses(3000, 6.0, 4)
    samples, _ = impulses(1500, 6.0, 5)
    mixing = np.random.default_rng(6).normal(size=(4, 6 * 6 * 3))
    frames, others = (
        np.clip(127 + 12 * (z @ mixing), 0, 255).astype(np.uint8).reshape(-1, 6, 6, 3) for z in (latents, samples)
    )
    space = VariableSpace([Continuous(name) for name in ("a", "b", "c", "rest")])
    return BaselineInput(
        as_transitions(latents, targets), samples, IMPULSE_SLOTS, Truth(samples, space), (frames, others)
    )
