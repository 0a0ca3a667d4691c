"""Where recordings start again: joints planted at known rows, in worlds, in vectors, and in ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.data.generate import simulate
from trisect.data.inspect.changes import changes_in
from trisect.data.inspect.cuts import change_sizes, cut_findings, find_period
from trisect.data.inspect.findings import Finding
from trisect.data.recording import Recording
from trisect.variables import anonymous
from trisect.worlds import make


def findings_on(recording: Recording) -> list[Finding]:
    return cut_findings(recording, changes_in(recording))


def in_episodes(world: str, num_rows: int, length: int | None, seed: int) -> Recording:
    return simulate(make(world), num_rows, np.random.default_rng((seed, num_rows)), episode_length=length)


def walk(num_rows: int, seed: int, jumps: tuple[int, ...] = ()) -> Recording:
    """Three entries of vectors drift; at some rows two of them jump; the third is now and then intervened on."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num_rows, 1)) < 0.05
    targets[list(jumps)] = False
    steps = 0.1 * rng.normal(size=(num_rows, 3))
    steps[list(jumps), :2] += 2.0
    drift = np.zeros((num_rows, 3))
    for t in range(1, num_rows):
        drift[t] = 0.95 * drift[t - 1] + steps[t]
        drift[t, 2] = rng.normal() if targets[t, 0] else drift[t, 2]
    return Recording(drift.astype(np.float32), targets, anonymous(["third"]))


@pytest.mark.parametrize("world", ["ball_in_boxes", "pong", "linear"])
@pytest.mark.parametrize(("num_rows", "length"), [(800, 20), (2000, 100), (5000, 250)])
def test_joined_episodes_of_one_length_are_found(world: str, num_rows: int, length: int) -> None:
    apart = in_episodes(world, num_rows, length, 0)
    assert "joined-episodes" not in [finding.code for finding in findings_on(apart)]
    (finding,) = findings_on(replace(apart, episode_starts=np.zeros(1, dtype=np.int64)))
    assert (finding.level, finding.code) == ("warning", "joined-episodes")
    assert finding.what == f"the recording seems to start again every {length} rows"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("world", ["ball_in_boxes", "pong", "linear"])
def test_no_alarm_on_a_single_episode(world: str, seed: int) -> None:
    assert all(finding.level == "note" for finding in findings_on(in_episodes(world, 3000, None, seed)))


def test_a_jump_without_an_intervention_is_named() -> None:
    (finding,) = findings_on(walk(1500, 0, (400, 901)))
    assert (finding.level, finding.code) == ("note", "cuts")
    assert finding.what.startswith("2 of ") and finding.evidence == "rows 400, 901"
    assert findings_on(walk(1500, 0)) == []


def test_a_jump_between_episodes_is_none() -> None:
    recording = walk(1500, 0, (400,))
    assert findings_on(replace(recording, episode_starts=np.array([0, 400]))) == []


def test_jumps_that_interventions_explain_are_none() -> None:
    recording = walk(1500, 0, (400,))
    targets = recording.targets.copy()
    targets[400] = True
    assert findings_on(replace(recording, targets=targets)) == []


@pytest.mark.parametrize("times", [2, 3, 7])
def test_regularly_repeated_frames_are_no_joints(times: int) -> None:
    recording = in_episodes("pong", 1000, None, 0)
    rows = np.repeat(np.arange(1000), times)
    targets = np.where(np.arange(len(rows))[:, None] % times == 0, recording.targets[rows], False)
    twice = Recording(recording.observations[rows], targets, recording.variables)
    assert "joined-episodes" not in [finding.code for finding in findings_on(twice)]


def test_too_few_steps_give_no_finding() -> None:
    assert findings_on(walk(90, 0, (50,))) == []


def test_sizes_are_distances_in_the_units_of_usual_changes() -> None:
    rng = np.random.default_rng(0)
    mixing = np.array([[2.0, 0.0], [1.9, 0.1]])
    changes = rng.normal(size=(20_000, 2)) @ mixing.T
    changes[:100] *= 30  # no usual ones
    sizes = change_sizes(changes, np.arange(20_000) >= 50)
    truth = np.linalg.norm(np.linalg.solve(mixing, changes.T), axis=0)
    ratio = sizes[100:] / truth[100:]
    assert ratio.std() / ratio.mean() < 0.03  # one scale for all: trimming makes it somewhat larger than one
    assert 1.0 < ratio.mean() < 1.25


def test_ranks_by_chance_show_no_period() -> None:
    rows = np.arange(1, 600)
    ranks = [np.random.default_rng(seed).random(len(rows)) for seed in range(300)]
    assert not any(find_period(rows, each, 600) for each in ranks)


def test_a_period_is_found_and_its_numbers_are_right() -> None:
    rows = np.arange(1, 600)
    ranks = np.random.default_rng(0).random(len(rows))
    ranks[rows % 40 == 0] = 0.99
    period = find_period(rows, ranks, 600)
    assert period is not None
    assert (period.rows, period.joints) == (40, 14)
    assert period.rank == pytest.approx(0.99)
    # the sum of 14 surprises of -log(0.01) under Gamma(14): a tail of e^-x sum of x^k / k!, times the periods tried
    x = 14 * -np.log(0.01)
    tail = np.exp(-x) * sum(x**k / np.prod(np.arange(1, k + 1, dtype=float)) for k in range(14))
    num_tried = sum((600 - 1) // rows_apart >= 6 for rows_apart in range(2, 101))
    assert period.chance == pytest.approx(tail * num_tried, rel=1e-6)
