"""The lag of one variable from its gains, and the words for it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from trisect.data.durations import Runs
from trisect.data.inspect.alternation import Alternation
from trisect.data.inspect.kinds import TargetKind
from trisect.data.inspect.lags import BLOCKS, LAGS
from trisect.data.inspect.variable_lag import MIN_BLOCKS, VariableLag, lag_of, readings

RUNS = Runs(5, 5, 1.0, 1, 1)


def gains(blocks: int = BLOCKS, noise: float = 0.05, **at: float) -> np.ndarray:
    """Gains (lags, blocks) around 0, but for the lags given as ``lag_0=`` and so on."""
    values = noise * np.random.default_rng(0).normal(size=(len(LAGS), blocks))
    for name, gain in at.items():
        values[LAGS.index(int(name.removeprefix("lag_")))] += gain
    return values


def test_the_way_of_reading_with_the_largest_share_decides() -> None:
    found = lag_of("fan", {"targets": gains(lag_0=0.1), "level": gains(lag_1=0.8), "switches": gains()}, 50)
    assert (found.lag, found.read_as) == (1, "level") and found.shares["level"] == pytest.approx(0.8, abs=0.05)
    assert found.sentence == f"its effect shows in the row after (share {found.gains[1]:.2f} as a level)"


def test_gains_count_for_the_share_of_the_blocks_with_an_intervention() -> None:
    few = lag_of("fan", {"targets": gains(BLOCKS // 4, lag_0=2.0)}, 50)
    assert few.gains[0] == pytest.approx(0.5, abs=0.05) and few.lag == 0
    assert lag_of("fan", {"targets": gains(MIN_BLOCKS - 1, lag_0=2.0)}, 50).gains == {}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (VariableLag("a", None, 0.0, {}), "cannot tell in which row its effect shows: too few separate interventions"),
        (VariableLag("a", -1, 1.0, {-1: 0.5}), "its effect shows in the row before (share 0.50)"),
        (VariableLag("a", 2, 1.0, {2: 0.5}, read_as="switches"), "its effect shows in row +2 (share 0.50 as switches)"),
        (
            VariableLag("a", None, 0.1, {0: 0.3, 3: 0.9}),
            "its effect shows (most in its own row: share 0.30)",
        ),
        (
            VariableLag("a", None, 0.1, {0: 0.01, 3: 0.9}),
            "cannot tell whether its effect shows in any row from",
        ),
        (
            VariableLag("a", None, 0.1, {0: 0.01}, is_invisible=True),
            "its effect shows in no row from -2 to 2",
        ),
    ],
)
def test_words(found: VariableLag, sentence: str) -> None:
    assert sentence in found.sentence


def test_held_targets_are_read_as_level_and_as_its_changes() -> None:
    column, segment = np.array([0, 1, 1, 0, 1, 1], bool), np.array([0, 0, 0, 0, 1, 1])
    ways = readings(TargetKind("a", "held", 4, RUNS, None), column, segment)
    assert ways["level"].tolist() == [0, 1, 1, 0, 1, 1] and ways["switches"].tolist() == [0, 1, 0, -1, 0, 0]


def test_switches_are_read_up_and_down() -> None:
    column, segment = np.array([0, 1, 0, 1, 0, 0], bool), np.array([0, 0, 0, 0, 1, 1])
    seen = Alternation(6, 0.9, 0.001, np.array([-1.0, 1, 1, -1, 0, 0]))
    ways = readings(TargetKind("a", "switches", 2, RUNS, seen), column, segment)
    assert ways["switches"].tolist() == [0, 1, 0, -1, 0, 0] and ways["level"].tolist() == [-0.5, 0.5, 0.5, -0.5, 0, 0]
    assert list(readings(TargetKind("a", "momentary", 2, RUNS, seen), column, segment)) == ["targets"]


def test_a_reading_with_a_smaller_share_may_decide_the_lag() -> None:
    """A level that is on for long shows at every lag; the row of its change does not."""
    found = lag_of("box", {"level": gains(lag_0=0.9, lag_1=0.85), "switches": gains(lag_0=0.4)}, 50)
    assert (found.lag, found.read_as) == (0, "switches") and found.shares["level"] == pytest.approx(0.9, abs=0.05)
    neither = lag_of("box", {"level": gains(lag_0=0.9, lag_1=0.85), "switches": gains(lag_0=0.4, lag_1=0.4)}, 50)
    assert (neither.lag, neither.read_as) == (None, "level")


def led(chance: float) -> np.ndarray:
    """Gains (lags, blocks) whose lead at lag 0, over nothing at all lags, has this probability by chance."""
    values = np.zeros((len(LAGS), BLOCKS))
    noise = scipy.stats.zscore(np.random.default_rng(0).normal(size=BLOCKS), ddof=1)
    values[LAGS.index(0)] = noise + scipy.stats.t.isf(chance, BLOCKS - 1) / np.sqrt(BLOCKS)
    return values


def test_the_chance_of_a_lead_counts_all_lags_and_ways_of_reading() -> None:
    """At most 2e-4 in all: 3.3e-5 for each of six lags, and a third of it if there are three ways."""
    nothing = np.zeros((len(LAGS), BLOCKS))
    assert lag_of("fan", {"targets": led(1e-4)}, 50).lag is None
    alone = lag_of("fan", {"targets": led(2e-5)}, 50)
    assert alone.lag == 0 and alone.confidence == pytest.approx(1 - 6 * 2e-5)
    one_of_three = lag_of("fan", {"targets": led(2e-5), "level": nothing, "switches": nothing}, 50)
    assert one_of_three.lag is None and one_of_three.confidence == pytest.approx(1 - 18 * 2e-5)


def test_a_lag_is_no_better_than_nothing_because_the_others_are_worse() -> None:
    assert lag_of("fan", {"targets": gains(lag_0=0.5) - 0.5}, 50).lag is None


def test_the_last_lag_is_never_the_result_but_hinders_one() -> None:
    assert lag_of("fan", {"targets": gains(lag_0=0.4, lag_3=0.8)}, 50).lag is None
    assert lag_of("fan", {"targets": gains(lag_0=0.4, lag_3=0.1)}, 50).lag == 0
