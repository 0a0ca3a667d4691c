"""The linear algebra of the residual contrast: directions, what they must not read, transitions that jump."""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.linalg

CURVE_DEGREE, MAX_MONOMIALS, CURVE_ROWS = 4, 150, 20_000
MIN_NEW = 0.5
"""Share of a further direction's variance that a curve of the directions before it must leave."""
MAX_WEIGHT = 10.0
"""Weight of a transition, over that of the median one, at most."""


def contrast(residual: np.ndarray, target: np.ndarray, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Generalised eigenvalues (L,), falling, and their directions (L, L) as columns.

    Args:
        residual: (pairs, L), what the dynamics leave.
        target: (pairs,) bool, whether the variable was intervened on.
        keep: (pairs,) bool, the transitions to use.
    """
    quiet = _regular(_covariance(residual[~target & keep]))
    values, vectors = scipy.linalg.eigh(_covariance(residual[target & keep]), quiet)
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
        moved, others = (_covariance(residual[rows & kept]) for rows in (target, ~target))
        still = _regular(others) + sum(effects) - effects[i]
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
    still = _regular(_covariance(residual[quiet]))
    effects = []
    for rows in (alone & kept for alone, kept in zip(_alone(targets), keep.T)):
        moved = _covariance(residual[rows]) if rows.sum() > 2 * size else still
        ratios, vectors = scipy.linalg.eigh(moved, still)
        read = still @ vectors[:, ratios > least]
        effects.append((read * (ratios[ratios > least] - 1)) @ read.T)
    return effects


def _alone(targets: np.ndarray) -> list[np.ndarray]:
    """Transitions (pairs,) in which each variable was intervened on and no other."""
    single = targets.sum(axis=1) == 1
    return [target & single for target in targets.T]


def nulled(
    residual: np.ndarray, targets: np.ndarray, keep: np.ndarray, blocks: list[np.ndarray], weights: np.ndarray
) -> list[np.ndarray]:
    """The blocks' directions, changed to read nothing of what the other interventions move.

    Contrasting cancels noise that variables share: it mixes in a little of a variable whose residual goes along. The
    effect of intervention i on the residual's covariance, C_i = Cov(r | I_i alone) - Cov(r | none), lies in the span
    E_i of C_i V_i. Of all directions W with W_i . E_j = 0 for i != j, W = C^-1 E (E' C^-1 E)^-1 has the least variance
    without interventions, C.

    Args:
        residual: (pairs, L), what the dynamics leave.
        targets: (pairs, K) bool.
        keep: (pairs, K) bool, the transitions that each contrast uses.
        blocks: V_i, (L, n_i) each.
        weights: (pairs,) of the transitions in the effects, see `towards_independence`.

    Returns:
        (L, n_i) each; the blocks as given where there are too few transitions to tell.
    """
    alone = [rows & kept for rows, kept in zip(_alone(targets), keep.T)]
    quiet = ~targets.any(axis=1) & keep.all(axis=1)
    enough = 2 * residual.shape[1]
    if min(_effective(weights[rows]) for rows in (quiet, *alone)) <= enough:
        return blocks
    still = _regular(_covariance(residual[quiet]))
    usual = _covariance(residual[quiet], weights[quiet])
    effects = np.concatenate(
        [(_covariance(residual[rows], weights[rows]) - usual) @ block for rows, block in zip(alone, blocks)], axis=1
    )
    effects /= np.maximum(np.linalg.norm(effects, axis=0), 1e-300)
    read = np.linalg.solve(still, effects)
    changed = read @ np.linalg.pinv(effects.T @ read, rcond=1e-6, hermitian=True)
    return np.split(changed, np.cumsum([block.shape[1] for block in blocks])[:-1], axis=1)


def towards_independence(blocks: list[np.ndarray]) -> np.ndarray:
    """Weights (rows,) under which variables that go together in the data are about independent, as Gaussians.

    A code that bends is straight only where the data lie. Where one variable follows another, the effect of an
    intervention there tells little of how the code reads the two when they part; states in which they have parted
    count more, up to `MAX_WEIGHT` times as much as the median one.

    Args:
        blocks: (rows, n_i) values of each variable's directions.
    """
    values = np.concatenate(blocks, axis=1)
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    owner = np.concatenate([np.full(block.shape[1], i) for i, block in enumerate(blocks)])
    joint = values.T @ values / len(values) + 1e-3 * np.eye(len(owner))
    apart = np.where(owner[:, None] == owner, joint, 0.0)
    difference = np.linalg.inv(joint) - np.linalg.inv(apart)
    exponent = 0.5 * (values @ difference * values).sum(axis=1)
    return np.exp(np.minimum(exponent - np.median(exponent), np.log(MAX_WEIGHT)))


def _effective(weights: np.ndarray) -> float:
    """How many equally weighted rows these are worth."""
    return float(weights.sum() ** 2 / max((weights**2).sum(), 1e-300))


def _regular(covariance: np.ndarray) -> np.ndarray:
    """The same, but for a constant latent invertible."""
    return covariance + 1e-10 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))


def _covariance(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(L, L) of rows, with weights if any."""
    return np.cov(values, rowvar=False, aweights=weights).reshape(2 * values.shape[1:])


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


def jumping(residual: np.ndarray, targets: np.ndarray, blocks: list[np.ndarray], deviations: float) -> np.ndarray:
    """Transitions (pairs,) in which a block jumps that was not intervened on."""
    jumps = np.stack([beyond(residual @ block, deviations).any(axis=1) for block in blocks], axis=1)
    return np.asarray((jumps & ~targets).any(axis=1))


def trimmed(targets: np.ndarray, jumps: np.ndarray, enough: int) -> np.ndarray:
    """Which transitions (pairs, K) each contrast keeps: those without jumps, or all if too few interventions stay."""
    return ~jumps[:, None] | ((targets & ~jumps[:, None]).sum(axis=0) <= enough)


def beyond(values: np.ndarray, deviations: float) -> np.ndarray:
    """Which values (rows, ...) lie further than so many robust deviations (1.48 MAD) from their column's median."""
    centred = np.abs(values - np.median(values, axis=0))
    return np.asarray(centred > deviations * 1.48 * np.median(centred, axis=0))


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
