"""Changes: which latents change when a variable moves.

If only variable v moves in a step, from latents z to z', the change of slot s is

    d_s = mean over the latents l of s of |z'_l - z_l| / sigma_l,    sigma_l: deviation of latent l over a reference

and the share of change outside v's slot is 1 - d_v / sum_s d_s, where d is the mean over all steps in which v moved.
The right slot of variables without their own slot is "noise". 0 is best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from trisect import checks
from trisect.data.recording import Recording
from trisect.evaluation.analysis.traversal import checked_reference, slots_of
from trisect.evaluation.encode import encode
from trisect.evaluation.slots import Slots
from trisect.models.acting import ActingModel
from trisect.variables import Angle, Factor

STILL = 1e-5
"""A factor that changes by less than this, relative to its size if that is above 1, counts as not moved."""
CONSTANT = 1e-6
"""A latent counts as constant if its deviation is below this fraction of the largest deviation of any latent."""


@dataclass(frozen=True, eq=False)
class Moves:
    """What moved in every step of a recording.

    Attributes:
        rows: what can move: each row is the names of one variable, or of several that move together.
        pairs: (steps, 2) frame numbers, before and after.
        which: (steps,) number of the row that moved, -1 if none or several did.
    """

    rows: tuple[tuple[str, ...], ...]
    pairs: Int[np.ndarray, "steps two"]
    which: Int[np.ndarray, "steps"]


def moves_of(recording: Recording, together: Sequence[Sequence[str]] = ()) -> Moves:
    """Find what moved in every step, from the true factors.

    Args:
        recording: a recording with factors.
        together: variables that move at once in the recording, such as ``[("x", "y", "z")]``; each set counts as one.

    Raises:
        ValueError: there are no factors, a variable is unknown, or a variable is in two sets.

    Example:
        >>> from trisect.variables import anonymous
        >>> factors = np.array([[0, 0], [1, 0], [1, 2], [3, 3]], dtype=np.float32)
        >>> recording = Recording(factors, np.zeros((4, 2), bool), anonymous(["x", "y"]), factors)
        >>> moves_of(recording).which.tolist()
        [0, 1, -1]
    """
    checks.require(recording.factors is not None, "the recording", "one with factors, to find what moved", "none")
    space = recording.variables
    checks.unique_names([name for names in together for name in names], "the variables that move together")
    set_of = {name: tuple(names) for names in together for name in names if space.index(name) >= 0}
    rows = tuple(dict.fromkeys(set_of.get(name, (name,)) for name in space.names))
    factors = np.asarray(recording.factors, dtype=np.float64)
    pairs = recording.windows(2)[:, None] + np.arange(2)
    columns = [_moved(factor, *factors[pairs, k].T) for k, factor in enumerate(space.factors)]
    moved = np.stack(columns, axis=1)
    row_moved = np.stack(
        [moved[:, [k for name in row for k in space.factor_columns(name)]].any(axis=1) for row in rows], 1
    )
    return Moves(rows, pairs, np.where(row_moved.sum(axis=1) == 1, row_moved.argmax(axis=1), -1))


def _moved(factor: Factor, before: np.ndarray, after: np.ndarray) -> Bool[np.ndarray, "steps"]:
    change = after - before
    if isinstance(factor, Angle):
        change = np.angle(np.exp(1j * change))
    return np.abs(change) > STILL * np.maximum(1, np.abs(before))


@dataclass(frozen=True, eq=False)
class Changes:
    """How much each slot changes when one variable moves.

    Attributes:
        rows: see `Moves`.
        slots: names, "noise" last.
        right: (rows, slots) bool, the slots where a row's change belongs.
        which: (steps,) number of the row that moved, -1 if none or several did.
        steps: (steps, slots) change of every slot in every step; NaN for slots without latents.
        matrix: (rows, slots) means over the steps in which the row moved; NaN for rows that never moved.
    """

    rows: tuple[tuple[str, ...], ...]
    slots: tuple[str, ...]
    right: Bool[np.ndarray, "rows slots"]
    which: Int[np.ndarray, "steps"]
    steps: Float[np.ndarray, "steps slots"]
    matrix: Float[np.ndarray, "rows slots"]

    @property
    def names(self) -> tuple[str, ...]:
        """A name per row, such as ``"x + y + z"`` for variables that move together."""
        return tuple(" + ".join(row) for row in self.rows)

    @property
    def unmoved(self) -> tuple[str, ...]:
        """Names of the rows that never moved alone, so that their change is unknown."""
        return tuple(name for number, name in enumerate(self.names) if not (self.which == number).any())

    @cached_property
    def outside(self) -> Float[np.ndarray, "rows"]:
        """Share of each row's change outside its slot, in [0, 1]; NaN if it never moved or no slot changed."""
        return _share_outside(self.matrix, self.right)

    @cached_property
    def in_others(self) -> Float[np.ndarray, "rows"]:
        """The same share without the noise slot: if that slot also contains a variable, this is not leakage."""
        return _share_outside(self.matrix[:, :-1], self.right[:, :-1])

    @property
    def mean_outside(self) -> float:
        """Mean of the defined shares outside, over the rows with their own slot; NaN if none is defined."""
        return self._mean_of_own(self.outside)

    @property
    def mean_in_others(self) -> float:
        """Mean of `in_others`, over the same rows."""
        return self._mean_of_own(self.in_others)

    def _mean_of_own(self, shares: np.ndarray) -> float:
        with_slot = shares[self.right[:, :-1].any(axis=1)]
        defined = with_slot[~np.isnan(with_slot)]
        return float(defined.mean()) if len(defined) else float("nan")


def _share_outside(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    total = np.nansum(matrix, axis=1)
    wrong = np.nansum(np.where(right, 0.0, matrix), axis=1)
    return np.where(total > 0, wrong / np.where(total > 0, total, 1), np.nan)


def changes_of(
    model: ActingModel,
    recording: Recording,
    reference: Float[np.ndarray, "samples latents"],
    together: Sequence[Sequence[str]] = (),
) -> Changes:
    """Measure how much each slot of a model changes when one variable of a recording moves.

    Args:
        model: encodes the frames.
        recording: a recording with factors; in some steps, only one variable moves.
        reference: latents of many frames, such as those of the test split, for the scale of every latent.
        together: see `moves_of`.

    Raises:
        ValueError: there are no factors, or no variable ever moves alone.
    """
    latents = encode(model, recording.observations)
    return changes_along(latents, slots_of(model), moves_of(recording, together), reference)


def changes_along(
    latents: Float[np.ndarray, "frames latents"],
    slots: Slots,
    moves: Moves,
    reference: Float[np.ndarray, "samples latents"],
) -> Changes:
    """Measure how much each slot changes in every step, and on average for each row of the moves.

    Args:
        latents: latents of the frames that ``moves`` refers to.
        slots: assigns the latents to slots.
        moves: see `moves_of`.
        reference: latents of many frames, for the scale of every latent; the change of a latent that is constant there
            counts as 0.

    Raises:
        ValueError: the shapes do not match, or no variable ever moves alone.
    """
    checks.shape(latents, "the latents", None, slots.num_latents)
    todo = "pass the variables that move at once as together=[(...), ...]"
    alone = bool((moves.which >= 0).any())
    checks.require(alone, "the recording", "one in which a variable moves alone", "none in any step", todo)
    deviation = checked_reference(reference, slots.num_latents).std(axis=0)
    varies = deviation > CONSTANT * deviation.max()
    change = np.abs(latents[moves.pairs[:, 1]] - latents[moves.pairs[:, 0]]) / np.where(varies, deviation, np.inf)
    steps = np.stack([_mean(change[:, slots.columns(name)], axis=1) for name in slots.names], axis=1)
    matrix = np.stack([_mean(steps[moves.which == number], axis=0) for number in range(len(moves.rows))])
    in_row = np.array([[name in row for name in slots.variables] for row in moves.rows])
    right = np.concatenate([in_row, ~in_row.any(axis=1, keepdims=True)], axis=1)
    return Changes(moves.rows, slots.names, right, moves.which, steps, matrix)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean along an axis; NaN if the axis is empty."""
    if values.shape[axis] == 0:
        return np.full(values.shape[1 - axis], np.nan)
    return np.asarray(values.mean(axis=axis, dtype=np.float64))
