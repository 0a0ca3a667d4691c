"""Logistic regression on a few features."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

NEWTON_STEPS, PENALTY = 12, 0.1
LONGEST_STEP, CONVERGED = 2.0, 1e-5


def logistic_weights(
    basis: Float[np.ndarray, "rows features"], label: Bool[np.ndarray, " rows"]
) -> Float[np.ndarray, " features"]:
    """Weights by Newton's method, with a small penalty on all but the first.

    Args:
        basis: features of every row, about standardised; the first is the constant 1.
        label: the classes; both must occur.
    """
    share, count = float(label.mean()), basis.shape[1]
    weights, penalty = np.zeros(count), PENALTY * np.diag(np.arange(count) > 0)
    weights[0] = np.log(share / (1 - share))
    for _ in range(NEWTON_STEPS):
        chance = sigmoid(basis @ weights)
        slope = basis.T @ (label - chance) - penalty @ weights
        curvature = (basis * (chance * (1 - chance))[:, None]).T @ basis + penalty
        step = np.linalg.solve(curvature + 1e-9 * np.eye(count), slope)
        largest = float(np.abs(step).max())
        weights = weights + step * min(1.0, LONGEST_STEP / max(largest, CONVERGED))
        if largest < CONVERGED:
            break
    return weights


def sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)))
