"""Cross-validated gains: how well something at another time predicts a target, compared with the target's rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trisect.linear_algebra import solve_ridge

LAGS = (-2, -1, 0, 1, 2, 3)
"""Lags to compare; the last one is never the result."""
FOLDS = 5
BLOCKS = 40
PENALTIES = (0.02, 0.1, 0.5, 2.0)
"""Ridge penalties per row; the best one is used, the same for all lags."""
FORETELLING_ROWS = 8000
FORETOLD = 0.05
"""Share of a target's variance that other targets at other times may explain."""


def gains_of_lags(
    features: np.ndarray, targets: np.ndarray, usable: np.ndarray, lags: Sequence[int] = LAGS
) -> np.ndarray:
    """Squared error saved by the change at every lag, (lags, blocks, K), in units of the target's variance.

    Args:
        features: (rows, F) features of the change into every row.
        targets: (rows, K) 0/1 as float.
        usable: at least `BLOCKS` rows whose neighbours at all lags belong to the same segment.
        lags: the lags to look at.
    """
    blocks = np.array_split(usable, BLOCKS)
    saved = np.stack([_saved(features, targets, blocks, lag) for lag in lags], axis=1)
    best = saved.mean(axis=2).max(axis=1).argmax(axis=0)
    gains = np.stack([saved[p, :, :, k] for k, p in enumerate(best)], axis=-1)
    return np.asarray(gains / np.maximum(targets[usable].var(axis=0), 1e-12))


def _saved(features: np.ndarray, targets: np.ndarray, blocks: list[np.ndarray], lag: int) -> np.ndarray:
    """Mean squared error saved in every block by classifiers fitted to other folds: (penalties, blocks, K)."""
    folds = [np.concatenate(blocks[first::FOLDS]) for first in range(FOLDS)]
    inputs = [features[rows + lag] for rows in folds]
    grams = [part.T @ part for part in inputs]
    crosses = [part.T @ targets[rows] for part, rows in zip(inputs, folds)]
    sums = [part.sum(axis=0) for part in inputs]
    rows_of_all = np.concatenate(folds)
    saved = np.empty((len(PENALTIES), len(blocks), targets.shape[1]))
    for test_fold, rows in enumerate(folds):
        num = len(rows_of_all) - len(rows)
        rate = (targets[rows_of_all].sum(axis=0) - targets[rows].sum(axis=0)) / num
        gram = sum(grams) - grams[test_fold]
        cross = sum(crosses) - crosses[test_fold] - np.outer(sum(sums) - sums[test_fold], rate)
        for p, penalty in enumerate(PENALTIES):
            weights = solve_ridge(gram, cross, penalty * num)
            for number in range(test_fold, len(blocks), FOLDS):
                truth = targets[blocks[number]] - rate
                saved[p, number] = (truth**2 - (truth - features[blocks[number] + lag] @ weights) ** 2).mean(axis=0)
    return saved


def foretold(targets: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Whether the targets of other columns in neighbouring rows predict a column's target, (K,) bool.

    Args:
        targets: (rows, K) targets of all variables.
        usable: rows whose neighbours at all lags belong to the same segment.
    """
    usable = usable[:: -(-len(usable) // FORETELLING_ROWS)]
    lags = [lag for lag in LAGS[:-1] if lag != 0]
    around = np.concatenate([targets[usable + lag] for lag in lags], axis=1).astype(np.float64)
    values = targets[usable].astype(np.float64)
    fold = np.arange(len(usable)) * FOLDS // len(usable)
    column_of = np.tile(np.arange(targets.shape[1]), len(lags))
    residual, total = np.zeros(targets.shape[1]), np.zeros(targets.shape[1])
    for test_fold in range(FOLDS):
        train, test = fold != test_fold, fold == test_fold
        rates, means = values[train].mean(axis=0), around[train].mean(axis=0)
        inputs, test_inputs, truth = around[train] - means, around[test] - means, values[test] - rates
        gram = inputs.T @ inputs + PENALTIES[0] * train.sum() * np.eye(inputs.shape[1])
        cross = inputs.T @ (values[train] - rates)
        total += (truth**2).sum(axis=0)
        for column in range(targets.shape[1]):
            others = np.flatnonzero(column_of != column)
            weights = np.linalg.solve(gram[np.ix_(others, others)], cross[others, column])
            residual[column] += ((truth[:, column] - test_inputs[:, others] @ weights) ** 2).sum()
    return np.asarray(residual < (1 - FORETOLD) * total)
