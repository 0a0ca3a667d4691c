"""Ridge regression one chunk of rows at a time: features are computed when needed and never all kept in memory.

Residuals are cross-fitted: those of one fold come from weights that were fitted to the other folds. Residuals of rows
that weights were fitted to are smaller than those of other rows, the more so the fewer rows there are. If the weights
are fitted to rows without interventions, this would look like an effect of interventions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trisect.linear_algebra import solve_ridge
from trisect.rows import CHUNK, chunks

RowSet = slice | np.ndarray
"""Some rows of the data: a slice, or row numbers."""
FeatureMap = Callable[[RowSet], np.ndarray]
"""Rows of the data -> their features, (rows, M)."""
FOLDS, BLOCKS = 4, 40
"""Number of folds, and of blocks of consecutive rows that are dealt out to them in turn."""


@dataclass(frozen=True)
class Ridge:
    """A ridge regression of any values on fixed features.

    Attributes:
        features: maps whose results, side by side, are the M features of the N rows of data.
        fitted: (N,) bool, the rows that regressions are fitted to.
        penalty: L2 penalty, above 0.
        grams: (FOLDS, M, M), products of the features summed over the fitted rows of each fold.
        num_beside: the first so many maps are fitted with the others, but no part of the prediction.
    """

    features: tuple[FeatureMap, ...]
    fitted: np.ndarray
    penalty: float
    grams: np.ndarray
    num_beside: int = 0

    def extended(self, more: FeatureMap) -> Ridge:
        """The regression on further features as well; computes only the new entries of the grams."""
        beside = self._products((*self.features, more), more, self._fitted_rows())
        size = self.grams.shape[1]
        cross, corner = beside[:, :size], beside[:, size:]
        grams = np.block([[self.grams, cross], [cross.transpose(0, 2, 1), corner]])
        return replace(self, features=(*self.features, more), grams=grams)

    def without(self, rows: np.ndarray) -> Ridge:
        """The regression fitted without the rows where ``rows`` (N,) is True."""
        dropped = self.fitted & rows
        if not dropped.any():
            return self
        parts = list(self._parts(dropped))
        columns = [self._products(self.features, features, parts) for features in self.features]
        return replace(self, fitted=self.fitted & ~rows, grams=self.grams - np.concatenate(columns, axis=2))

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Weights (M,) or (M, V) that predict values (N,) or (N, V), fitted to all folds."""
        cross = self._products(self.features, lambda rows: values[rows], self._fitted_rows())
        return solve_ridge(self.grams.sum(axis=0), cross.sum(axis=0), self.penalty)

    def residuals(self, values: np.ndarray) -> np.ndarray:
        """Values (N, V) minus their prediction from the other folds, on all rows."""
        cross = self._products(self.features, lambda rows: values[rows], self._fitted_rows())
        rest = [(self.grams.sum(axis=0) - gram, cross.sum(axis=0) - one) for gram, one in zip(self.grams, cross)]
        weights = [solve_ridge(gram, one, self.penalty) for gram, one in rest]
        residual = np.array(values, dtype=np.float64)
        for fold, rows in self._parts(np.ones(len(values), dtype=bool)):
            first = 0
            for number, features in enumerate(self.features):  # one after the other: joining them would copy them
                part = features(rows)
                if number >= self.num_beside:
                    residual[rows] -= part @ weights[fold][first : first + part.shape[1]]
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

    def _fitted_rows(self) -> list[tuple[int, np.ndarray]]:
        return list(self._parts(self.fitted))

    def _parts(self, used: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """The rows in use, a chunk at a time, each with its fold."""
        for block, rows in enumerate(np.array_split(np.arange(len(used)), BLOCKS)):
            for part in chunks(len(rows), CHUNK):
                chosen = rows[part]
                yield block % FOLDS, chosen[used[chosen]]

    def _products(
        self, features: tuple[FeatureMap, ...], values: FeatureMap, parts: Sequence[tuple[int, np.ndarray]]
    ) -> np.ndarray:
        """Products of all features with some values, (FOLDS, M) or (FOLDS, M, V), summed over each fold's rows."""
        totals: list[list[np.ndarray]] = [[] for _ in range(FOLDS)]
        for fold, rows in parts:
            right = values(rows)
            products = [(right if one is values else one(rows)).T @ right for one in features]
            before = totals[fold]
            totals[fold] = [old + new for old, new in zip(before, products)] if before else products
        return np.stack([np.concatenate(total) for total in totals])


def ridge_on(features: FeatureMap, fitted: np.ndarray, penalty: float, *, beside: FeatureMap | None = None) -> Ridge:
    """Build a regression on these features, see `Ridge`.

    Args:
        features: the features of the prediction.
        fitted: (N,) bool, the rows that it is fitted to.
        penalty: L2 penalty, above 0.
        beside: features that are fitted with the others, but are no part of the prediction.
    """
    empty = Ridge((), fitted, penalty, np.zeros((FOLDS, 0, 0)), 0 if beside is None else 1)
    return (empty if beside is None else empty.extended(beside)).extended(features)
