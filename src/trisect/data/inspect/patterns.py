"""Patterns: the distinct rows of the targets, how often each occurs, and how well they determine one column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import gammaln

EXACT_COLUMNS = 64
"""With up to this many columns the code of a row is its bits; with more it is a sum of random 64-bit numbers, and two
rows share a code by chance about once in 10^7 cases."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """The distinct rows of some columns.

    There are at most N patterns, whatever the number of columns. "The others" of a column are all other columns.

    Attributes:
        rows: (N, all) bool, Fortran order, the rows in time order.
        columns: (K,) the columns of ``rows`` that these patterns consist of, in this order.
        seen: (P, K) bool, the distinct patterns.
        counts: (P,) int64, number of rows with each pattern.
        codes: (P,) uint64, ascending, one number per pattern: the sum of the weights of its ones.
        weights: (K,) uint64, weights of the columns.
    """

    rows: np.ndarray
    columns: np.ndarray
    seen: np.ndarray
    counts: np.ndarray
    codes: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Patterns:
        """The patterns of all columns of (N, K) bool rows."""
        rows, weights = np.asfortranarray(rows), _weights(rows.shape[1])
        codes, first, counts = np.unique(_codes(rows, weights), return_index=True, return_counts=True)
        return cls(rows, np.arange(rows.shape[1]), np.asfortranarray(rows[first]), counts, codes, weights)

    def restrict(self, columns: Sequence[int]) -> Patterns:
        """The patterns of some of these columns, which are renumbered from 0 in this order."""
        seen, weights = self.seen[:, list(columns)], _weights(len(columns))
        codes, first, inverse = np.unique(_codes(seen, weights), return_index=True, return_inverse=True)
        counts = np.bincount(inverse, weights=self.counts, minlength=len(codes)).astype(np.int64)
        return Patterns(self.rows, self.columns[list(columns)], seen[first], counts, codes, weights)

    @property
    def num_rows(self) -> int:
        """N."""
        return len(self.rows)

    @property
    def num_columns(self) -> int:
        """K."""
        return len(self.columns)

    @cached_property
    def ones(self) -> np.ndarray:
        """(K,) int64, number of rows with an intervention on each column."""
        return np.array([self.counts[column].sum() for column in self.seen.T], dtype=np.int64)

    @cached_property
    def effective_counts(self) -> np.ndarray:
        """(P,) float, how often each pattern was drawn independently, between 1 and ``counts``.

        A pattern with n independently drawn rows begins n (1 - n / N) runs; a pattern that lasts for several steps
        begins fewer, and its repeated rows are no further evidence.
        """
        codes = _codes(self.rows[:, self.columns], self.weights)
        begins = np.concatenate([[True], codes[1:] != codes[:-1]])
        runs = np.bincount(np.searchsorted(self.codes, codes[begins]), minlength=len(self.codes))
        drawn = runs / np.maximum(1 - self.counts / self.num_rows, 1 / self.num_rows)
        return np.clip(drawn, 1, self.counts)

    def pair_counts(self, which: np.ndarray | None = None) -> np.ndarray:
        """(K + 1, K + 1) numbers of rows with an intervention on both columns of a pair; the last column is all ones.

        Args:
            which: (P,) bool, the patterns to count; all if None.
        """
        if which is None:
            return self._all_pair_counts
        part = self._dense[which]
        weighted = part * self.counts[which, None].astype(part.dtype)
        return (part.T @ weighted).astype(np.int64)

    @cached_property
    def _all_pair_counts(self) -> np.ndarray:
        return self.pair_counts(np.ones(len(self.seen), dtype=bool))

    @cached_property
    def _dense(self) -> np.ndarray:
        exact = np.float32 if self.num_rows < 2**24 else np.float64
        return np.pad(self.seen, ((0, 0), (0, 1)), constant_values=True).astype(exact, order="C")

    def exceptions(self, column: int) -> int:
        """Number of rows to leave out so that the others determine the column; 0 if they determine it already."""
        return int(self.counts[self._minority(column)].sum())

    def log_chance(self, column: int) -> float:
        """Log of a bound on the probability of so few exceptions if the column were independent of the others.

        It is the sum over the patterns of the others of log(q^n + (1-q)^n), with the column's rate q and n rows with
        its usual value (counted by `effective_counts`), plus the log of the number of ways to choose the exceptions.
        Patterns that occur once contribute nothing.
        """
        usual = self.effective_counts.copy()
        usual[self._minority(column)] = 1
        rate = self.ones[column] / self.num_rows
        exceptions = self.exceptions(column)
        return float(log_constant(usual[usual > 1], rate).sum() + log_choices(self.num_rows, exceptions))

    def _minority(self, column: int) -> np.ndarray:
        """Positions of the patterns that differ from a more frequent one in this column alone."""
        with_it = np.flatnonzero(self.seen[:, column])
        partner_codes = self.codes[with_it] - self.weights[column]
        partners = np.minimum(np.searchsorted(self.codes, partner_codes), len(self.codes) - 1)
        has_partner = self.codes[partners] == partner_codes
        with_it, partners = with_it[has_partner], partners[has_partner]
        return np.where(self.counts[with_it] <= self.counts[partners], with_it, partners)


def log_constant(counts: np.ndarray, rate: float) -> np.ndarray:
    """log(q^n + (1-q)^n): log-probability that n independent draws with rate q, 0 < q < 1, are all the same."""
    return np.logaddexp(counts * np.log(rate), counts * np.log1p(-rate))


def log_choices(total: float, chosen: np.ndarray | float) -> np.ndarray | float:
    """Log of the number of ways to choose some of a total."""
    return gammaln(total + 1) - gammaln(np.asarray(chosen) + 1) - gammaln(total - np.asarray(chosen) + 1)


def _weights(num_columns: int) -> np.ndarray:
    if num_columns <= EXACT_COLUMNS:
        return np.uint64(1) << np.arange(num_columns, dtype=np.uint64)
    return np.random.default_rng(0).integers(2**64, size=num_columns, dtype=np.uint64)


def _codes(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    codes = np.zeros(len(rows), dtype=np.uint64)
    for column, weight in zip(rows.T, weights):
        codes += column * weight
    return codes
