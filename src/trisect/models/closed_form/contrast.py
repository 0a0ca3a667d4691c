"""The contrast: a generalised eigenproblem whose solutions are the directions that an intervention moves most.

Let r be the residual of the latents after a transition, their values minus what the past predicts. Along a direction v
its variance is v' A v with an intervention, A = Cov(r | I = 1), and v' B v without, B = Cov(r | I = 0). The direction
with the largest ratio v' A v / v' B v, and all further ones, solve

    A v = lambda B v,

and lambda is the ratio. (Whiten with B = R' R, u = R v: this is the ordinary eigenproblem of R'^-1 A R^-1, symmetric.)
Directions that the intervention leaves alone have lambda about 1. Common spatial patterns solve the same problem to
separate two classes of EEG recordings (Blankertz et al., 2008).

The other functions choose among the directions of a contrast: `exclusive` those that no other intervention moves,
`news` those that are not curves of the ones before. `complete` adds the directions of the noise slot.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.linalg

from trisect.models.closed_form.moments import alone_rows, covariance, regular

CURVE_DEGREE, MAX_MONOMIALS, CURVE_ROWS = 4, 150, 20_000
MIN_NEW = 0.5
"""Smallest share of a further direction's variance that a curve of the directions before it must leave unexplained."""


def contrast(residual: np.ndarray, target: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Solve Cov(r | I = 1) v = lambda Cov(r | I = 0) v: ratios lambda (L,), falling, and directions (L, L) as columns.

    Args:
        residual: r, (pairs, L), the latents after each transition minus their prediction.
        target: I, (pairs,) bool, whether the variable was intervened on.
        keep: (pairs,) bool, the transitions to use.
    """
    without = residual[~target & keep]
    quiet = regular(covariance(without), len(without))
    values, vectors = scipy.linalg.eigh(covariance(residual[target & keep]), quiet)
    return values[::-1], vectors[:, ::-1]


def exclusive(
    residual: np.ndarray, targets: np.ndarray, keep: np.ndarray, blocks: list[np.ndarray], least: float
) -> list[np.ndarray]:
    """Keep the directions within each block's span that only its own intervention moves; at least one (ours).

    A direction that two variables move, such as the product of two angles' sines in a code of rotations, belongs to
    neither. Within the span of block i, solve Cov(r | I_i = 1) v = lambda (Cov(r | I_i = 0) + sum_{j != i} E_j) v. E_j
    is the covariance that interventions on j alone add, in directions whose variance they multiply by more than
    ``least``. Directions with lambda > ``least`` are kept. A block of one direction is not changed.

    Args:
        residual: r, (pairs, L), the latents after each transition minus their prediction.
        targets: (pairs, K) bool.
        keep: (pairs, K) bool, which transitions each contrast uses.
        blocks: (L, n_i) each.
        least: an intervention moves a direction if it multiplies its variance by more than this.

    Returns:
        (L, m_i) each, 1 <= m_i <= n_i.
    """
    several = [i for i, block in enumerate(blocks) if block.shape[1] > 1]
    effects = _effects(residual, targets, keep, least) if several else []
    kept_blocks = list(blocks)
    for i in several:
        block, target, kept = blocks[i], targets[:, i], keep[:, i]
        moved, others = (covariance(residual[rows & kept]) for rows in (target, ~target))
        still = regular(others, int((~target & kept).sum())) + sum(effects) - effects[i]
        ratios, vectors = scipy.linalg.eigh(block.T @ moved @ block, block.T @ still @ block)
        size = max(1, int((ratios > least).sum()))
        kept_blocks[i] = block @ vectors[:, ::-1][:, :size]
    return kept_blocks


def _effects(residual: np.ndarray, targets: np.ndarray, keep: np.ndarray, least: float) -> list[np.ndarray]:
    """E_j (L, L) of `exclusive`; zeros where there are too few transitions to estimate it."""
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
