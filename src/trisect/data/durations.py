"""How long interventions last: runs of 1s in a column of targets, and its correlation with the row before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

HELD = 0.3
"""Correlation with the row before above which a column is held."""
HELD_CHANCE = 1e-5
"""Largest probability of such a correlation, if the rows were in random order, at which a column is held."""


@dataclass(frozen=True)
class Runs:
    """The runs of 1s in a column; none crosses the border of an episode.

    Attributes:
        onsets: number of rows at which the column turns from 0 to 1 within an episode.
        number: number of runs, those that begin with an episode included.
        median, shortest, longest: rows per run; 0 if there is none.
    """

    onsets: int
    number: int
    median: float
    shortest: int
    longest: int

    @classmethod
    def of(cls, column: np.ndarray, starts: np.ndarray) -> Runs:
        """The runs of a column (N,) bool with episodes that start at these rows.

        Example:
            >>> Runs.of(np.array([1, 1, 0, 1, 1, 1], bool), np.array([0, 5]))
            Runs(onsets=1, number=3, median=2.0, shortest=1, longest=2)
        """
        border = np.zeros(len(column) + 1, dtype=bool)
        border[starts], border[-1] = True, True
        before = np.concatenate([[False], column]) & ~border
        after = np.concatenate([column, [False]])
        begins = np.flatnonzero(after & ~before)
        ends = np.flatnonzero(np.concatenate([[False], column]) & (border | ~after))
        lengths, onsets = ends - begins, int((~border[begins]).sum())
        if not len(lengths):
            return cls(0, 0, 0.0, 0, 0)
        return cls(onsets, len(lengths), float(np.median(lengths)), int(lengths.min()), int(lengths.max()))


def lag_correlation(rows: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of each column with itself one step later, and its p-value under random order of the steps.

    Args:
        rows: (N, K) bool.
        starts: rows where episodes start; no step leads from one episode to the next.

    Returns:
        (K,) correlations in [-1, 1], 0 where a column is constant, and (K,) p-values of Fisher's exact test, one-sided.
    """
    within = np.ones(max(len(rows) - 1, 0), dtype=bool)
    within[starts[starts > 0] - 1] = False
    correlation, chance = np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    for column in range(rows.shape[1]):
        before, after = rows[:-1, column][within], rows[1:, column][within]
        both, first, second, pairs = (int(np.count_nonzero(x)) for x in (before & after, before, after, within))
        spread = (first * (pairs - first)) ** 0.5 * (second * (pairs - second)) ** 0.5
        if spread > 0:
            correlation[column] = (both * pairs - first * second) / spread
            chance[column] = stats.hypergeom.sf(both - 1, pairs, first, second)
    return correlation, chance


def held_columns(lag: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Whether each column is held, (K,) bool: 1s that evidently last for several rows.

    The largest probability by chance is that of a row of columns that vary; constant ones change nothing.

    Args:
        lag, chance: (K,) each, from `lag_correlation`.
    """
    return np.asarray((lag > HELD) & (chance < HELD_CHANCE / max(int(np.count_nonzero(lag)), 1)))
