"""Codes of several frames: slots hold values where values are moved, velocities where velocities are, never jumps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.values import Memory, Steps, memory, unexplained

NUM_VARIABLES, NUM_NUISANCE = 4, 3
SETTINGS = ClosedFormSettings(num_features=50)
WITHOUT = ClosedFormSettings(num_features=50, value_weight=0.0)


class Stacked(NamedTuple):
    """Latents (T, L) that are an invertible mix of c_t, ..., c_{t-n+1} and of nuisance, and what is moved in them.

    Attributes:
        latents: the mix.
        truth: (T, K), what interventions move: values, or velocities.
        targets: (T, K) bool.
        frames: n.
    """

    latents: np.ndarray
    truth: np.ndarray
    targets: np.ndarray
    frames: int


def autoregressive(seed: int, interventions: str = "perfect", persistence: float = 0.9, num: int = 6000) -> np.ndarray:
    """Variables (num, K) with linear dynamics, nuisance (num, 3) and targets (num, K) side by side."""
    rng = np.random.default_rng(seed)
    dynamics = persistence * np.eye(NUM_VARIABLES)
    dynamics += 0.1 * rng.normal(size=dynamics.shape) * (1 - np.eye(NUM_VARIABLES))
    dynamics *= min(1.0, 0.97 / np.abs(np.linalg.eigvals(dynamics)).max())
    targets = rng.random((num, NUM_VARIABLES)) < 0.1
    noise, drawn = 0.4 * rng.normal(size=targets.shape), 1.5 * rng.normal(size=targets.shape)
    c, e = np.zeros(targets.shape), np.zeros((num, NUM_NUISANCE))
    for t in range(1, num):
        usual = dynamics @ c[t - 1] + noise[t]
        moved = {"perfect": drawn[t], "shift": usual + 2.0, "noise": usual + drawn[t]}[interventions]
        c[t] = np.where(targets[t], moved, usual)
        e[t] = 0.8 * e[t - 1] + 0.6 * rng.normal(size=NUM_NUISANCE)
    return np.hstack([c, e, targets])


def mixed(values: np.ndarray, nuisance: np.ndarray, frames: int, seed: int) -> np.ndarray:
    """An invertible mix of the values and the nuisance of several frames, (T - frames + 1, L)."""
    rng, stop = np.random.default_rng(1000 + seed), len(values) - frames + 1
    held = [each[first : first + stop] for first in range(frames) for each in (values, nuisance)]
    code = np.hstack(held) / np.hstack(held).std(axis=0)
    left, right = (np.linalg.qr(rng.normal(size=(code.shape[1],) * 2))[0] for _ in range(2))
    return code @ left @ np.diag(np.exp(0.3 * rng.normal(size=len(left)))) @ right


def values_world(seed: int, frames: int = 2, **options: object) -> Stacked:
    world = autoregressive(seed, **options)  # type: ignore[arg-type]
    c, e, targets = np.split(world, [NUM_VARIABLES, NUM_VARIABLES + NUM_NUISANCE], axis=1)
    return Stacked(mixed(c, e, frames, seed), c[frames - 1 :], targets[frames - 1 :] > 0, frames)


def velocity_world(seed: int) -> Stacked:
    """Positions in two frames; what is moved are velocities, which the code holds as p^{t+1} - .98 p^t."""
    world = autoregressive(seed, persistence=0.8, num=12_000)
    velocity, e, targets = np.split(world, [NUM_VARIABLES, NUM_VARIABLES + NUM_NUISANCE], axis=1)
    position = np.zeros(velocity.shape)
    for t in range(1, len(position)):
        position[t] = 0.98 * position[t - 1] + velocity[t]
    return Stacked(mixed(position, e, 2, seed), velocity[1:], targets[1:] > 0, 2)


def pushed_world(seed: int) -> Stacked:
    """Positions that follow others, noisily, and that interventions push either way: their jumps lose all memory."""
    rng, num = np.random.default_rng(seed), 12_000
    world = autoregressive(seed, num=num)
    led, e, targets = np.split(world, [NUM_VARIABLES, NUM_VARIABLES + NUM_NUISANCE], axis=1)
    position = np.zeros(led.shape)
    for t in range(1, num):
        usual = 0.2 * (led[t - 1] - position[t - 1])
        pushed = rng.choice([-1.0, 1.0], NUM_VARIABLES)
        position[t] = position[t - 1] + np.where(targets[t], pushed, usual) + 0.1 * rng.normal(size=NUM_VARIABLES)
    return Stacked(mixed(position, np.hstack([led, e]), 2, seed), position[1:], targets[1:] > 0, 2)


def own(world: Stacked, settings: ClosedFormSettings) -> np.ndarray:
    """R2 (K,) of what is moved, by a line through the latents of its slot."""
    z, n = world.latents, world.frames
    last = np.arange(max(n - 1, 1), len(z))
    found = identify(z[last - 1], z[last], world.targets[last], settings, oldest=z[last - (n - 1)])
    new = found.transform(z)
    return np.array([fit(new[:, found.slots == i], world.truth[:, i]) for i in range(NUM_VARIABLES)])


def fit(latents: np.ndarray, truth: np.ndarray) -> float:
    x = np.column_stack([np.ones(len(latents)), latents])
    return float(1 - (truth - x @ np.linalg.lstsq(x, truth, rcond=None)[0]).var() / truth.var())


@pytest.mark.parametrize("seed", range(4))
def test_a_slot_holds_the_value_of_the_newest_frame_and_without_the_penalty_it_need_not(seed: int) -> None:
    world = values_world(seed)
    assert own(world, SETTINGS).min() > 0.97
    assert own(world, WITHOUT).mean() < 0.8


@pytest.mark.parametrize("seed", range(2))
def test_more_frames_hold_the_value_too(seed: int) -> None:
    assert own(values_world(seed, frames=3), SETTINGS).min() > 0.95


@pytest.mark.parametrize("interventions", ["shift", "noise"])
@pytest.mark.parametrize("seed", range(2))
def test_interventions_that_keep_the_past_move_values_too(interventions: str, seed: int) -> None:
    world = values_world(seed, interventions=interventions)
    assert own(world, SETTINGS).min() > 0.95
    assert own(world, WITHOUT).mean() < 0.5


@pytest.mark.parametrize("persistence", [0.0, 0.5])
def test_values_with_little_memory_are_found(persistence: float) -> None:
    assert own(values_world(0, persistence=persistence), SETTINGS).min() > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_velocities_are_found_where_they_are_moved(seed: int) -> None:
    assert own(velocity_world(seed), SETTINGS).min() > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_positions_are_found_where_they_are_pushed_to_either_side(seed: int) -> None:
    assert own(pushed_world(seed), SETTINGS).min() > 0.95


def test_one_frame_in_an_observation_is_identified_as_ever() -> None:
    z, _, targets, _ = values_world(0, frames=1)
    plain = identify(z[:-1], z[1:], targets[1:], SETTINGS)
    zero = identify(z[:-1], z[1:], targets[1:], WITHOUT, oldest=z[:-1])
    for each in (plain, zero):
        assert each.matrix.tobytes() == identify(z[:-1], z[1:], targets[1:], WITHOUT).matrix.tobytes()
    assert fit(plain.transform(z)[:, plain.slots == 0], values_world(0, frames=1).truth[:, 0]) > 0.97


def two(seed: int, num: int = 4000) -> Steps:
    """Two latents: a value that interventions draw anew, and one that repeats the first of the step before."""
    rng = np.random.default_rng(seed)
    targets, c = rng.random((num, 1)) < 0.3, np.zeros(num)
    for t in range(1, num):
        c[t] = rng.normal() if targets[t, 0] else 0.9 * c[t - 1] + np.sqrt(0.19) * rng.normal()
    z = np.column_stack([c[1:], c[:-1]])
    return Steps(z[:-1], z[1:], z[:-1], targets[2:])


@pytest.mark.parametrize("seed", range(3))
def test_memory_is_nothing_along_a_value_that_is_drawn_anew_and_all_along_the_one_before(seed: int) -> None:
    steps = two(seed)
    on, off = (np.flatnonzero(steps.targets[:, 0] == wanted) for wanted in (True, False))
    matrix = memory(steps, on, 3.0).matrix
    np.testing.assert_allclose(matrix, np.diag([0.0, steps.before[on, 0].var()]), atol=0.12)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    low, high = memory(steps, on, 3.0).share(np.array([1.0, 0.0]))
    assert low < 0.03 and high > -0.03
    assert memory(steps, off, 3.0).share(np.array([1.0, 0.0]))[0] > 0.6
    assert memory(steps, on, 3.0).share(np.array([0.0, 1.0]))[0] > 0.9


def test_the_memory_of_few_transitions_is_unknown() -> None:
    few = memory(two(0), np.arange(11), 3.0)
    assert few.share(np.ones(2)) == (-np.inf, np.inf)
    np.testing.assert_array_equal(few.matrix, np.zeros((2, 2)))
    assert isinstance(few, Memory)


def test_the_oldest_frame_is_known_and_what_came_before_it_is_not() -> None:
    left = unexplained(two(0), 3.0, np.random.default_rng(0))
    assert left is not None
    assert left[0, 0] < 0.01
    np.testing.assert_allclose(left[1, 1], 1 - (0.7 * 0.9) ** 2, atol=0.06)  # Var(c^{t-1} | c^t)
    steps = two(0)
    assert unexplained(Steps(steps.before, steps.after, None, steps.targets), 3.0, np.random.default_rng(0)) is None


@pytest.mark.parametrize("weight", [-1.0, np.inf, np.nan])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="value_weight of the closed form"):
        ClosedFormSettings(value_weight=weight)
