"""Whether a slot holds the value of its variable, or only its changes; without labels.

An observation of several frames, or a blurred one, shows the change c_{t+1} - c_t as well as the value c_{t+1}, and
both tell equally well whether c was intervened on. In frames without interventions they differ: a value follows from
the frame before, and what an intervention has put into it is still there in the next frame; of a change, nothing is.
So two regressions are scored on held-out transitions without an intervention on the variable (at t+1):

- *predicted*: R2 of slot i of z^{t+1} from z^t,
- *lasting*: R2 of slot i of z^t from slot i of z^{t+1}, where an intervention has just set it (at t).

Both are near 0 for changes of a random walk, and for a variable that is drawn anew in every frame, where the two cannot
be told apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from jaxtyping import Float

from trisect.affordable import affordable_features
from trisect.evaluation.correlation import standardised
from trisect.evaluation.probes.read_out import ReadOut
from trisect.evaluation.score_matrix import number
from trisect.evaluation.scores import r2_error
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.linear_algebra import ridge_weights
from trisect.variables import Continuous

MOST_ROWS, MOST_FEATURES = 8000, 150
FEWEST_ROWS = 20
NEAR_0, ERRORS = 0.25, 2.0
"""A share is near 0 if so many standard errors above it are still below this."""
PENALTY = 1e-2

Values = tuple[np.ndarray, np.ndarray]
"""Inputs (rows, latents), and the values (rows,) to predict from them."""


@dataclass(frozen=True)
class Value:
    """How a slot relates to the frames before and after, in transitions without an intervention on its variable.

    Attributes:
        predicted, predicted_error: R2 of the slot from the frame before, and its standard error; NaN if unknown.
        lasting, lasting_error: R2 of what an intervention has just put into the slot from the same slot a frame later.
        count: held-out interventions that ``lasting`` is scored on.
    """

    predicted: float
    predicted_error: float
    lasting: float
    lasting_error: float
    count: int

    @property
    def fades(self) -> bool:
        """Whether nothing of what an intervention has put into the slot is seen in the next frame."""
        return self.lasting + ERRORS * self.lasting_error < NEAR_0

    @property
    def is_new(self) -> bool:
        """Whether nothing of the slot is predictable from the frame before."""
        return self.predicted + ERRORS * self.predicted_error < NEAR_0

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        shares = ("predicted", "predicted_error", "lasting", "lasting_error")
        return {**{name: number(getattr(self, name)) for name in shares}, "count": self.count}


def value_of(train: Transitions, test: Transitions, slots: Slots, name: str, rng: np.random.Generator) -> Value:
    """Both shares of one variable's slot.

    Args:
        train, test: transitions with latents of the same model; regressions are fitted to the first.
        slots: which latent belongs to which slot.
        name: the variable.
        rng: draws the features of the regressions.
    """
    columns, place = slots.columns(name), slots.variables.index(name)
    if not len(columns):
        return Value(math.nan, math.nan, math.nan, math.nan, 0)
    weights = _moved_direction(train, columns, place)
    learned, held = (_rows(pairs, place) for pairs in (train, test))

    def predicted(pairs: Transitions, rows: np.ndarray) -> Values:
        return pairs.prev[rows], pairs.next[rows][:, columns] @ weights

    def lasting(pairs: Transitions, rows: np.ndarray) -> Values:
        return pairs.next[rows][:, columns], pairs.prev[rows][:, columns] @ weights

    shares = [_share(read(train, learned[k]), read(test, held[k]), rng) for k, read in enumerate((predicted, lasting))]
    return Value(*shares[0], *shares[1], int(held[1].sum()))


def _rows(pairs: Transitions, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs without an intervention (on the variable, if there are few without any), and those after one on it."""
    own, none = ~pairs.targets[:, place], ~pairs.targets.any(axis=1)
    _, targets_before = pairs.targets_before()
    quiet = none if none.sum() >= 10 * FEWEST_ROWS else own
    return np.asarray(quiet), np.asarray(own & targets_before[:, place])


def _moved_direction(pairs: Transitions, columns: np.ndarray, place: int) -> Float[np.ndarray, " latents"]:
    """The direction of the slot in which interventions stand out most from what the frame before leaves open."""
    if len(columns) == 1:
        return np.ones(1)
    before, after = (part.astype(np.float64) for part in (pairs.prev, pairs.next[:, columns]))
    inputs = np.column_stack([np.ones(len(before)), before])
    left = after - inputs @ ridge_weights(inputs, after, PENALTY)
    target = pairs.targets[:, place]
    if not 0 < target.sum() < len(target):
        return np.ones(len(columns)) / len(columns)
    moved, still = (left[rows].T @ left[rows] / rows.sum() for rows in (target, ~target))
    floor = 1e-6 * np.trace(still) + 1e-12
    return np.asarray(scipy.linalg.eigh(moved, still + floor * np.eye(len(columns)))[1][:, -1])


def _share(train: Values, test: Values, rng: np.random.Generator) -> tuple[float, float]:
    """Held-out R2 of values from inputs, and its standard error; NaN with few rows."""
    from trisect.evaluation.probes.ridge import RidgeProbe

    inputs, values = (part[:MOST_ROWS] for part in train)
    if min(len(values), len(test[1])) < FEWEST_ROWS:
        return math.nan, math.nan
    every = np.arange(len(inputs) + len(test[0]))
    kept, held = standardised(np.concatenate([inputs, test[0]]), every[: len(inputs)], every[len(inputs) :])
    probe = RidgeProbe(num_features=min(MOST_FEATURES, affordable_features(len(values))), penalty=PENALTY)
    factor = Continuous("slot")
    read = probe.predict(ReadOut((kept,), (held,), values[:, None], (factor,)), rng)[0, :, 0]
    share, error = r2_error(read, test[1].astype(np.float64), factor)
    return float(share), float(error)
