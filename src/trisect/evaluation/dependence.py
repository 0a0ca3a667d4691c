"""How far the variables predict each other in the scored samples: a slot that predicts no more does not leak."""

from __future__ import annotations

import numpy as np

from trisect.evaluation.correlation import correlation
from trisect.evaluation.score_matrix import ScoreMatrix, Truth
from trisect.evaluation.slots import Slots
from trisect.factor_encoding import to_coordinates


def dependence(truth: Truth | None, slots: Slots, rng: np.random.Generator) -> ScoreMatrix | None:
    """R2 of every variable, read from the true values of each slot's variable by the quick probe.

    The last row reads from the variables without a slot, which belong in the noise slot. In a test set whose variables
    are drawn independently all entries but a variable's own are near 0; in recorded sequences they may be large.

    Args:
        truth: factors of the scored samples.
        slots: names the rows.
        rng: splits the samples and draws the probe's features.

    Returns:
        None without factors.
    """
    from trisect.evaluation.probes.probe import RIDGE

    if truth is None:
        return None
    coordinates, table = [], []
    for name in truth.variables.names:
        row = slots.names.index(name) if name in slots.variables else len(slots.names) - 1
        for column in truth.variables.factor_columns(name):
            part = to_coordinates(truth.variables.factors[column], truth.factors[:, column])
            coordinates.append(part)
            table += [np.arange(len(slots.names)) == row] * part.shape[1]
    return correlation(np.concatenate(coordinates, axis=1), Slots(np.stack(table), slots.names), truth, RIDGE, rng).r2
