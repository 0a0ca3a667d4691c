"""The worlds of the closed form's benchmarks: every kind, policy and fault is what its table says.

Records with one row per episode are compared with the same records at strength 0: the noise is the same, so that the
difference is the effect of the interventions and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from benchmarks import sensor_worlds as worlds
from benchmarks.sensor_worlds import Record, SensorWorld, record
from benchmarks.sensor_worlds.log import thermostat
from benchmarks.sensor_worlds.sensors import nuisance

ROWS = 6000


def moved(**settings: Any) -> tuple[Record, np.ndarray]:
    """One-row episodes, and the effect (rows, K) of their interventions."""
    world = SensorWorld(**settings)
    with_effect, without = (record(w, ROWS, episodes=ROWS) for w in (world, replace(world, strength=0.0)))
    np.testing.assert_array_equal(with_effect.previous, without.previous)
    return with_effect, with_effect.values - without.values


def in_targets(kind: str, memory: float) -> tuple[Record, np.ndarray, list[np.ndarray]]:
    """The record, the effect, and the effect on each variable in its own rows; there must be none elsewhere."""
    log, effect = moved(kind=kind, memory=memory)
    assert not effect[~log.targets].any()
    return log, effect, [effect[on, i] for i, on in enumerate(log.targets.T)]


@pytest.mark.parametrize("memory", [0.9, 0.0])
@pytest.mark.parametrize(("kind", "deviation"), [("grow", 0.6), ("shrink", 0.27)])
def test_grow_and_shrink_change_the_noise_alone(kind, deviation, memory):
    for own in in_targets(kind, memory)[2]:
        assert own.std() == pytest.approx(deviation, rel=0.1)
        assert abs(own.mean()) < 4 * deviation / np.sqrt(len(own))


@pytest.mark.parametrize(("kind", "memory", "size"), [("shift", 0.9, 0.6), ("shift", 0.0, 0.6), ("hold", 0.0, 1.6)])
def test_shift_and_hold_move_the_mean_the_same_way_each_time(kind, memory, size):
    for own in in_targets(kind, memory)[2]:
        np.testing.assert_allclose(np.abs(own), size, atol=1e-12)
        assert len(set(np.sign(own))) == 1


def test_a_level_that_is_held_drifts_to_its_set_point():
    """A tenth of the way in a row; after many rows, about the whole of it."""
    for own in in_targets("hold", 0.9)[2]:
        np.testing.assert_allclose(np.abs(own), 0.16, atol=1e-12)
    log = record(SensorWorld(kind="hold", policy="held"), 20_000)
    apart = [abs(log.values[on, i].mean() - log.values[~on, i].mean()) for i, on in enumerate(log.targets.T)]
    assert min(apart) > 0.8


@pytest.mark.parametrize("memory", [0.9, 0.0])
def test_fixed_values_forget_the_past(memory):
    log = in_targets("fix", memory)[0]
    for i, on in enumerate(log.targets.T):
        fixed = log.values[on, i]
        assert abs(fixed.mean()) == pytest.approx(0.8, abs=0.02)
        assert fixed.std() == pytest.approx(0.05, rel=0.15)
        assert abs(np.corrcoef(fixed, log.previous[on, i])[0, 1]) < 4 / np.sqrt(on.sum())


@pytest.mark.parametrize("kind", worlds.KINDS)
def test_interventions_of_strength_0_change_nothing(kind):
    """What is left of a value after its mean has the same deviation with and without an intervention."""
    log = record(SensorWorld(kind=kind, strength=0.0), ROWS, episodes=ROWS)
    left = log.values - 0.9 * log.previous
    for i, on in enumerate(log.targets.T):
        assert left[on, i].std() == pytest.approx(left[~on, i].std(), rel=0.15)


def test_another_rule_turns_the_memory_round():
    log, _, own = in_targets("rule", 0.9)
    for i, on in enumerate(log.targets.T):
        slope = np.polyfit(log.previous[on, i], own[i], 1)[0]
        assert slope == pytest.approx(-1.8, abs=0.25)


@pytest.mark.parametrize("memory", [0.9, 0.0])
def test_memory_and_the_noise_of_a_step(memory):
    log = record(SensorWorld(memory=memory, strength=0.0), ROWS)
    for i in range(5):
        others = np.delete(log.previous, i, axis=1)
        features = np.concatenate([log.previous, others**2, others**3, np.tanh(3 * others), np.ones((ROWS, 1))], axis=1)
        weights, *_ = np.linalg.lstsq(features, log.values[:, i], rcond=None)
        assert weights[i] == pytest.approx(memory, abs=0.03)
        assert 0.29 < (log.values[:, i] - features @ weights).std() < 0.45


@pytest.mark.parametrize("policy", ["single", "independent"])
def test_a_tenth_of_the_rows_for_each_variable(policy):
    targets = record(SensorWorld(policy=policy), 12_000).targets
    np.testing.assert_allclose(targets.mean(axis=0), 0.1, atol=0.012)
    assert (targets.sum(axis=1) <= 1).all() == (policy == "single")


def test_groups_by_binary_code():
    targets = record(SensorWorld(policy="grouped"), 12_000).targets
    assert {tuple(row) for row in targets.astype(int)} == {
        (0, 0, 0, 0, 0),
        (1, 0, 1, 0, 1),
        (0, 1, 1, 0, 0),
        (0, 0, 0, 1, 1),
    }


def test_levels_are_held():
    targets = record(SensorWorld(policy="held"), 40_000).targets.reshape(-1, 200, 5)
    assert (targets[:, 1:] != targets[:, :-1]).mean() == pytest.approx(0.03, abs=0.003)
    assert targets.mean() == pytest.approx(0.5, abs=0.04)


def test_half_and_few():
    half = record(SensorWorld(policy="half"), 12_000).targets
    np.testing.assert_allclose(half.mean(axis=0), 0.5, atol=0.02)
    few = record(SensorWorld(policy="few", num_interventions=7), 1000).targets
    assert few.sum(axis=0).tolist() == [7] * 5
    assert (few.sum(axis=1) <= 1).all()


def test_dead_interventions_move_nothing():
    log, effect = moved(kind="shift", fault="dead")
    assert log.targets[:, 0].sum() > 400
    assert not effect[:, 0].any()
    assert effect[:, 1].any()
    assert log.false.tolist() == [True, False, False, False, False]


def test_a_thermostat_follows_the_past():
    log = record(SensorWorld(kind="shift", fault="thermostat"), ROWS)
    on, before = log.targets[:, 0], log.previous[:, 0]
    assert on[before < -0.5].all()
    assert not on[before > 0.5].any()
    assert 0.2 < on.mean() < 0.8
    twin = record(SensorWorld(kind="shift", fault="thermostat", strength=0.0), ROWS, episodes=ROWS)
    np.testing.assert_array_equal(
        twin.values[:, 0], record(SensorWorld(kind="shift", fault="thermostat"), ROWS, episodes=ROWS).values[:, 0]
    )


def test_twins_differ_in_one_row_of_a_hundred():
    targets = record(SensorWorld(fault="twins"), 20_000).targets
    assert (targets[:, 0] != targets[:, 1]).mean() == pytest.approx(0.01, abs=0.003)


def test_a_coupled_variable_moves_without_a_column():
    log, effect = moved(kind="shift", fault="coupled")
    assert log.names == ["c0", "c2", "c3", "c4"]
    assert not log.false.any()
    np.testing.assert_array_equal(effect[:, 0] != 0, log.targets[:, 0])
    np.testing.assert_array_equal(effect[:, 1] != 0, log.targets[:, 0])


def test_a_shuffled_log_keeps_its_counts_only():
    log, effect = moved(kind="shift", fault="shuffled")
    assert log.false.all()
    np.testing.assert_array_equal((effect != 0).sum(axis=0), log.targets.sum(axis=0))
    for i, on in enumerate(log.targets.T):
        assert (effect[on, i] != 0).mean() < 0.2


def test_a_late_log_lags_three_rows():
    world = SensorWorld(kind="shift", fault="late")
    late, in_time = (record(replace(world, fault=fault), 2000).targets.reshape(-1, 200, 5) for fault in ("late", ""))
    np.testing.assert_array_equal(late[:, 3:], in_time[:, :-3])


@pytest.mark.parametrize("memory", [0.9, 0.0])
def test_the_linear_code_is_linear_and_the_smooth_one_less_so(memory):
    for mixing, low, high in (("linear", 1 - 1e-9, 1.0), ("smooth", 0.85, 0.97)):
        log = record(SensorWorld(mixing=mixing, memory=memory), ROWS)
        features = np.concatenate([log.after, np.ones((ROWS, 1))], axis=1)
        rest = log.values - features @ np.linalg.lstsq(features, log.values, rcond=None)[0]
        assert low <= 1 - rest.var() / log.values.var() <= high


def test_streams_are_samples_of_the_same_world():
    first, again, other = (record(SensorWorld(), 400, stream) for stream in (0, 0, 1))
    np.testing.assert_array_equal(first.after, again.after)
    assert not np.allclose(first.after, other.after)
    reading = np.linalg.lstsq(first.after, first.values, rcond=None)[0]
    np.testing.assert_allclose(other.after @ reading, other.values, atol=1e-9)


def test_rows_of_an_episode_follow_each_other():
    log = record(SensorWorld(), 400)
    before, after = (part.reshape(2, 200, -1) for part in (log.before, log.after))
    np.testing.assert_array_equal(before[:, 1:], after[:, :-1])


def test_every_kind_policy_and_fault_has_a_record():
    for kind in worlds.KINDS:
        assert np.isfinite(record(SensorWorld(kind=kind, memory=0.0), 400).after).all()
    for policy in worlds.POLICIES:
        assert record(SensorWorld(policy=policy, num_interventions=9), 400).targets.any(axis=0).all()
    for fault in worlds.FAULTS:
        assert len(record(SensorWorld(fault=fault), 400).names) == (4 if fault == "coupled" else 5)


def test_settings_that_are_in_no_table_are_refused():
    for name, value in {"kind": "shft", "policy": "one", "mixing": "bent", "fault": "lamed"}.items():
        with pytest.raises(ValueError, match=f"the {name} of a sensor world must be one of .*; got '{value}'"):
            SensorWorld(**{name: value})
    with pytest.raises(ValueError, match="the rows of a record must be a multiple of its 3 episodes; got 400"):
        record(SensorWorld(), 400, episodes=3)
    with pytest.raises(ValueError, match="the rows of a record must be at least 500 for its interventions; got 400"):
        record(SensorWorld(policy="few"), 400)


def test_the_nuisance_is_half_slow_and_half_white_of_variance_1():
    values = nuisance((40, 1000), 4, np.random.default_rng(0))
    np.testing.assert_allclose(values.var(axis=(0, 1)), 1, atol=0.06)
    again = [np.corrcoef(values[:, :-1, i].ravel(), values[:, 1:, i].ravel())[0, 1] for i in range(4)]
    np.testing.assert_allclose(again, [0.9, 0.9, 0, 0], atol=0.02)


def test_episodes_begin_where_the_world_has_long_been():
    """The first rows of short episodes are as spread as the rows of long ones."""
    short, long = (record(SensorWorld(strength=0.0), 20_000, episodes=n) for n in (20_000, 20))
    np.testing.assert_allclose(short.previous.std(axis=0), long.values.std(axis=0), rtol=0.1)


def test_a_thermostat_stays_on_until_it_is_warm():
    values = np.array([[0.0, -0.4, -0.6, 0.0, 0.4, 0.6, 0.0, -0.4, -0.6], [-0.1, 0.4, 0.6, 0.0, 0, 0, 0, 0, 0]])
    expected = [[0, 0, 1, 1, 1, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0, 0, 0]]
    assert thermostat(values).astype(int).tolist() == expected


def test_levels_that_are_held_are_on_at_the_start_of_half_of_the_episodes():
    targets = record(SensorWorld(policy="held"), 4000, episodes=1000).targets.reshape(1000, 4, 5)
    assert targets[:, 0].mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("policy", "false"), [("single", True), ("held", False)])
def test_a_late_log_of_levels_that_last_still_says_something_true(policy, false):
    assert record(SensorWorld(fault="late", policy=policy), 400).false.tolist() == [false] * 5
