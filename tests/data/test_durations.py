"""Runs of targets, and whether they are held, against loops and random columns."""

from __future__ import annotations

import numpy as np
import pytest

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
