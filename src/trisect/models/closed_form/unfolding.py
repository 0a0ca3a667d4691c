"""Unfolding: further directions of a variable whose directions leave its value open.

The code of a variable may be folded: an angle that is drawn as a thin pole changes most latents alike to the left and
to the right. The direction of the largest divergence is then an even function of the variable, shows nearly all of its
interventions, and the gap to the next one is large. What it leaves open is in the noise slot: there the variable's
interventions move something that does not follow from the slots. In a curved code they move the noise slot as well,
but only along functions of the slots.

With s the values along all directions found so far and n those along their orthogonal complement,

    rho = n - h(s)                    what does not follow from the slots (h by ridge regression on random features),
    e   = rho^{t+1} - g(rho^t, s^t)   what the past does not predict of it, without interventions,

an intervention on i alone multiplies the variance of e along w by

    w' C_i w / w' (C + sum_{j != i} (C_j - C)_+) w,

with C the covariance of e without interventions and C_i that with one on i alone. The direction w that maximises it
over all variables, among those along which the past predicts most of rho, joins the slot of its variable if the ratio
is at least `unfold` of the settings; then the next one is looked for.

Source: this library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg

from trisect.linear_algebra import ridge_weights
from trisect.rows import spread_rows

MOST_ROWS, MOST_FEATURES, ROWS_PER_FEATURE = 30_000, 300, 10
FEWEST = 50
"""Interventions on a variable alone, with fewer of which nothing is added to its slot."""
MOST_ADDED = 3
"""Directions that one variable can get."""
MOST_NEW = 0.2
"""Largest share of the variance of rho that is new in a step without interventions."""
RIDGE, SHALLOW = 3.0, 1e-3


class Moves(NamedTuple):
    """Transitions in white latents.

    Attributes:
        before, after: (pairs, L).
        targets: (pairs, K) bool.
    """

    before: np.ndarray
    after: np.ndarray
    targets: np.ndarray

    def some(self, keep: np.ndarray) -> Moves:
        """At most `MOST_ROWS` of the transitions in ``keep`` (pairs,) bool, evenly spread."""
        rows = np.flatnonzero(keep)
        rows = rows[spread_rows(len(rows), MOST_ROWS)] if len(rows) else rows
        return Moves(self.before[rows], self.after[rows], self.targets[rows])


@dataclass(frozen=True)
class _Found:
    """A direction (L,) of a variable, and by how much an intervention multiplies its variance."""

    variable: int
    vector: np.ndarray
    ratio: float


def unfolded(blocks: list[np.ndarray], moves: Moves, least_ratio: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Every variable's directions, with further ones where these leave its value open.

    Args:
        blocks: directions of every variable, (L, n_i) each, in white latents.
        moves: transitions without jumps.
        least_ratio: see the module.
        rng: draws the random features.
    """
    blocks, wide = list(blocks), [block.shape[1] + MOST_ADDED for block in blocks]
    while True:
        open_ = [variable for variable, block in enumerate(blocks) if block.shape[1] < wide[variable]]
        found = _next(blocks, moves, open_, rng)
        if found is None or found.ratio < least_ratio:
            return blocks
        blocks[found.variable] = np.column_stack([blocks[found.variable], found.vector])


def _next(blocks: list[np.ndarray], moves: Moves, open_: list[int], rng: np.random.Generator) -> _Found | None:
    """The direction of the noise slot that an intervention moves most beyond what follows from the slots."""
    directions = np.concatenate(blocks, axis=1)
    rest = scipy.linalg.null_space(directions.T)
    quiet = ~moves.targets.any(axis=1)
    num_features = min(MOST_FEATURES, int(quiet.sum()) // ROWS_PER_FEATURE)
    if not rest.shape[1] or not open_ or num_features < rest.shape[1]:
        return None
    mixes, offsets = _mixes(moves.after @ directions, num_features, rng)

    def features(z: np.ndarray) -> np.ndarray:
        s = z @ directions
        return np.column_stack([np.ones(len(s)), s, np.tanh(s @ mixes + offsets)])

    of_before, of_after = features(moves.before), features(moves.after)
    weights = ridge_weights(of_after, moves.after @ rest, RIDGE)
    rho, rho_next = moves.before @ rest - of_before @ weights, moves.after @ rest - of_after @ weights
    past = np.column_stack([rho, of_before])
    e = rho_next - past @ ridge_weights(past[quiet], rho_next[quiet], RIDGE)
    return _largest(e, rho_next, moves.targets, open_, rest)


def _largest(e: np.ndarray, rho: np.ndarray, targets: np.ndarray, open_: list[int], rest: np.ndarray) -> _Found | None:
    alone = [targets[:, k] & (targets.sum(axis=1) == 1) for k in range(targets.shape[1])]
    new, whole = _moment(e[~targets.any(axis=1)]), _moment(rho)
    base = new + SHALLOW * whole
    base += np.eye(len(base)) * max(SHALLOW**2 * float(np.trace(base)), 1e-300)
    moved = {k: _moment(e[rows]) for k, rows in enumerate(alone) if rows.sum() >= FEWEST}
    grown = {k: _positive(each - base) for k, each in moved.items()}
    total, best = sum(grown.values(), np.zeros_like(base)), None
    for variable in (each for each in open_ if each in moved):
        ratios, vectors = scipy.linalg.eigh(moved[variable], base + total - grown[variable])
        w = vectors[:, -1] / np.linalg.norm(vectors[:, -1])
        is_predicted = w @ new @ w <= MOST_NEW * (w @ whole @ w)
        if is_predicted and (best is None or ratios[-1] > best.ratio):
            best = _Found(variable, rest @ w, float(ratios[-1]))
    return best


def _mixes(values: np.ndarray, number: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weights and offsets of random tanh features of values (rows, n)."""
    scale = np.maximum(values.std(axis=0), 1e-12)[:, None]
    mixes = 1.5 * rng.normal(size=(values.shape[1], number)) / np.sqrt(values.shape[1])
    return mixes / scale, rng.uniform(-2, 2, number)


def _moment(values: np.ndarray) -> np.ndarray:
    """Second moments (n, n) of rows (rows, n)."""
    return np.asarray(values.T @ values / len(values))


def _positive(matrix: np.ndarray) -> np.ndarray:
    """A symmetric matrix without its negative eigenvalues."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
