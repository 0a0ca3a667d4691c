"""Blocks: the directions of all variables together, without those that are curves of others, and completed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.linalg

CURVE_DEGREE, MAX_MONOMIALS, CURVE_ROWS = 4, 150, 20_000
MIN_NEW = 0.5
"""Smallest share of a further direction's variance that a curve of the directions before it must leave unexplained."""


def without_curves(blocks: list[np.ndarray], after: np.ndarray) -> list[np.ndarray]:
    """The blocks (L, n_i) without directions that are curves of those before them, see `news`.

    Args:
        blocks: directions of every variable.
        after: (rows, L) latents.
    """
    return [block[:, news(after @ block)] for block in blocks]


def news(values: np.ndarray) -> list[int]:
    """Which directions of a variable are not a curve, such as the square, of the directions before them.

    If the code is nonlinear, an intervention also moves curves of the variable's own direction. Such a curve contains
    nothing new about the variable, but something about others. The curve is a polynomial of degree `CURVE_DEGREE`, or
    less so that it has at most `MAX_MONOMIALS` terms and at most one per ten rows.

    Args:
        values: (rows, n), values along the variable's directions.

    Returns:
        The columns to keep.
    """
    values = values[:: -(-len(values) // CURVE_ROWS)]
    z = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    kept: list[int] = []
    for column in range(z.shape[1]):
        inputs = _monomials(z[:, kept])
        residual = z[:, column] - inputs @ np.linalg.lstsq(inputs, z[:, column], rcond=None)[0]
        if residual.var() > MIN_NEW or not kept:
            kept.append(column)
    return kept


def _monomials(z: np.ndarray) -> np.ndarray:
    """1 and all products of up to `CURVE_DEGREE` columns, fewer if the bounds of `news` require it; (rows, M)."""
    most, width = min(MAX_MONOMIALS, len(z) // 10), z.shape[1]
    highest = max((d for d in range(CURVE_DEGREE + 1) if math.comb(width + d, d) <= most), default=0)
    products = (
        columns
        for degree in range(highest + 1)
        for columns in itertools.combinations_with_replacement(range(z.shape[1]), degree)
    )
    return np.column_stack([z[:, list(columns)].prod(axis=1) for columns in products])


def complete(blocks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All L directions in whitened space: the blocks' ones, scaled to length 1, then their orthogonal complement.

    Returns:
        The directions (L, L) as columns, and the slot (L,) of each; the complement is the noise slot's.
    """
    directions = np.concatenate(blocks, axis=1)
    slots = np.concatenate([np.full(block.shape[1], i) for i, block in enumerate(blocks)])
    slots, directions = _drop_dependent(directions / np.linalg.norm(directions, axis=0), slots)
    rest = scipy.linalg.null_space(directions.T)
    noise = np.full(rest.shape[1], len(blocks))
    return np.concatenate([directions, rest], axis=1), np.concatenate([slots, noise]).astype(int)


def _drop_dependent(directions: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out every direction that lies in the span of those before it."""
    kept: list[int] = []
    for column in range(directions.shape[1]):
        if np.linalg.matrix_rank(directions[:, [*kept, column]], tol=1e-3) > len(kept):
            kept.append(column)
    return slots[kept], directions[:, kept]
