"""Runs of targets, and whether they are held, against loops and random columns."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from trisect.data.durations import Runs, held_columns, lag_correlation


def by_loop(column: np.ndarray, starts: np.ndarray) -> tuple[list[int], int]:
    """Lengths of runs, and the number of those that begin within an episode."""
    lengths, onsets = [], 0
    for t, on in enumerate(column):
        if on and t not in starts and column[t - 1]:
            lengths[-1] += 1
        elif on:
            lengths.append(1)
            onsets += t not in starts
    return lengths, onsets


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_runs_are_those_of_a_loop(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    column, starts = rng.random(60) < rate, np.union1d([0], rng.integers(0, 60, 4))
    lengths, onsets = by_loop(column, starts)
    runs = Runs.of(column, starts)
    assert (runs.number, runs.onsets) == (len(lengths), onsets)
    if lengths:
        assert (runs.median, runs.shortest, runs.longest) == (np.median(lengths), min(lengths), max(lengths))


def test_held_columns_are_told_from_independent_ones() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.random((500, 200)) < np.linspace(0.02, 0.9, 200)
    long = np.cumsum(rng.random((500, 200)) < 0.05, axis=0) % 2 == 1
    starts = np.array([0, 250])
    assert not held_columns(*lag_correlation(drawn, starts)).any()
    assert held_columns(*lag_correlation(long, starts)).mean() > 0.97


@pytest.mark.parametrize("seed", range(4))
def test_the_chance_of_a_lag_correlation_is_that_of_the_exact_test(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, starts = rng.random((60, 3)) < (0.2, 0.5, 0.8), np.array([0, 20, 21])
    pairs = np.setdiff1d(np.arange(1, 60), starts)
    correlation, chance = lag_correlation(rows, starts)
    for column in range(3):
        before, after = rows[pairs - 1, column], rows[pairs, column]
        table = [[(before & after).sum(), (before & ~after).sum()], [(~before & after).sum(), (~before & ~after).sum()]]
        assert correlation[column] == pytest.approx(np.corrcoef(before, after)[0, 1])
        assert chance[column] == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)


def test_a_faint_correlation_is_not_held_however_sure_it_is() -> None:
    rng = np.random.default_rng(0)
    again = rng.random(20_000) < 0.2
    column = rng.random(20_000) < 0.5
    for t in range(1, len(column)):
        column[t] = column[t - 1] if again[t] else column[t]
    correlation, chance = lag_correlation(column[:, None], np.array([0]))
    assert 0.15 < correlation[0] < 0.25 and chance[0] < 1e-20
    assert not held_columns(correlation, chance).any()


def test_chance_counts_the_columns_that_vary() -> None:
    """A probability of 4e-6 is enough of two columns, not of three; a constant column has a correlation of 0."""
    chance = np.array([4e-6, 1.0, 1.0])
    assert held_columns(np.array([0.8, 0.1, 0.0]), chance).tolist() == [True, False, False]
    assert not held_columns(np.array([0.8, 0.1, -0.1]), chance).any()


def test_episodes_of_one_row_and_recordings_of_one_have_no_lag() -> None:
    column = np.ones((5, 1), dtype=bool)
    assert lag_correlation(column, np.arange(5)) == (0.0, 1.0)
    assert lag_correlation(column[:1], np.array([0])) == (0.0, 1.0)
    assert Runs.of(column[:, 0], np.arange(5)) == Runs(0, 5, 1.0, 1, 1)
