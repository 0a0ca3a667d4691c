"""Switches are told from every other kind of single 1s, with few mistakes, and up from down."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.inspect.sensor_logs import FORMS, log

from trisect.data.inspect.alternation import FEWEST_JUMPS, Alternation, alternation
from trisect.data.inspect.changes import changes_in
from trisect.data.recording import Recording

SHAPES = {"one": (600, 0.1, 1), "twelve": (600, 0.1, 12), "many short": (600, 0.4, 120), "few": (300, 0.06, 10)}
"""Rows, rate of 1s, episodes."""


def both(recording: Recording):
    changes = changes_in(recording)
    return [alternation(changes, recording.targets[changes.rows, k]) for k in range(2)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", FORMS)
def test_switches_are_told_from_other_targets(form: str, shape: str) -> None:
    """Over 30 recordings of two columns: switches at least 53 of 60 (60 unless few), others at most 2 (mostly 0)."""
    num, rate, episodes = SHAPES[shape]
    seen = [each for seed in range(5) for each in both(log(form, seed, num, rate, episodes))]
    evident = sum(each.is_evident for each in seen)
    assert evident >= (7 if shape == "few" else 10) if form == "switches" else evident <= 1


@pytest.mark.parametrize("episodes", [1, 12])
def test_the_level_is_that_of_the_switches_up_to_one_sign(episodes: int) -> None:
    recording = log("switches", 0, 600, 0.1, episodes)
    for column, seen in enumerate(both(recording)):
        level = seen.level
        known = level != 0
        assert known.mean() > 0.8 and {*np.unique(level)} <= {-1.0, 0.0, 1.0}
        turned = np.flatnonzero(np.diff(level) != 0) + 1
        inside = np.setdiff1d(turned, recording.starts)
        assert recording.targets[inside, column].all()
        inputs = np.column_stack([recording.observations[known], np.ones(known.sum())])
        readout = inputs @ np.linalg.lstsq(inputs, level[known], rcond=None)[0]
        assert np.corrcoef(readout, level[known])[0, 1] > 0.9


def test_up_is_the_same_in_every_episode_however_it_begins() -> None:
    """A sensor that shows the level itself: the level found is that sensor's, with one sign for all episodes."""
    rng = np.random.default_rng(0)
    starts, flags = np.arange(0, 400, 40), rng.random(400) < 0.12
    flags[starts] = False
    on = np.concatenate([(np.cumsum(flags[s : s + 40]) + rng.integers(2)) % 2 for s in starts])
    recording = log("noisier", 0, 400)
    sensors = np.column_stack([5.0 * on, rng.normal(size=(400, 2))]).astype(np.float32)
    changes = changes_in(Recording(sensors, recording.targets, recording.variables, episode_starts=starts))
    seen = alternation(changes, flags)
    known = seen.level != 0
    agree = (seen.level[known] > 0) == (on[known] == 1)
    assert seen.is_evident and (agree.all() or not agree.any())


def test_units_do_not_matter() -> None:
    recording = log("switches", 1)
    units = 10.0 ** np.linspace(-6, 6, recording.observations.shape[1])
    scaled = (recording.observations * units).astype(np.float32)
    one, two = (both(Recording(o, recording.targets, recording.variables)) for o in (recording.observations, scaled))
    assert [each.share for each in two] == pytest.approx([each.share for each in one], abs=1e-4)


def test_too_few_ones_and_constant_observations_show_nothing() -> None:
    recording = log("switches", 0)
    changes = changes_in(recording)
    column = np.zeros(len(recording), dtype=bool)
    column[np.arange(1, FEWEST_JUMPS) * 20] = True
    few = alternation(changes, column)
    assert (few.num_jumps, few.share, few.is_evident) == (FEWEST_JUMPS - 1, 0.0, False)
    assert alternation(changes, np.zeros(len(recording), bool)).num_jumps == 0
    still = Recording(np.ones_like(recording.observations), recording.targets, recording.variables)
    assert [each.share for each in both(still)] == [0.0, 0.0]


def test_sensors_without_noise_show_switches_too() -> None:
    """Each column moves one direction alone, so that the jumps have no extent in the other one."""
    flags = np.random.default_rng(0).random((600, 2)) < 0.05
    flags[0] = False
    on = np.cumsum(flags, axis=0) % 2
    found = both(Recording((on @ [[1.0, 2.0], [-1.0, 0.5]]).astype(np.float32), flags, log("fixed", 0).variables))
    assert all(each.is_evident and each.share > 0.999 for each in found)


def test_of_many_ones_the_first_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trisect.data.inspect.alternation.MOST_JUMPS", 20)
    found = both(log("switches", 0))
    assert [each.num_jumps for each in found] == [20, 20] and all(each.is_evident for each in found)


def test_ones_at_which_nothing_moves_at_all_are_no_switches() -> None:
    """The sensors rest for good before the first 1 of the second column."""
    flags = np.zeros((600, 2), dtype=bool)
    flags[10:200:15, 0] = flags[300:600:20, 1] = True
    sensors = (np.cumsum(flags[:, :1], axis=0) % 2 @ [[1.0, 2.0]]).astype(np.float32)
    first, second = both(Recording(sensors, flags, log("fixed", 0).variables))
    assert first.is_evident and not second.is_evident and second.num_jumps == 15


@pytest.mark.parametrize(
    ("share", "chance", "is_evident", "is_possible"),
    [
        (0.9, 0.005, True, True),
        (0.9, 0.05, False, True),
        (0.9, 0.2, False, False),
        (0.6, 0.005, True, False),
        (0.6, 0.05, False, False),
        (0.4, 0.005, False, False),
    ],
)
def test_both_the_share_and_its_chance_decide(share, chance, is_evident, is_possible) -> None:
    seen = Alternation(9, share, chance, np.zeros(1))
    assert (seen.is_evident, seen.is_possible) == (is_evident, is_possible)
