"""Ridge regression a chunk of rows at a time: features are made where they are needed and never held all at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trisect.rows import chunks

RowSet = slice | np.ndarray
"""Some rows of the data: a slice, or their numbers."""
FeatureMap = Callable[[RowSet], np.ndarray]
"""Rows of the data -> their features, (rows, M)."""


@dataclass(frozen=True)
class Ridge:
    """A regression on fixed features, for any values.

    Attributes:
        features: maps whose results, side by side, are the M features of N rows of data.
        fitted: (N,) bool, the rows that regressions are fitted to.
        penalty: L2 penalty, above 0.
        gram: (M, M), the features' products summed over the fitted rows.
    """

    features: tuple[FeatureMap, ...]
    fitted: np.ndarray
    penalty: float
    gram: np.ndarray

    def extended(self, more: FeatureMap) -> Ridge:
        """The regression on further features as well; only what is new of the gram is computed."""
        beside = self._products((*self.features, more), more, self._fitted_rows())
        cross, own = beside[: len(self.gram)], beside[len(self.gram) :]
        gram = np.block([[self.gram, cross], [cross.T, own]])
        return Ridge((*self.features, more), self.fitted, self.penalty, gram)

    def without(self, rows: np.ndarray) -> Ridge:
        """The regression fitted to fewer rows: not to those where ``rows`` (N,) is True."""
        dropped = np.flatnonzero(self.fitted & rows)
        if not len(dropped):
            return self
        gone = [dropped[part] for part in chunks(len(dropped))]
        columns = [self._products(self.features, features, gone) for features in self.features]
        return Ridge(self.features, self.fitted & ~rows, self.penalty, self.gram - np.hstack(columns))

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Weights (M,) or (M, V) of values (N,) or (N, V)."""
        cross = self._products(self.features, lambda rows: values[rows], self._fitted_rows())
        solved: np.ndarray = np.linalg.solve(self.gram + self.penalty * np.eye(len(self.gram)), cross)
        return solved

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """What the regression leaves of values (N, V), on all rows."""
        weights = self.weights(values)
        left = np.array(values, dtype=np.float64)
        for rows in chunks(len(values)):
            first = 0
            for features in self.features:  # one after the other: side by side they would be copied
                part = features(rows)
                left[rows] -= part @ weights[first : first + part.shape[1]]
                first += part.shape[1]
        return left

    def residuals_beside(self, more: np.ndarray, values: np.ndarray) -> np.ndarray:
        """What the regression on these features and a few more, (N, F), leaves of values (N, V); in two steps."""
        return self.residuals_beside_each([(more, values)])[0]

    def residuals_beside_each(self, cases: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
        """`residuals_beside` for several pairs of further features and values; all share the walk over the rows."""
        parts = [part for case in cases for part in case]
        free = np.split(self.residuals(np.hstack(parts)), np.cumsum([part.shape[1] for part in parts])[:-1], axis=1)
        return [self._freed(more, *free[2 * k : 2 * k + 2]) for k, (more, _) in enumerate(cases)]

    def _freed(self, more: np.ndarray, of_more: np.ndarray, of_values: np.ndarray) -> np.ndarray:
        """What further features leave of values; given is what this regression leaves of both."""
        used = more[self.fitted]
        gram = used.T @ of_more[self.fitted] + self.penalty * np.eye(more.shape[1])
        return of_values - of_more @ np.linalg.solve(gram, used.T @ of_values[self.fitted])

    def _fitted_rows(self) -> list[np.ndarray]:
        return [np.arange(rows.start, rows.stop)[self.fitted[rows]] for rows in chunks(len(self.fitted))]

    def _products(self, features: tuple[FeatureMap, ...], values: FeatureMap, parts: list[np.ndarray]) -> np.ndarray:
        """All features' products with some values, (M,) or (M, V), summed over parts of the rows."""
        total: list[np.ndarray] = []
        for rows in parts:
            right = values(rows)
            products = [(right if one is values else one(rows)).T @ right for one in features]
            total = [old + new for old, new in zip(total, products)] if total else products
        return np.concatenate(total)


def ridge_on(features: FeatureMap, fitted: np.ndarray, penalty: float) -> Ridge:
    """The regression on these features, see `Ridge`."""
    return Ridge((), fitted, penalty, np.zeros((0, 0))).extended(features)
