"""What the inspection says of each column of targets: its kind, the row of its effect, and the better encoding."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.data.inspect.sensor_logs import log

import trisect
from trisect.affordable import affordable_features
from trisect.data.convert.encoding import levels, switches
from trisect.data.dataset import Dataset
from trisect.data.inspect.alternation import Alternation
from trisect.data.inspect.changes import MAX_ROWS, changes_in
from trisect.data.inspect.kinds import target_kinds
from trisect.data.recording import Recording
from trisect.variables import anonymous

SEEDS = range(3)


def inspected(recording: Recording) -> trisect.data.inspect.Inspection:
    return trisect.inspect(Dataset({"train": recording}))


def as_levels(recording: Recording) -> Recording:
    columns = [levels(column, recording.starts) for column in recording.targets.T]
    return replace(recording, targets=np.column_stack(columns))


def line(inspection: trisect.data.inspect.Inspection, name: str) -> str:
    (found,) = [each for each in inspection.facts if each.startswith(f"targets of {name}: ")]
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("form", "kind"),
    [("switches", "switches"), ("redrawn", "momentary"), ("pushed", "momentary"), ("noisier", "momentary")],
)
def test_single_ones_get_their_kind(form: str, kind: str, seed: int) -> None:
    inspection = inspected(log(form, seed, 1000))
    assert [each.kind for each in inspection.kinds] == [kind, kind]
    assert ("switch-targets" in [each.code for each in inspection.findings]) == (kind == "switches")
    assert json.loads(json.dumps(inspection.to_json()))["targets"]["a"]["kind"] == kind


@pytest.mark.parametrize("seed", SEEDS)
def test_switches_show_as_such_in_their_own_row(seed: int) -> None:
    """The effect of a switch on a sensor without memory is complete in its row."""
    inspection = inspected(log("switches", seed, 2000))
    (note,) = [each for each in inspection.findings if each.code == "switch-targets"]
    assert note.level == "note" and "their effect lasts until the next 1, with the other sign" in note.what
    assert "each 1 is one trial" in note.consequence and "the mean over many is about zero" in note.consequence
    assert "(trisect convert ... --encode level, or encode='level')" in note.advice
    for name in "ab":
        assert "; its effect shows in its own row (share 0." in line(inspection, name)


@pytest.mark.parametrize("seed", SEEDS)
def test_held_targets_show_in_the_row_of_their_change(seed: int) -> None:
    recording = as_levels(log("switches", seed, 2000))
    inspection = inspected(recording)
    assert [each.kind for each in inspection.kinds] == ["held", "held"] and inspection.alignment.lag == 0
    (finding,) = [each for each in inspection.findings if each.code == "held-targets"]
    assert finding.level == "note" and {*finding.variables} == {"a", "b"}
    for name, column in zip("ab", recording.targets.T):
        onsets = int((np.diff(column[1:].astype(int)) == 1).sum())  # the level in row 0 is unknown
        assert line(inspection, name).startswith(f"targets of {name}: held, {onsets} onsets, runs of median ")
        assert "as switches); switches fit better (--encode switch): the observations show 0." in line(inspection, name)


@pytest.mark.parametrize("rows", [-1, 1])
def test_held_targets_that_are_a_row_off_are_an_error_now(rows: int) -> None:
    recording = as_levels(log("switches", 0, 2000))
    (error,) = inspected(replace(recording, targets=np.roll(recording.targets, rows, axis=0))).at("error")
    assert error.code == "shifted" and {*error.variables} == {"a", "b"}


def test_a_level_that_acts_in_every_row_is_better_kept() -> None:
    """A heater pushes the temperature in every row in which it is on; where it is switched nothing else happens."""
    rng = np.random.default_rng(0)
    level = np.cumsum(rng.random((3000, 2)) < 0.1, axis=0) % 2 == 1
    heat = np.zeros((3000, 2))
    for t in range(1, 3000):
        heat[t] = 0.98 * heat[t - 1] + level[t] + 0.3 * rng.normal(size=2)
    sensors = (heat @ rng.normal(size=(2, 3))).astype(np.float32)
    recording = Recording(sensors, level, log("fixed", 0).variables)
    for name in "ab":
        assert "; keep the level: the observations show 0." in line(inspected(recording), name)
    flags = np.column_stack([switches(column, np.array([0])) for column in level.T])
    for name in "ab":
        found = line(inspected(replace(recording, targets=flags)), name)
        assert "a level fits better (--encode level)" in found or "no alternation shows" in found


def test_too_few_ones_are_called_unclear() -> None:
    recording = log("switches", 0)
    targets = recording.targets.copy()
    targets[np.flatnonzero(targets[:, 1])[5:], 1] = False
    inspection = inspected(replace(recording, targets=targets))
    assert inspection.kinds[1].kind == "unclear"
    found = line(inspection, "b")
    assert found.startswith("targets of b: momentary or switches (too few to tell), 5 rows, ")
    assert found.endswith("; cannot tell in which row its effect shows: too few separate interventions")


@pytest.mark.parametrize("episodes", [1, 30])
def test_rows_and_features_are_counted(episodes: int) -> None:
    recording = log("pushed", 0, 900, 0.3, episodes)
    rows = np.setdiff1d(np.arange(900), recording.starts)
    quiet = int((~recording.targets[rows].any(axis=1)).sum())
    (found,) = [each for each in inspected(recording).facts if each.startswith("transitions: ")]
    assert found.startswith(f"transitions: {900 - episodes}, of them {quiet} without an intervention")
    assert f"and {affordable_features(900 - episodes)} features of the past" in found
    assert found.endswith(f"alone would afford {affordable_features(quiet)}")


def test_thinning_is_said() -> None:
    short, long = log("pushed", 0, 300), log("pushed", 0, MAX_ROWS + 1000, 0.02)
    assert not any("thinned" in each for each in inspected(short).facts)
    (found,) = [each for each in inspected(long).facts if each.startswith("thinned: ")]
    assert f"20 stretches of 1000 rows, evenly spaced over all {MAX_ROWS + 1000}" in found


@pytest.mark.parametrize(
    ("num_jumps", "share", "chance", "kind"),
    [
        (9, 0.9, 0.001, "switches"),
        (9, 0.9, 0.05, "unclear"),
        (9, 0.9, 0.5, "momentary"),
        (9, 0.1, 1.0, "momentary"),
        (5, 0.0, 1.0, "unclear"),
    ],
)
def test_the_kind_of_single_ones_follows_their_alternation(num_jumps, share, chance, kind, monkeypatch) -> None:
    seen = Alternation(num_jumps, share, chance, np.zeros(300))
    monkeypatch.setattr("trisect.data.inspect.kinds.alternation", lambda changes, column: seen)
    recording = log("pushed", 0, 300)
    assert [each.kind for each in target_kinds(recording, changes_in(recording))] == [kind, kind]


def test_held_columns_are_named_by_their_correlation_whatever_their_order() -> None:
    """And the finding names those, and only those, whose kind is held, although most columns are never 1."""
    rng = np.random.default_rng(0)
    targets = np.zeros((600, 30), dtype=bool)
    for column, rate in ((3, 0.3), (17, 0.04), (20, 0.1)):
        targets[:, column] = np.cumsum(rng.random(600) < rate) % 2
    sensors = rng.normal(size=(600, 2)).astype(np.float32)
    inspection = inspected(Recording(sensors, targets, anonymous([f"v{k}" for k in range(30)])))
    named = [each.variables for each in inspection.findings if each.code == "held-targets"]
    assert named == [("v17",), ("v20", "v3")]
    assert [each.variable for each in inspection.kinds if each.kind == "held"] == ["v3", "v17", "v20"]
