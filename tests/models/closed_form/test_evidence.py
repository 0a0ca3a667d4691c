"""Errors, p-values and verdicts: compared with the truth over many worlds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.sensor_worlds import KINDS, SensorWorld, record
from scipy import stats

from trisect.models.closed_form.directions import contrasts, directions_of
from trisect.models.closed_form.effects import measure
from trisect.models.closed_form.evidence import Replicates, statement
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.leakage import LeakageSettings
from trisect.models.closed_form.splitting import SplittingSettings
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, Statement

SETTINGS = ClosedFormSettings(
    num_features=60, leakage=LeakageSettings(sweeps=0), splitting=SplittingSettings(enabled=False)
)


def replicates(residual: np.ndarray, targets: np.ndarray) -> Replicates:
    """The first directions of all targets, again without each group."""
    past = np.random.default_rng(99).normal(size=residual.shape)
    sums = measure(residual, targets, past, np.ones(len(targets), dtype=bool))
    return Replicates(sums, [directions_of(each, 1) for each in contrasts(sums)])


def test_the_interval_of_the_expected_r2_holds_the_true_r2_in_about_95_percent() -> None:
    """Two variables that add 3 m n to white noise in oblique units: the direction is (1 + 3 m_j m_j')^-1 m_i."""
    inside, errors = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        num, root = 2000, np.eye(6) + 0.3 * np.tri(6, k=-1)
        targets, moves = rng.random((num, 2)) < 0.15, rng.normal(size=(2, 6))
        moves /= np.linalg.norm(moves, axis=1, keepdims=True)
        added = (targets * np.sqrt(3) * rng.normal(size=(num, 2))) @ moves
        found = replicates((rng.normal(size=(num, 6)) + added) @ root.T, targets)
        for i in range(2):
            other = np.eye(6) + 3 * np.outer(moves[1 - i], moves[1 - i])
            truth = np.linalg.solve(root.T, np.linalg.solve(other, moves[i]))
            v = found.found[i].vectors[:, 0]
            r2 = (truth @ v) ** 2 / (truth @ truth) / (v @ v)
            said = statement(found, i, 1, "lamp")
            inside.append(said.low <= r2 <= said.high)
            errors.append((1 - said.expected_r2) / (1 - r2))
    assert 0.85 <= np.mean(inside) < 1.0
    assert 0.7 < np.median(errors) < 1.8


@pytest.mark.parametrize(("num", "size"), [(500, 2), (1000, 6)])
def test_p_values_are_uniform_where_interventions_change_nothing(num: int, size: int) -> None:
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        targets = rng.random((num, 1)) < 0.2
        p_values.append(replicates(rng.normal(size=(num, size)), targets).p_values(0)[0])
    assert stats.kstest(p_values, "uniform").pvalue > 0.005
    assert np.mean(np.array(p_values) < 0.01) <= 0.03 and np.mean(np.array(p_values) < 0.1) <= 0.15


def said(world: SensorWorld, rows: int = 4000, stream: int = 0) -> tuple[Statement, ...]:
    log = record(world, rows, stream)
    return identify(log.before, log.after, log.targets, SETTINGS, log.names).statements


SMALL = SensorWorld(num_variables=2, num_nuisance=3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("memory", [0.9, 0.0])
def test_variables_are_found_whatever_the_interventions_do(kind: str, memory: float) -> None:
    policy = "held" if kind == "hold" else "independent"
    world = SensorWorld(kind=kind, policy=policy, memory=memory, num_variables=3, num_nuisance=4)
    statements = said(world, 8000)
    assert [each.verdict for each in statements] == [FOUND] * 3
    assert [each.variable for each in statements] == ["c0", "c1", "c2"]
    for each in statements:
        assert each.low >= 0.8 and each.low <= each.expected_r2 <= each.high and each.p_value < 0.01
        assert each.settling is None and each.reason == ""


def test_interventions_that_do_nothing_are_never_found() -> None:
    for seed in range(40):
        dead, lives = said(replace(SMALL, fault="dead", kind="shift", seed=seed), 2000)
        assert dead.verdict != FOUND and (dead.low < 0.8 or dead.p_value > 0.01), seed
        assert lives.verdict == FOUND, seed


def test_many_interventions_that_do_nothing_are_said_not_to_be_there() -> None:
    verdicts = [said(replace(SMALL, fault="dead", seed=seed), 10_000)[0].verdict for seed in range(6)]
    assert FOUND not in verdicts and verdicts.count(NOT_THERE) >= 4


def test_targets_that_follow_from_others_cannot_be_told() -> None:
    log = record(SMALL, 4000)
    targets = np.column_stack([log.targets, log.targets.any(axis=1)])
    statements = identify(log.before, log.after, targets, SETTINGS).statements
    assert [each.verdict for each in statements] == [CANNOT_TELL] * 3
    assert all("follow from those of the other variables" in str(each) for each in statements)
    assert all(each.settling is None and each.advice == "" for each in statements)


def test_the_number_of_interventions_that_would_settle_it_does() -> None:
    """Worlds with some 30 weak interventions, and again with as many as the statement asks for."""
    settled = []
    for seed in range(8):
        few = SensorWorld(kind="shift", policy="few", num_interventions=30, seed=seed, num_variables=2, strength=0.6)
        for column, each in enumerate(said(few, 2000)):
            if each.verdict == CANNOT_TELL and each.settling and each.settling < 1500:
                assert each.settling > 30 and "would settle it" in str(each)
                again = said(replace(few, num_interventions=each.settling), 200 * (each.settling // 5 + 10), stream=1)
                settled.append(again[column].verdict == FOUND)
    assert len(settled) >= 5 and np.mean(settled) >= 0.7
