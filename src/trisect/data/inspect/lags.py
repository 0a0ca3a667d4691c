"""Cross-validated gains: how much better than its rate a target is predicted from something at another time."""

from __future__ import annotations

import numpy as np

from trisect.linear_algebra import solve_ridge

LAGS = (-2, -1, 0, 1, 2, 3)
"""The last one is only compared with."""
FOLDS = 5
BLOCKS = 40
PENALTIES = (0.02, 0.1, 0.5, 2.0)
"""Ridge penalties per row; the best of them is taken, the same for all lags."""
FORETELLING_ROWS = 8000
FORETOLD = 0.05
"""Share of a target's variance that others at other times may explain."""


def gains_of_lags(features: np.ndarray, targets: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Squared error saved by the change at every lag, (lags, blocks, K), in units of the target's variance.

    Args:
        features: (rows, F) of the change into every row.
        targets: (rows, K) 0/1 as float.
        usable: rows around which all rows belong together, at least `BLOCKS`.
    """
    blocks = np.array_split(usable, BLOCKS)
    saved = np.stack([_saved(features, targets, blocks, lag) for lag in LAGS], axis=1)
    best = saved.mean(axis=2).max(axis=1).argmax(axis=0)
    chosen = np.stack([saved[p, :, :, k] for k, p in enumerate(best)], axis=-1)
    return np.asarray(chosen / np.maximum(targets[usable].var(axis=0), 1e-12))


def _saved(features: np.ndarray, targets: np.ndarray, blocks: list[np.ndarray], lag: int) -> np.ndarray:
    """Mean squared error saved in every block by classifiers fitted to other folds: (penalties, blocks, K)."""
    folds = [np.concatenate(blocks[first::FOLDS]) for first in range(FOLDS)]
    inputs = [features[rows + lag] for rows in folds]
    grams = [part.T @ part for part in inputs]
    crosses = [part.T @ targets[rows] for part, rows in zip(inputs, folds)]
    sums = [part.sum(axis=0) for part in inputs]
    rows_of_all = np.concatenate(folds)
    saved = np.empty((len(PENALTIES), len(blocks), targets.shape[1]))
    for held, rows in enumerate(folds):
        num = len(rows_of_all) - len(rows)
        rate = (targets[rows_of_all].sum(axis=0) - targets[rows].sum(axis=0)) / num
        gram = sum(grams) - grams[held]
        cross = sum(crosses) - crosses[held] - np.outer(sum(sums) - sums[held], rate)
        for p, penalty in enumerate(PENALTIES):
            weights = solve_ridge(gram, cross, penalty * num)
            for number in range(held, len(blocks), FOLDS):
                truth = targets[blocks[number]] - rate
                saved[p, number] = (truth**2 - (truth - features[blocks[number] + lag] @ weights) ** 2).mean(axis=0)
    return saved


def foretold(targets: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Whether the other columns' targets in the rows before and after tell of a column's target, (K,) bool.

    Args:
        targets: (rows, K) over all variables.
        usable: rows around which all rows belong together.
    """
    usable = usable[:: -(-len(usable) // FORETELLING_ROWS)]
    lags = [lag for lag in LAGS[:-1] if lag != 0]
    around = np.concatenate([targets[usable + lag] for lag in lags], axis=1).astype(np.float64)
    wanted = targets[usable].astype(np.float64)
    fold = np.arange(len(usable)) * FOLDS // len(usable)
    whose = np.tile(np.arange(targets.shape[1]), len(lags))
    left, plain = np.zeros(targets.shape[1]), np.zeros(targets.shape[1])
    for held in range(FOLDS):
        train, test = fold != held, fold == held
        rates, means = wanted[train].mean(axis=0), around[train].mean(axis=0)
        inputs, asked, truth = around[train] - means, around[test] - means, wanted[test] - rates
        gram = inputs.T @ inputs + PENALTIES[0] * train.sum() * np.eye(inputs.shape[1])
        cross = inputs.T @ (wanted[train] - rates)
        plain += (truth**2).sum(axis=0)
        for column in range(targets.shape[1]):
            others = np.flatnonzero(whose != column)
            weights = np.linalg.solve(gram[np.ix_(others, others)], cross[others, column])
            left[column] += ((truth[:, column] - asked[:, others] @ weights) ** 2).sum()
    return np.asarray(left < (1 - FORETOLD) * plain)
