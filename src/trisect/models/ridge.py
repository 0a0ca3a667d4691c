"""Ridge regression a chunk of rows at a time: features are made where they are needed and never held all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trisect.rows import chunks

FeatureMap = Callable[[slice], np.ndarray]
"""Rows of the data -> their features, (rows, M)."""


@dataclass(frozen=True)
class Ridge:
    """A regression on fixed features, for any values.

    Attributes:
        features: of N rows of data.
        fitted: (N,) bool, the rows that regressions are fitted to.
        penalty: L2 penalty, above 0.
        gram: (M, M), the features' products summed over the fitted rows.
    """

    features: FeatureMap
    fitted: np.ndarray
    penalty: float
    gram: np.ndarray

    def extended(self, more: FeatureMap) -> Ridge:
        """The regression on further features as well; only what is new of the gram is computed."""
        cross, own = self._summed(self.features, more), self._summed(more, more)
        features = self.features
        return Ridge(
            lambda rows: np.hstack([features(rows), more(rows)]),
            self.fitted,
            self.penalty,
            np.block([[self.gram, cross], [cross.T, own]]),
        )

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Weights (M,) or (M, V) of values (N,) or (N, V)."""
        cross = self._summed(self.features, lambda rows: values[rows])
        solved: np.ndarray = np.linalg.solve(self.gram + self.penalty * np.eye(len(self.gram)), cross)
        return solved

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """What the regression leaves of values (N, V), on all rows."""
        weights = self.weights(values)
        left = np.array(values, dtype=np.float64)
        for rows in chunks(len(values)):
            left[rows] -= self.features(rows) @ weights
        return left

    def _summed(self, one: FeatureMap, two: FeatureMap) -> np.ndarray:
        parts = ((one(rows)[self.fitted[rows]].T, two(rows)[self.fitted[rows]]) for rows in chunks(len(self.fitted)))
        return np.asarray(sum(first @ second for first, second in parts))


def ridge_on(features: FeatureMap, fitted: np.ndarray, penalty: float) -> Ridge:
    """The regression on these features, see `Ridge`."""
    empty = Ridge(features, fitted, penalty, np.zeros((0, 0)))
    return Ridge(features, fitted, penalty, empty._summed(features, features))
