"""An LCMV beamformer: directions that read nothing of what the other interventions move."""

from __future__ import annotations

import numpy as np

from trisect.models.closed_form.moments import alone_rows, covariance, regular

MAX_WEIGHT = 10.0
"""Weight of a transition, over that of the median one, at most."""


def beamformed(
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
        weights: (pairs,) of the transitions in the effects, see `importance_weights`.

    Returns:
        (L, n_i) each; the blocks as given where there are too few transitions to tell.
    """
    alone = [rows & kept for rows, kept in zip(alone_rows(targets), keep.T)]
    quiet = ~targets.any(axis=1) & keep.all(axis=1)
    enough = 2 * residual.shape[1]
    if min(_effective(weights[rows]) for rows in (quiet, *alone)) <= enough:
        return blocks
    still = regular(covariance(residual[quiet]))
    usual = covariance(residual[quiet], weights[quiet])
    effects = np.concatenate(
        [(covariance(residual[rows], weights[rows]) - usual) @ block for rows, block in zip(alone, blocks)], axis=1
    )
    effects /= np.maximum(np.linalg.norm(effects, axis=0), 1e-300)
    read = np.linalg.solve(still, effects)
    changed = read @ np.linalg.pinv(effects.T @ read, rcond=1e-6, hermitian=True)
    return np.split(changed, np.cumsum([block.shape[1] for block in blocks])[:-1], axis=1)


def importance_weights(blocks: list[np.ndarray]) -> np.ndarray:
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
