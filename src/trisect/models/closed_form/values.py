"""Values: where observations hold several frames, directions along which a slot holds a value and not a jump.

If an observation holds the frames t + 1 and t, the code after a transition holds the values c^{t+1} and c^t of every
variable. The past determines c^t, so c^{t+1} + b c^t has the same residual for every b, and the contrast of
`trisect.models.closed_form.directions` cannot tell them apart. So D of a variable gets a penalty, the weight times a
matrix that is 0 along the right direction. In whitened latents, with E[.] over transitions, there are two of them:

- *Memory*, M_i = Cov(E[z^{t+1} | z^t]) over the transitions with I_i = 1: what the past predicts although the variable
  was intervened on. A perfect intervention cuts the variable off from its past: M_i is 0 along c^{t+1}, and
  b^2 Var(c^t) along the others. It is estimated as the product of a linear prediction and what it predicts, the
  prediction fitted to one half of these transitions and used on the other, so that the errors of the fit have mean
  zero.
- *Oldest*, E = Cov(z^{t+2-n} | z^{t+1}), for n frames in an observation: the newest frame that the code of n - 1
  steps earlier holds is the oldest of this code. So what depends on the newest frame alone is known exactly: E is 0
  along c^{t+1}, whatever interventions do, and not along c^{t+1} + b c^t. It is 0 only if the code loses nothing of the
  older frames; and it is wrong for a variable that several frames show, such as a velocity.

A variable takes the penalty that its interventions bear out. With s the share of the variance along a direction that
the past predicts with the intervention, and s' that without, the first of these holds:

1. s is 0 along the direction that E leads to, and it depends on the newest frame alone: the intervention cuts the
   value of the newest frame off from its past. Take E.
2. s is 0 and s' is not along the direction that M_i leads to, and the newest frame of z^t alone predicts clearly less
   than s': what the intervention cuts off from its past is another function of the frames, such as a velocity. Take
   M_i. (A thing that follows another one, and that interventions push, also moves by what nothing predicts; but where
   it would have moved, one frame tells.)
3. Otherwise interventions keep some of the past, or the variable has none. Take E if its direction depends on the
   newest frame alone, else no penalty: nothing shows that it would help.

In case 3, s = s' = 0 may hold along the direction that M_i leads to. The jumps of any value look like that whose
interventions are not perfect, and so does a velocity that is drawn anew in every step: it makes the same recordings as
a position that interventions push, and is taken for the position.

No labels are used. Source: this library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from trisect.linear_algebra import solve_ridge
from trisect.models.closed_form import dynamics
from trisect.models.closed_form.directions import contrasts, directions_of
from trisect.models.closed_form.effects import NUM_GROUPS, EffectSums
from trisect.models.closed_form.ridge import ridge_on

WEIGHT = 3.0
"""Weight of the penalty where observations hold several frames."""
NOTHING = 0.05
"""Share of a variance that counts as 0 with interventions."""
REMEMBERED = 0.3
"""Share of a variance that the past must predict without interventions before they can cut it off; the jumps of a
value whose coefficient is estimated from few transitions reach up to .25."""
ERRORS = 2.0
"""Standard errors on either side of a share that count as its interval."""
OLDER = 0.1
"""Share of a variance that older frames must predict beyond the newest one, if a velocity is to be moved."""
KNOWN = 0.1
"""Largest share of a direction's variance that the frames n - 1 steps later may not explain, if it is a value."""
MOST_ROWS = 20_000
"""Largest number of transitions that memory is estimated from."""
LEAST_ALONE = 0.2
"""Smallest share of the transitions that must be without another intervention, to count these alone."""
FEWEST_ROWS = 4
"""Smallest number of transitions per latent that memory is estimated from; with fewer it is taken to be 0."""
NUM_FEATURES = 100
"""Number of tanh features, besides the latents, that the oldest frame is predicted from."""


@dataclass(frozen=True)
class Steps:
    """Transitions in whitened latents.

    Attributes:
        before, after: z^t and z^{t+1}, (pairs, L).
        oldest: z^{t+2-n}, (pairs, L), or None if it is not known.
        targets: (pairs, K) bool.
    """

    before: np.ndarray
    after: np.ndarray
    oldest: np.ndarray | None
    targets: np.ndarray

    def without(self, rows: np.ndarray) -> Steps:
        """The transitions where ``rows`` (pairs,) is False."""
        oldest = None if self.oldest is None else self.oldest[~rows]
        return Steps(self.before[~rows], self.after[~rows], oldest, self.targets[~rows])


@dataclass(frozen=True)
class Memory:
    """What the past predicts in some transitions.

    Attributes:
        predicted, values: (rows, L), the predictions and z^{t+1}, both of mean 0.
    """

    predicted: np.ndarray
    values: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """Second moment (L, L) of what the past predicts, without negative eigenvalues."""
        product = self.predicted.T @ self.values / max(len(self.values), 1)
        sizes, vectors = np.linalg.eigh((product + product.T) / 2)
        return np.asarray((vectors * np.maximum(sizes, 0.0)) @ vectors.T)

    def share(self, v: np.ndarray) -> tuple[float, float]:
        """Ends of the interval of the share of the variance along v (L,) that the past predicts; all if unknown."""
        if not len(self.values):
            return -np.inf, np.inf
        y = self.values @ v
        each = (self.predicted @ v) * y / max(float(y.var()), 1e-300)
        error = ERRORS * float(each.std()) / math.sqrt(len(each))
        return float(each.mean()) - error, float(each.mean()) + error


def memory(steps: Steps, rows: np.ndarray, ridge: float) -> Memory:
    """What z^t predicts of z^{t+1} in some rows (ascending), each half of them predicted from the other."""
    width = steps.after.shape[1]
    if len(rows) < FEWEST_ROWS * (1 + width):
        return Memory(np.empty((0, width)), np.empty((0, width)))
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    groups = np.array_split(rows, NUM_GROUPS)
    halves = [np.concatenate(groups[first::2]) for first in (0, 1)]
    parts = [(steps.before[half], steps.after[half]) for half in halves]
    parts = [(x - x.mean(axis=0), y - y.mean(axis=0)) for x, y in parts]
    weights = [solve_ridge(x.T @ x, x.T @ y, ridge) for x, y in parts]
    predicted = np.concatenate([x @ fitted for (x, _), fitted in zip(parts, reversed(weights))])
    return Memory(predicted, np.concatenate([y for _, y in parts]))


def unexplained(steps: Steps, ridge: float, rng: np.random.Generator) -> np.ndarray | None:
    """E (L, L): covariance of what z^{t+1} leaves of ``oldest``; None without it."""
    if steps.oldest is None:
        return None
    regression = ridge_on(dynamics.linear(steps.after), np.ones(len(steps.after), dtype=bool), ridge)
    regression = regression.extended(dynamics.random_features(steps.after, NUM_FEATURES, rng))
    left = regression.residuals(steps.oldest)
    return np.asarray(left.T @ left / len(left))


def value_penalties(
    sums: EffectSums, steps: Steps, weight: float, ridge: float, rng: np.random.Generator
) -> np.ndarray:
    """What is added to every variable's D, (K, L, L).

    Args:
        sums: sums of the effects, from which directions follow.
        steps: the transitions without jumps.
        weight: of the penalty, above 0.
        ridge: L2 penalty of the regressions.
        rng: draws random features.
    """
    rows = [_rows(steps.targets, i) for i in range(steps.targets.shape[1])]
    with_it = [memory(steps, on, ridge) for on, _ in rows]
    without = [memory(steps, off, ridge) for _, off in rows]
    options = {"memory": weight * np.stack([each.matrix for each in with_it])}
    options["none"] = np.zeros_like(options["memory"])
    old = unexplained(steps, ridge, rng)
    if old is None:
        moved = _first(sums, options["memory"])
        names = ["memory" if _is_cut_off(*each) else "none" for each in zip(moved, with_it, without)]
        return np.stack([options[name][i] for i, name in enumerate(names)])
    options["oldest"] = weight * np.broadcast_to(old, options["memory"].shape)
    newest = replace(steps, before=steps.before @ _of_newest(old))
    first = {name: _first(sums, penalty) for name, penalty in options.items()}
    chosen = []
    for i, (_, off) in enumerate(rows):
        value, other = first["oldest"][i], first["memory"][i]
        name = _chosen(
            is_value=_left(value, steps, old) <= KNOWN,
            is_drawn_anew=with_it[i].share(value)[0] <= NOTHING,
            is_cut_off=_is_cut_off(other, with_it[i], without[i]),
            needs_older=memory(newest, off, ridge).share(other)[1] < without[i].share(other)[0] - OLDER,
        )
        chosen.append(options[name][i])
    return np.stack(chosen)


def _rows(targets: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with an intervention on variable i, and rows without.

    Where they suffice, only rows without an intervention on another variable, whose jumps are most of the variance.
    """
    others = np.delete(targets, i, axis=1).any(axis=1)
    on, off = (np.flatnonzero((targets[:, i] == wanted) & ~others) for wanted in (True, False))
    whole = [np.flatnonzero(targets[:, i] == wanted) for wanted in (True, False)]
    fewest = LEAST_ALONE * np.array([len(each) for each in whole])
    return (on if len(on) >= fewest[0] else whole[0]), (off if len(off) >= fewest[1] else whole[1])


def _chosen(*, is_value: bool, is_drawn_anew: bool, is_cut_off: bool, needs_older: bool) -> str:
    """The penalty of a variable, see above.

    Args:
        is_value: the direction that E leads to depends on the newest frame alone.
        is_drawn_anew: interventions cut it off from its past.
        is_cut_off: they cut off the direction that M_i leads to, which has a past without them.
        needs_older: that past is not in the newest frame alone.
    """
    if is_value and is_drawn_anew:
        return "oldest"
    if is_cut_off and (needs_older or not is_value):
        return "memory"
    return "oldest" if is_value else "none"


def _first(sums: EffectSums, penalty: np.ndarray) -> list[np.ndarray]:
    return [directions_of(each, 1).vectors[:, 0] for each in contrasts(sums, penalty)]


def _is_cut_off(v: np.ndarray, with_it: Memory, without: Memory) -> bool:
    """Whether the past predicts nothing along v (L,) with interventions, and something without."""
    return with_it.share(v)[0] <= NOTHING and without.share(v)[0] > REMEMBERED


def _of_newest(old: np.ndarray) -> np.ndarray:
    """Directions (L, some), as columns, that depend on the newest frame alone, given E."""
    sizes, vectors = np.linalg.eigh(old)
    return np.asarray(vectors[:, sizes <= KNOWN])


def _left(v: np.ndarray, steps: Steps, old: np.ndarray) -> float:
    """Share of the variance along v that the frames n - 1 steps later do not explain."""
    assert steps.oldest is not None
    return float(v @ old @ v) / max(float((steps.oldest @ v).var()), 1e-300)
