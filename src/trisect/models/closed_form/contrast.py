"""The linear algebra of the residual contrast: directions, what they must not read, transitions that jump."""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.linalg

from trisect.models.closed_form.moments import alone_rows, covariance, regular

CURVE_DEGREE, MAX_MONOMIALS, CURVE_ROWS = 4, 150, 20_000
MIN_NEW = 0.5
"""Share of a further direction's variance that a curve of the directions before it must leave."""


def contrast(residual: np.ndarray, target: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Generalised eigenvalues (L,), falling, and their directions (L, L) as columns.

    Args:
        residual: (pairs, L), what the dynamics leave.
        target: (pairs,) bool, whether the variable was intervened on.
        keep: (pairs,) bool, the transitions to use.
    """
    quiet = regular(covariance(residual[~target & keep]))
    values, vectors = scipy.linalg.eigh(covariance(residual[target & keep]), quiet)
    return values[::-1], vectors[:, ::-1]


def exclusive(
    residual: np.ndarray, targets: np.ndarray, keep: np.ndarray, blocks: list[np.ndarray], least: float
) -> list[np.ndarray]:
    """Of each block's span, the directions that the own intervention moves and no other does; at least one (ours).

    What two variables move together, such as the product of two angles' sines in a code of rotations, belongs to
    neither. Within the span of block i, Cov(r | I_i = 1) v = lambda (Cov(r | I_i = 0) + sum_{j != i} E_j) v, E_j what
    interventions on j alone add in directions whose variance they multiply by more than ``least``; directions with
    lambda > ``least`` stay. A block of one direction stays as it is.

    Args:
        residual: (pairs, L), what the dynamics leave.
        targets: (pairs, K) bool.
        keep: (pairs, K) bool, the transitions that each contrast uses.
        blocks: (L, n_i) each.
        least: factor of the variance that counts as moving a direction.

    Returns:
        (L, m_i) each, 1 <= m_i <= n_i.
    """
    several = [i for i, block in enumerate(blocks) if block.shape[1] > 1]
    effects = _effects(residual, targets, keep, least) if several else []
    chosen = list(blocks)
    for i in several:
        block, target, kept = blocks[i], targets[:, i], keep[:, i]
        moved, others = (covariance(residual[rows & kept]) for rows in (target, ~target))
        still = regular(others) + sum(effects) - effects[i]
        ratios, vectors = scipy.linalg.eigh(block.T @ moved @ block, block.T @ still @ block)
        own = max(1, int((ratios > least).sum()))
        chosen[i] = block @ vectors[:, ::-1][:, :own]
    return chosen


def _effects(residual: np.ndarray, targets: np.ndarray, keep: np.ndarray, least: float) -> list[np.ndarray]:
    """E_j (L, L) of `exclusive`; zeros where there are too few transitions to tell."""
    size = residual.shape[1]
    quiet = ~targets.any(axis=1) & keep.all(axis=1)
    if quiet.sum() <= 2 * size:
        return [np.zeros((size, size))] * targets.shape[1]
    still = regular(covariance(residual[quiet]))
    effects = []
    for rows in (alone & kept for alone, kept in zip(alone_rows(targets), keep.T)):
        moved = covariance(residual[rows]) if rows.sum() > 2 * size else still
        ratios, vectors = scipy.linalg.eigh(moved, still)
        read = still @ vectors[:, ratios > least]
        effects.append((read * (ratios[ratios > least] - 1)) @ read.T)
    return effects


def news(values: np.ndarray) -> list[int]:
    """Columns of a variable's directions (rows, n) that are no mere curve of those before them, such as a square.

    Where the code bends, an intervention moves a curve of the variable's own direction too; beside the direction it
    tells nothing new of the variable, but something of others. A tenth of the rows, and `MAX_MONOMIALS`, bound how many
    terms the curve has, by its degree.
    """
    values = values[:: -(-len(values) // CURVE_ROWS)]
    z = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    kept: list[int] = []
    for column in range(z.shape[1]):
        inputs = _monomials(z[:, kept])
        left = z[:, column] - inputs @ np.linalg.lstsq(inputs, z[:, column], rcond=None)[0]
        if left.var() > MIN_NEW or not kept:
            kept.append(column)
    return kept


def _monomials(z: np.ndarray) -> np.ndarray:
    """1 and all products of up to `CURVE_DEGREE` columns or as many as the bounds allow, (rows, M)."""
    most, width = min(MAX_MONOMIALS, len(z) // 10), z.shape[1]
    highest = max((d for d in range(CURVE_DEGREE + 1) if math.comb(width + d, d) <= most), default=0)
    chosen = (
        columns
        for degree in range(highest + 1)
        for columns in itertools.combinations_with_replacement(range(z.shape[1]), degree)
    )
    return np.column_stack([z[:, list(columns)].prod(axis=1) for columns in chosen])


def complete(blocks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All L directions, in whitened space: the blocks', scaled to length 1, then an orthogonal complement of them."""
    chosen = np.concatenate(blocks, axis=1)
    slots = np.concatenate([np.full(block.shape[1], i) for i, block in enumerate(blocks)])
    slots, chosen = _drop_dependent(chosen / np.linalg.norm(chosen, axis=0), slots)
    rest = scipy.linalg.null_space(chosen.T)
    noise = np.full(rest.shape[1], len(blocks))
    return np.concatenate([chosen, rest], axis=1), np.concatenate([slots, noise]).astype(int)


def _drop_dependent(directions: np.ndarray, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out a direction that those before it span already."""
    kept: list[int] = []
    for column in range(directions.shape[1]):
        if np.linalg.matrix_rank(directions[:, [*kept, column]], tol=1e-3) > len(kept):
            kept.append(column)
    return slots[kept], directions[:, kept]
