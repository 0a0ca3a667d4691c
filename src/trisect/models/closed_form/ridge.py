"""Ridge regression one chunk of rows at a time: features are computed when needed and never all kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trisect.linear_algebra import solve_ridge
from trisect.rows import chunks

RowSet = slice | np.ndarray
"""Some rows of the data: a slice, or row numbers."""
FeatureMap = Callable[[RowSet], np.ndarray]
"""Rows of the data -> their features, (rows, M)."""


@dataclass(frozen=True)
class Ridge:
    """A ridge regression of any values on fixed features.

    Attributes:
        features: maps whose results, side by side, are the M features of the N rows of data.
        fitted: (N,) bool, the rows that regressions are fitted to.
        penalty: L2 penalty, above 0.
        gram: (M, M), products of the features summed over the fitted rows.
    """

    features: tuple[FeatureMap, ...]
    fitted: np.ndarray
    penalty: float
    gram: np.ndarray

    def extended(self, more: FeatureMap) -> Ridge:
        """The regression on further features as well; computes only the new entries of the gram."""
        beside = self._products((*self.features, more), more, self._fitted_rows())
        cross, corner = beside[: len(self.gram)], beside[len(self.gram) :]
        gram = np.block([[self.gram, cross], [cross.T, corner]])
        return Ridge((*self.features, more), self.fitted, self.penalty, gram)

    def without(self, rows: np.ndarray) -> Ridge:
        """The regression fitted without the rows where ``rows`` (N,) is True."""
        dropped = np.flatnonzero(self.fitted & rows)
        if not len(dropped):
            return self
        dropped_chunks = [dropped[part] for part in chunks(len(dropped))]
        columns = [self._products(self.features, features, dropped_chunks) for features in self.features]
        return Ridge(self.features, self.fitted & ~rows, self.penalty, self.gram - np.hstack(columns))

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Weights (M,) or (M, V) that predict values (N,) or (N, V)."""
        cross = self._products(self.features, lambda rows: values[rows], self._fitted_rows())
        return solve_ridge(self.gram, cross, self.penalty)

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """Values (N, V) minus their prediction, on all rows."""
        weights = self.weights(values)
        residual = np.array(values, dtype=np.float64)
        for rows in chunks(len(values)):
            first = 0
            for features in self.features:  # one after the other: joining them would copy them
                part = features(rows)
                residual[rows] -= part @ weights[first : first + part.shape[1]]
                first += part.shape[1]
        return residual

    def residuals_beside(self, more: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Residuals of values (N, V) in the regression on these features and a few more, (N, F); in two steps."""
        return self.residuals_beside_each([(more, values)])[0]

    def residuals_beside_each(self, cases: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        """`residuals_beside` for several pairs of further features and values, in one pass over the rows."""
        parts = [part for case in cases for part in case]
        ends = np.cumsum([part.shape[1] for part in parts])[:-1]
        residuals = np.split(self.residuals(np.hstack(parts)), ends, axis=1)
        return [self._residual_beside(more, *residuals[2 * k : 2 * k + 2]) for k, (more, _) in enumerate(cases)]

    def _residual_beside(self, more: np.ndarray, of_more: np.ndarray, of_values: np.ndarray) -> np.ndarray:
        """Residual of values when regressed on further features as well, from this regression's residuals of both."""
        used = more[self.fitted]
        gram, cross = used.T @ of_more[self.fitted], used.T @ of_values[self.fitted]
        return of_values - of_more @ solve_ridge(gram, cross, self.penalty)

    def _fitted_rows(self) -> list[np.ndarray]:
        return [np.arange(rows.start, rows.stop)[self.fitted[rows]] for rows in chunks(len(self.fitted))]

    def _products(self, features: tuple[FeatureMap, ...], values: FeatureMap, parts: list[np.ndarray]) -> np.ndarray:
        """Products of all features with some values, (M,) or (M, V), summed over chunks of rows."""
        total: list[np.ndarray] = []
        for rows in parts:
            right = values(rows)
            products = [(right if one is values else one(rows)).T @ right for one in features]
            total = [old + new for old, new in zip(total, products)] if total else products
        return np.concatenate(total)


def ridge_on(features: FeatureMap, fitted: np.ndarray, penalty: float) -> Ridge:
    """Build a regression on these features, see `Ridge`."""
    return Ridge((), fitted, penalty, np.zeros((0, 0))).extended(features)
