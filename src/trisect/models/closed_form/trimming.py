"""Trimming: find transitions that jump, such as restarts, and leave them out of the contrasts."""

from __future__ import annotations

import numpy as np


def jumping(residual: np.ndarray, targets: np.ndarray, blocks: list[np.ndarray], deviations: float) -> np.ndarray:
    """Transitions (pairs,) bool in which a block jumps although its variable was not intervened on."""
    jumps = np.stack([beyond(residual @ block, deviations).any(axis=1) for block in blocks], axis=1)
    return np.asarray((jumps & ~targets).any(axis=1))


def expendable(targets: np.ndarray, jumps: np.ndarray, enough: int) -> bool:
    """Whether enough transitions with, and without, an intervention on every variable remain without the jumps."""
    left = targets[~jumps]
    return bool(min(left.sum(axis=0).min(), (~left).sum(axis=0).min()) > enough)


def beyond(values: np.ndarray, deviations: float) -> np.ndarray:
    """Which values (rows, ...) lie more than this many robust deviations (1.48 MAD) from their column's median."""
    centred = np.abs(values - np.median(values, axis=0))
    return np.asarray(centred > deviations * 1.48 * np.median(centred, axis=0))
