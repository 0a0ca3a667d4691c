"""An LCMV beamformer (linearly constrained minimum variance): one reading per variable, blind to the other ones.

A contrast (`trisect.models.closed_form.contrast`) maximises a ratio of variances. To lower the denominator it also
subtracts noise that variables share: it adds a little of any variable with a correlated residual, so that the latent of
one variable leaks into another. A beamformer has the opposite aim. Let the columns of E be the patterns in which the
interventions show in the residual r, E = [E_1 ... E_K], and C the covariance of r without interventions. A weight
matrix W reads W' r. Among all W with W' E the identity, which read their own pattern with gain 1 and every other
pattern with gain 0, the one whose outputs have the least variance is

    W = C^-1 E (E' C^-1 E)^-1

(minimise w' C w subject to E' w = e_i: the Lagrangian gives C w = E a for some a, and the constraint a = (E' C^-1 E)^-1
e_i). See Van Veen & Buckley, "Beamforming: a versatile approach to spatial filtering", 1988. The patterns are measured
here as differences of covariances, with `importance_weights` on the transitions.
"""

from __future__ import annotations

import numpy as np

from trisect.models.closed_form.moments import alone_rows, covariance, regular

MAX_WEIGHT = 10.0
"""Largest weight of a transition, as a multiple of the median weight."""


def beamformed(
    residual: np.ndarray, targets: np.ndarray, keep: np.ndarray, blocks: list[np.ndarray], weights: np.ndarray
) -> list[np.ndarray]:
    """Change the blocks' directions so that they read nothing of what the other interventions move.

    Intervention i alone changes the covariance of the residual by C_i = Cov(r | I_i alone) - Cov(r | none). Its
    patterns E_i are the columns of C_i V_i, scaled to length 1. With C = Cov(r | none), the result is
    W = C^-1 E (E' C^-1 E)^-1.

    Args:
        residual: (pairs, L), the latents after each transition minus their prediction.
        targets: (pairs, K) bool.
        keep: (pairs, K) bool, which transitions each contrast uses.
        blocks: V_i, (L, n_i) each.
        weights: (pairs,), weight of each transition in the patterns, see `importance_weights`.

    Returns:
        W_i, (L, n_i) each; the blocks unchanged if there are too few transitions to estimate the patterns.
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
    """Importance weights (rows,) under which correlated variables are approximately independent.

    A nonlinear code is approximately linear only close to the data. Where one variable follows another, most states
    show the effect of an intervention while the two are close together, and few while they differ. The weight of a row
    v is the density ratio q(v) / p(v), p a Gaussian fitted to all variables and q the Gaussian in which the variables
    are independent and each keeps its own covariance. With S the covariance of p and T the block diagonal of S,

        q(v) / p(v) ~ exp(v' (S^-1 - T^-1) v / 2),

    divided by its median and clipped to `MAX_WEIGHT`. States in which the variables differ thus count more.

    Args:
        blocks: (rows, n_i), values along each variable's directions.
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
    """Effective sample size: the number of equally weighted rows with the same variance of the mean."""
    return float(weights.sum() ** 2 / max((weights**2).sum(), 1e-300))
