"""Against recordings whose targets were moved by a known number of rows, and undecidable ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from trisect.data.generate import simulate
from trisect.data.inspect.alignment import Alignment, VariableLag, alignment
from trisect.data.inspect.changes import MAX_ROWS
from trisect.data.recording import Recording
from trisect.data.sequences import window_starts
from trisect.variables import anonymous
from trisect.worlds import make


def patches(num_rows: int, seed: int, num_variables: int = 2, rate: float | np.ndarray = 0.1) -> Recording:
    """Frames of 16x16: every variable is the brightness of a patch, which drifts, and jumps when intervened on."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num_rows, num_variables)) < rate
    level = np.zeros((num_rows, num_variables))
    for t in range(1, num_rows):
        drifted = np.clip(level[t - 1] + 0.1 * rng.normal(size=num_variables), -1, 1)
        level[t] = np.where(targets[t], rng.uniform(-1, 1, num_variables), drifted)
    frames = np.full((num_rows, 16, 16, 1), 30, dtype=np.uint8)
    for k in range(num_variables):
        frames[:, 2:6, 4 * k + 1 : 4 * k + 4, 0] = (128 + 100 * level[:, k])[:, None, None]
    return Recording(frames, targets, anonymous([f"v{k}" for k in range(num_variables)]))


def moved(recording: Recording, rows: int) -> Recording:
    """The same frames; the row of frame t is now row t + rows."""
    return replace(recording, targets=np.roll(recording.targets, rows, axis=0))


def pushed(num_rows: int, seed: int, friction: float) -> Recording:
    """Vectors: an intervention on a variable sets its velocity, which shows in the position one row later."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num_rows, 2)) < 0.1
    position, velocity = np.zeros((num_rows, 2)), np.zeros(2)
    for t in range(num_rows):
        if t:
            position[t] = 0.9 * position[t - 1] + velocity + 0.05 * rng.normal(size=2)
        kicks = np.where(targets[t], 2 * rng.normal(size=2), 0)
        velocity = friction * velocity + kicks + 0.1 * rng.normal(size=2)
    return Recording(position.astype(np.float32), targets, anonymous(["a", "b"]))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("rows", [-2, -1, 0, 1, 2])
def test_a_shift_is_found_and_counted(rows: int, seed: int) -> None:
    result = alignment(moved(patches(1500, seed), rows))
    assert result.lag == -rows
    assert [v.lag for v in result.variables] == [-rows, -rows]
    assert all(v.confidence > 0.999 for v in result.variables)


@pytest.mark.parametrize("world", ["ball_in_boxes", "pong"])
@pytest.mark.parametrize("rows", [-1, 0, 1])
def test_worlds_get_the_right_lag(world: str, rows: int) -> None:
    recording = simulate(make(world), 2000, np.random.default_rng(3), episode_length=None)
    result = alignment(moved(recording, rows))
    assert result.lag == -rows and all(v.lag in (None, -rows) for v in result.variables)


@pytest.mark.parametrize("num_rows", [1, 5, 60, 200])
@pytest.mark.parametrize("seed", range(10))
def test_short_recordings_never_get_a_wrong_lag(num_rows: int, seed: int) -> None:
    assert alignment(moved(patches(num_rows, seed), 1)).lag in (None, -1)


@pytest.mark.parametrize("seed", range(10))
def test_shuffled_targets_are_undecided(seed: int) -> None:
    recording = patches(3000, seed)
    shuffled = np.random.default_rng(seed).permutation(recording.targets)
    result = alignment(replace(recording, targets=shuffled))
    assert result.lag is None and all(v.lag is None for v in result.variables)
    assert [f.code for f in result.findings() if f.level == "note"] == ["alignment-unknown"]
    assert {f.code for f in result.findings()} <= {"alignment-unknown", "invisible-interventions"}


def test_interventions_that_change_nothing_are_named() -> None:
    """A third column of targets, drawn at random, moves nothing; every third seed may leave it undecided."""
    named = []
    for seed in range(6):
        recording = patches(3000, seed)
        drawn = np.random.default_rng(seed).random(3000) < 0.15
        targets = np.column_stack([recording.targets, drawn])
        with_fan = replace(recording, targets=targets, variables=anonymous(["v0", "v1", "fan"]), factors=None)
        findings = alignment(with_fan).findings()
        named += [f.variables for f in findings if f.code == "invisible-interventions"]
        for finding in findings:
            if finding.code == "invisible-interventions":
                assert finding.level == "warning" and finding.what.startswith("interventions on fan change nothing")
    assert set(named) == {("fan",)} and len(named) >= 4


def test_few_interventions_that_change_nothing_may_be_faint() -> None:
    recording = patches(1000, 0)
    drawn = np.random.default_rng(0).permutation(recording.targets)
    assert all("invisible" not in f.code for f in alignment(replace(recording, targets=drawn)).findings())


@pytest.mark.parametrize("friction", [0.8, 0.95])
@pytest.mark.parametrize("rows", [-1, 0, 1])
def test_effects_that_show_late_and_last_are_not_taken_for_a_shift(friction: float, rows: int) -> None:
    for seed in range(3):
        assert alignment(moved(pushed(3000, seed, friction), rows)).lag is None


def test_a_variable_that_shows_late_is_no_shift() -> None:
    recording = patches(3000, 0)
    targets = recording.targets.copy()
    targets[:, 1] = np.roll(targets[:, 1], -1)  # its row t now shows in frame t + 1
    result = alignment(replace(recording, targets=targets))
    assert result.lag == 0 and [v.lag for v in result.variables] == [0, 1]


def test_a_variable_recorded_late_is_named() -> None:
    recording = patches(3000, 0)
    targets = recording.targets.copy()
    targets[:, 1] = np.roll(targets[:, 1], 1)
    result = alignment(replace(recording, targets=targets))
    (finding,) = result.findings()
    assert result.lag is None and finding.code == "lags-differ" and finding.level == "warning"
    assert finding.variables == ("v0", "v1")


def test_one_interventions_effect_is_not_taken_for_anothers() -> None:
    """A faint variable is always intervened on one row before a bright one."""
    rng = np.random.default_rng(0)
    recording = patches(3000, 0, rate=np.array([0.0, 0.0]))
    faint = rng.random(3000) < 0.15
    bright = np.roll(faint, 1)
    frames = recording.observations.copy()
    frames[:, 12:14, 1:3, 0] = (100 + 2 * np.cumsum(faint) % 4)[:, None, None]
    frames[:, 2:14, 8:14, 0] = (30 + 200 * (np.cumsum(bright) % 2))[:, None, None]
    paired = replace(recording, observations=frames, targets=np.column_stack([faint, bright]))
    for rows in (-1, 0, 1):
        result = alignment(moved(paired, rows))
        assert result.lag in (None, -rows) and all(v.lag in (None, -rows) for v in result.variables)


def test_targets_that_last_many_rows_do_not_mislead() -> None:
    recording = patches(4000, 0, rate=0.0)
    rng = np.random.default_rng(0)
    lasting = np.repeat(rng.random((400, 2)) < 0.3, 10, axis=0)
    frames = recording.observations.copy()
    for k in range(2):  # during an intervention, every row draws a new brightness of the patch
        level = np.where(lasting[:, k], rng.uniform(30, 220, 4000), frames[:, 3, 4 * k + 2, 0])
        frames[:, 2:6, 4 * k + 1 : 4 * k + 4, 0] = level[:, None, None]
    for rows in (-1, 0, 1):
        assert alignment(moved(replace(recording, observations=frames, targets=lasting), rows)).lag in (None, -rows)


EFFECTS = {
    "instant": (lambda level: 3 * level, {0}),
    "a row late": (lambda level: 3 * np.concatenate([level[:1], level[:-1]]), {1}),
    "slow": (lambda level: scipy.signal.lfilter([0.9], [1, -0.7], level, axis=0), {None, 0}),
    "integrated": (lambda level: scipy.signal.lfilter([0.6], [1, -0.95], level, axis=0), {None, 0}),
}
"""Effect of a level -> its function, and the lags that may be found."""


@pytest.mark.parametrize("as_level", [True, False], ids=["levels", "switches"])
@pytest.mark.parametrize("num_rows", [400, 3000])
@pytest.mark.parametrize("effect", EFFECTS)
def test_held_targets_and_switches_get_the_row_of_their_change(effect: str, num_rows: int, as_level: bool) -> None:
    """Over 12 seeds each, no lag was wrong; instant and late effects were all found, but for one of 48."""
    function, lags = EFFECTS[effect]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        flags = rng.random((num_rows, 2)) < 0.1
        flags[0] = False
        level = (np.cumsum(flags, axis=0) + rng.integers(2, size=2)) % 2
        nuisance = scipy.signal.lfilter([0.6], [1, -0.8], rng.normal(size=(num_rows, 3)), axis=0)
        values = np.column_stack([function(level) + 0.3 * rng.normal(size=(num_rows, 2)), nuisance])
        sensors = (values @ rng.normal(size=(5, 5))).astype(np.float32)
        recording = Recording(sensors, level == 1 if as_level else flags, anonymous(["a", "b"]))
        result = alignment(recording)
        assert {result.lag, *(v.lag for v in result.variables)} <= lags
        assert alignment(moved(recording, 1)).lag in {None if lag is None else lag - 1 for lag in lags}


def test_episodes_are_not_mixed() -> None:
    """Every episode starts at another level: a change across its border must not count."""
    rng = np.random.default_rng(0)
    parts = [patches(30, seed) for seed in range(100)]
    frames = np.concatenate([part.observations.astype(int) + rng.integers(0, 25) for part in parts]).astype(np.uint8)
    targets = np.concatenate([part.targets for part in parts])
    targets[np.arange(100) * 30 - 1] = True  # the last row of every episode, so that a border would look like an effect
    recording = Recording(frames, targets, parts[0].variables, episode_starts=np.arange(100) * 30)
    assert alignment(recording).lag == 0
    assert alignment(Recording(frames, targets, parts[0].variables, episode_starts=np.arange(1500) * 2)).lag is None


def test_a_long_recording_is_read_in_segments() -> None:
    long = patches(3 * MAX_ROWS, 0)
    assert alignment(moved(long, 1)).lag == -1
    rates = np.repeat([[0.1, 0.0], [0.1, 0.0], [0.1, 0.1]], MAX_ROWS, axis=0)
    only_late = patches(3 * MAX_ROWS, 0, rate=rates)
    assert [v.lag for v in alignment(only_late).variables] == [0, 0]


def test_constant_frames_and_few_interventions_are_undecided() -> None:
    recording = patches(500, 0)
    constant = replace(recording, observations=np.zeros_like(recording.observations))
    assert alignment(constant).lag is None
    few = np.zeros_like(recording.targets)
    few[100:109, 0] = True
    assert alignment(replace(recording, targets=few)).variables[0].lag is None
    assert alignment(replace(recording, targets=np.zeros_like(few))).variables == ()


def test_vectors_and_selected_names() -> None:
    recording = patches(2000, 0)
    vectors = recording.observations.reshape(2000, -1).astype(np.float32)
    result = alignment(moved(replace(recording, observations=vectors), 1), ["v1"])
    assert result.lag == -1 and [v.variable for v in result.variables] == ["v1"]
    with pytest.raises(ValueError, match="a variable to align must be"):
        alignment(recording, ["v2"])


def with_lags(*lags: int | None) -> Alignment:
    variables = tuple(VariableLag(f"v{k}", lag, 0.9999, {lag or 0: 0.5, 3: 0.0}) for k, lag in enumerate(lags))
    return Alignment(lags[0] if len(set(lags)) == 1 else None, variables)


@pytest.mark.parametrize(
    ("result", "level", "code", "advice"),
    [
        (with_lags(0, 0), "note", "aligned", "nothing to do"),
        (with_lags(1, 1), "error", "shifted", "move the targets one row later: "),
        (with_lags(-2, -2), "error", "shifted", "move the targets 2 rows earlier: "),
        (
            with_lags(None, None),
            "note",
            "alignment-unknown",
            "check the alignment yourself: row t of the targets must say what",
        ),
        (with_lags(0, -1), "warning", "lags-differ", "record again, or move the columns that are off: "),
        (
            Alignment(None, ()),
            "note",
            "alignment-unknown",
            "check the alignment yourself: row t of the targets must say what",
        ),
    ],
)
def test_findings_say_what_to_do(result: Alignment, level: str, code: str, advice: str) -> None:
    (finding,) = result.findings()
    assert (finding.level, finding.code) == (level, code)
    assert finding.advice.startswith(advice) and "row t of the targets" in str(finding)


@pytest.mark.parametrize("rows", [-1, 1])
def test_following_the_advice_aligns(rows: int) -> None:
    off = moved(patches(1500, 0), rows)
    (finding,) = alignment(off).findings()
    assert alignment(moved(off, 1 if "later" in finding.advice else -1)).lag == 0


def test_a_single_variable_gets_a_lag() -> None:
    assert alignment(moved(patches(1500, 0, num_variables=1), 1)).lag == -1


def test_windows_of_one_row_have_no_change() -> None:
    recording = patches(100, 0)
    single = replace(recording, episode_starts=np.arange(100))
    assert len(window_starts(single.starts, 100, 2)) == 0 and alignment(single).lag is None


def test_undecided_variables_are_named() -> None:
    recording = patches(1500, 0)
    targets = recording.targets.copy()
    targets[np.flatnonzero(targets[:, 1])[5:], 1] = False
    result = alignment(replace(recording, targets=targets))
    assert [v.lag for v in result.variables] == [0, None]
    (finding,) = result.findings()
    assert finding.code == "aligned" and finding.evidence.endswith("; undecided for v1")


@pytest.mark.parametrize("units", [1e-9, 1e4, 10.0 ** np.linspace(-6, 6, 8)], ids=["tiny", "large", "mixed"])
def test_vectors_are_inspected_in_any_units(units) -> None:
    recording = simulate(make("linear"), 2000, np.random.default_rng(1))
    other = replace(recording, observations=((recording.observations + 10) * units).astype(np.float32))
    one, two = alignment(recording), alignment(other)
    assert two.lag == one.lag == 0
    for first, second in zip(one.variables, two.variables):
        assert second.gains == pytest.approx(first.gains, abs=0.01)


def test_a_column_that_is_nearly_always_1_says_nothing_of_its_effect() -> None:
    recording = patches(1500, 0)
    targets = recording.targets.copy()
    targets[:, 0] = True
    targets[[400, 900], 0] = False
    result = alignment(replace(recording, targets=targets))
    assert [v.lag for v in result.variables] == [None, 0]
    assert "too few separate interventions" in result.variables[0].sentence
    assert "invisible-interventions" not in [finding.code for finding in result.findings()]


@pytest.mark.parametrize(("number", "too_few"), [(9, True), (40, False)])
def test_fewer_than_ten_interventions_decide_no_lag(number: int, too_few: bool) -> None:
    recording = patches(1500, 0)
    targets = recording.targets.copy()
    targets[np.flatnonzero(targets[:, 0])[number:], 0] = False
    found = alignment(replace(recording, targets=targets)).variables[0]
    assert ("too few separate interventions" in found.sentence) == (found.gains == {}) == too_few


def test_a_target_that_another_column_predicts_decides_no_lag_also_if_only_one_is_asked_for() -> None:
    recording = patches(1500, 0)
    follows = np.column_stack([recording.targets[:, 0], np.roll(recording.targets[:, 0], 1)])
    assert alignment(recording, ["v0"]).variables[0].lag == 0
    assert alignment(replace(recording, targets=follows), ["v0"]).variables[0].lag is None
