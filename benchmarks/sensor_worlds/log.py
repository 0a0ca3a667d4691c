"""The log of a sensor world: what it says was intervened on, what really was, and what goes wrong with it."""

from __future__ import annotations

import numpy as np

from trisect import checks
from trisect.interventions import IndependentTargets, SingleTargets, binary_code_groups

from .world import SensorWorld

PROBABILITY, SWITCHING, DIFFERING, LATE = 0.1, 0.03, 0.01, 3


def targets(world: SensorWorld, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The log (episodes, rows, K) bool by the policy."""
    k, num = world.num_variables, shape[0] * shape[1]
    if world.policy == "held":
        switches = rng.random((*shape, k)) < SWITCHING
        switches[:, 0] = rng.random((shape[0], k)) < 0.5
        logged = switches.cumsum(axis=1) % 2 == 1
    elif world.policy == "few":
        wanted = k * world.num_interventions
        checks.require(num >= wanted, "the rows of a record", f"at least {wanted} for its interventions", num)
        rows = rng.permutation(num)[:wanted].reshape(-1, k)
        logged = np.zeros((num, k), dtype=bool)
        np.put_along_axis(logged, rows, True, axis=0)
    else:
        policy = {
            "single": SingleTargets(k, 1 - k * PROBABILITY),
            "independent": IndependentTargets((PROBABILITY,) * k),
            "grouped": binary_code_groups(k),
            "half": IndependentTargets((0.5,) * k),
        }[world.policy]
        logged = policy.sample(num, rng)
    logged = logged.reshape(*shape, k)
    if world.fault == "twins":
        logged[..., 1] = logged[..., 0] ^ (rng.random(shape) < DIFFERING)
    return logged


def truth(world: SensorWorld, logged: np.ndarray) -> np.ndarray:
    """What is really intervened on, (episodes, rows, K) bool."""
    truth = logged.copy()
    if world.fault in ("dead", "thermostat"):
        truth[..., 0] = False
    elif world.fault == "coupled":
        truth[..., 1] = truth[..., 0]
    return truth


def distorted(world: SensorWorld, logged: np.ndarray, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The log after what goes wrong with it."""
    if world.fault == "shuffled":
        rows = rng.permutation(logged.shape[0] * logged.shape[1])
        return logged.reshape(len(rows), -1)[rows].reshape(logged.shape)
    if world.fault == "late":
        return np.roll(logged, LATE, axis=1)
    if world.fault == "thermostat":
        logged = logged.copy()
        logged[..., 0] = thermostat(values[:, :-1, 0])
    return logged


def thermostat(values: np.ndarray) -> np.ndarray:
    """On from the first value below -0.5 until the first one above 0.5, (episodes, rows) bool."""
    on, states = values[:, 0] < 0, []
    for value in values.T:
        on = np.where(on, value <= 0.5, value < -0.5)
        states.append(on)
    return np.stack(states, axis=1)
