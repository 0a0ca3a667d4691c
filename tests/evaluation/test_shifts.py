"""P-values in worlds where the slot says no more than the past, and where it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import kstest

from trisect.evaluation.shifts import NUM_SHIFTS, Readings, Shifted, shifted

Case = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(steps,) each: the past's logit, the targets, and a sequence that depends on neither."""


def drift(steps: int, memory: float, rng: np.random.Generator) -> np.ndarray:
    """A stationary sequence of deviation 1 with this correlation from step to step."""
    noise = rng.normal(size=steps)
    values = [noise[0]]
    for each in noise[1:]:
        values.append(memory * values[-1] + np.sqrt(1 - memory**2) * each)
    return np.array(values)


def held(steps: int, start: float, stop: float, rng: np.random.Generator) -> np.ndarray:
    """Interventions that begin with probability ``start`` and then end with probability ``stop``, in every step."""
    on, targets = rng.random() < start / (start + stop), []
    for draw in rng.random(steps):
        on = draw >= stop if on else draw < start
        targets.append(on)
    return np.array(targets)


def independent(steps: int, rng: np.random.Generator, share: float = 0.1) -> Case:
    return drift(steps, 0.9, rng), rng.random(steps) < share, drift(steps, 0.9, rng)


def rare(steps: int, rng: np.random.Generator) -> Case:
    return independent(steps, rng, 0.012)


def lasting(steps: int, rng: np.random.Generator) -> Case:
    return drift(steps, 0.9, rng), held(steps, 0.04, 0.08, rng), drift(steps, 0.95, rng)


def predicted(steps: int, rng: np.random.Generator) -> Case:
    """The chance of a target follows the past, but not as the past's logit says."""
    x = drift(steps, 0.9, rng)
    return 2 * x - 2, rng.random(steps) < np.where(x > 1, 0.8, 0.05), drift(steps, 0.9, rng)


def lasting_and_predicted(steps: int, rng: np.random.Generator) -> Case:
    targets = held(steps + 1, 0.05, 0.05, rng)
    return 4 * targets[:-1] + rng.normal(size=steps), targets[1:], rng.normal(size=steps)


def p_value(case: Callable[..., Case], episodes: int, steps: int, seed: int, effect: float = 0.0) -> float:
    """The p-value of a slot whose classifier sees the past with other weights, and the independent sequence."""
    rng = np.random.default_rng(seed)
    parts = [case(steps, rng) for _ in range(episodes)]
    past, targets, other = (np.concatenate(each) for each in zip(*parts))
    still = (0.7 * past)[:, None]
    slot = still + (other + effect * targets)[:, None]
    numbers = np.repeat(np.arange(episodes), steps)
    return float(shifted(Readings(slot, still, past[:, None]), targets[:, None], numbers, rng).p_values()[0])


CASES = [independent, rare, lasting, predicted, lasting_and_predicted]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("episodes", "steps"), [(1, 1500), (75, 20)])
def test_p_values_are_uniform_where_the_slot_adds_nothing(case, episodes: int, steps: int) -> None:
    values = np.array([p_value(case, episodes, steps, seed) for seed in range(120)])
    assert kstest(values, "uniform").pvalue > 0.002  # 10 cases; smallest of 30 seen: .0095
    assert (values <= 0.05).mean() < 0.14 and (values <= 0.01).mean() < 0.08  # seen: at most .092 and .058


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("episodes", "steps"), [(1, 1500), (75, 20)])
def test_p_values_are_small_where_the_slot_predicts(case, episodes: int, steps: int) -> None:
    values = [p_value(case, episodes, steps, seed, effect=3.0) for seed in range(10)]
    assert max(values) <= 0.01 and min(values) >= 1 / (NUM_SHIFTS + 1)


def test_a_slot_that_shows_which_episode_it_is_gains_nothing() -> None:
    """Interventions are frequent in half of the episodes, which the slot shows: within an episode it says nothing."""
    rng, often = np.random.default_rng(0), np.arange(40) % 2 == 0
    episodes = np.repeat(np.arange(40), 25)
    targets = rng.random(1000) < np.where(often, 0.6, 0.1)[episodes]
    slot = (3.0 * often[episodes] + 0.1 * rng.normal(size=1000))[:, None]
    past = rng.normal(size=(1000, 1))
    assert shifted(Readings(slot, past, past), targets[:, None], episodes, rng).p_values()[0] > 0.05


def test_targets_without_variation_have_no_p_value() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 1))
    never = shifted(
        Readings(logits, logits, logits), np.zeros((50, 1), bool), np.zeros(50, int), np.random.default_rng(0)
    )
    assert np.isnan(never.p_values()).all() and np.isnan(never.mean().p_values()).all()


def test_the_mean_is_more_certain_than_its_parts() -> None:
    null = np.random.default_rng(0).normal(size=(999, 4))
    each = Shifted(np.full(4, 1.3), null)
    assert each.p_values().min() > 0.05 and each.mean().p_values()[0] < 0.02
    constant = Shifted(np.array([1.3, 0.0]), np.stack([null[:, 0], np.zeros(999)], axis=1))
    assert constant.mean().p_values()[0] == each.p_values()[0], "an entry without a p-value is left out"


def test_a_classifier_that_reads_the_past_better_is_no_merit_of_its_slot() -> None:
    """The slot's classifier reads the past without error, that of the past with errors."""

    def one(seed: int) -> float:
        rng = np.random.default_rng(seed)
        x = drift(800, 0.9, rng)
        targets, past = rng.random(800) < 1 / (1 + np.exp(1 - 2 * x)), (x + rng.normal(size=800))[:, None]
        still = x[:, None]
        read = Readings(still + 0.3 * rng.normal(size=(800, 1)), still, past)
        return float(shifted(read, targets[:, None], np.zeros(800, int), rng).p_values()[0])

    values = np.array([one(seed) for seed in range(100)])
    assert kstest(values, "uniform").pvalue > 0.01 and (values <= 0.05).mean() < 0.12
