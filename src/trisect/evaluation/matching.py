"""Matching of latents to variables by their correlation, with labels: for encoders without an assignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from trisect import checks
from trisect.evaluation.score_matrix import Truth
from trisect.factor_encoding import to_coordinates

RELATED = 0.1
"""A latent whose correlation with every variable is lower belongs to the noise slot."""


def match(
    latents: Float[np.ndarray, "samples latents"], truth: Truth, names: Sequence[str]
) -> Bool[np.ndarray, "latents slots"]:
    """Assign every latent to the variable that it correlates with best; **uses labels**.

    First, each named variable gets one latent, so that the sum of their correlations is largest. Every other latent
    goes to the variable that it correlates with best, or to the noise slot if that variable is not named or the
    correlation is below 0.1.

    Args:
        latents: latents of training frames.
        truth: factors of the same frames.
        names: variables with a slot, in order; the noise slot comes last.

    Raises:
        ValueError: there are fewer latents than named variables.
    """
    what, must = "the number of latents", f"at least one per variable, {len(names)}"
    checks.require(latents.shape[1] >= len(names), what, must, latents.shape[1])
    table = correlations_with_variables(latents, truth)
    named = [truth.variables.index(name) for name in names]
    slots = np.full(latents.shape[1], len(names))
    for row, best in enumerate(table.argmax(axis=1)):
        if best in named and table[row, best] >= RELATED:
            slots[row] = named.index(int(best))
    rows, columns = linear_sum_assignment(-table[:, named])
    slots[rows] = columns
    return slots[:, None] == np.arange(len(names) + 1)


def correlations_with_variables(
    latents: Float[np.ndarray, "samples latents"], truth: Truth
) -> Float[np.ndarray, "latents variables"]:
    """Multiple correlation, in [0, 1], of each latent with each variable's factors.

    A continuous factor enters by its value (so with one such factor this is the absolute correlation), an angle by
    sine and cosine, a category by indicators. The correlation is 0 if one of the two does not vary.
    """
    columns = [_correlation(latents, truth, name) for name in truth.variables.names]
    return np.stack(columns, axis=1)


def _correlation(latents: np.ndarray, truth: Truth, name: str) -> np.ndarray:
    positions = truth.variables.factor_columns(name)
    features = [to_coordinates(truth.variables.factors[p], truth.factors[:, p]) for p in positions]
    explaining = np.concatenate(features, axis=1)
    explaining = explaining - explaining.mean(axis=0)
    centred = latents.astype(np.float64) - latents.mean(axis=0, dtype=np.float64)
    weights, *_ = np.linalg.lstsq(explaining, centred, rcond=1e-8)
    total = np.square(centred).sum(axis=0)
    explained = np.square(explaining @ weights).sum(axis=0)
    return np.sqrt(np.where(total > 0, explained / np.where(total > 0, total, 1), 0.0).clip(0, 1))
