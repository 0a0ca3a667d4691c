"""Trimming: find transitions that jump, such as restarts, and leave them out of the contrasts."""

from __future__ import annotations

import numpy as np

MIN_LEFT = 0.5
"""Smallest share of a variable's interventions, and of the transitions without, that must remain."""


def jumping(residual: np.ndarray, targets: np.ndarray, blocks: list[np.ndarray], deviations: float) -> np.ndarray:
    """Transitions (pairs,) bool in which a block jumps although its variable was not intervened on."""
    jumps = np.stack([beyond(residual @ block, deviations).any(axis=1) for block in blocks], axis=1)
    return np.asarray((jumps & ~targets).any(axis=1))


def expendable(targets: np.ndarray, jumps: np.ndarray) -> bool:
    """Whether half of the transitions with, and of those without, an intervention on every variable remain."""
    left = targets[~jumps]
    enough = left.sum(axis=0) >= MIN_LEFT * targets.sum(axis=0)
    return bool((enough & ((~left).sum(axis=0) >= MIN_LEFT * (~targets).sum(axis=0))).all())


def beyond(values: np.ndarray, deviations: float) -> np.ndarray:
    """Which values (rows, ...) lie more than this many robust deviations (1.48 MAD) from their column's median."""
    centred = np.abs(values - np.median(values, axis=0))
    return np.asarray(centred > deviations * 1.48 * np.median(centred, axis=0))
