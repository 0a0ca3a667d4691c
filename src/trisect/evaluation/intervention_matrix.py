"""The intervention matrix: AUROC of every target from every slot, compared with the AUROC of the past alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from trisect.evaluation.auroc import DOUBT, UNDEFINED, Gain, gain_of, half_width, standard_error
from trisect.evaluation.onsets import Onset
from trisect.evaluation.score_matrix import as_table, mean, number

ADDS = 0.2  # a slot says something of a target if it closes this share of the gap between the past's AUROC and 1
SETTLED = 0.99  # where the past alone reaches a higher AUROC, nothing is left for a slot to add
BETTER = 0.1  # a slot is better than another if it closes so much more of the gap


@dataclass(frozen=True)
class InterventionMatrix:
    """AUROC of every target from every slot.

    Attributes:
        matrix: (slots, variables), the noise slot's row last; NaN if the held-out pairs do not have both classes.
        rows, columns: slot names; names of the targeted variables.
        baseline: (variables,), AUROC from z^t alone over all pairs: how well the past predicts each target.
        warnings: sentences on slots that contain or predict nothing.
        past: (slots, variables), AUROC from z^t alone on the pairs of each entry; by default ``baseline``.
        blocks: (slots, variables, blocks), contributions to the deviations of ``matrix - past``, summed over blocks of
            consecutive pairs; by default none, so that intervals have no width.
        p_values: (slots, variables), probability that a slot that adds nothing to the past does as well, see
            `trisect.evaluation.shifts`; by default NaN, not computed.
        p_diag: the same for the mean of all own slots.
        counts: (variables,), held-out interventions; by default 0, unknown.
        onsets: for variables whose interventions last, what their own slots show of the first steps and the ends.
    """

    matrix: Float[np.ndarray, "slots variables"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    baseline: Float[np.ndarray, " variables"]
    warnings: tuple[str, ...] = field(default=())
    past: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    blocks: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)), repr=False)
    p_values: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    p_diag: float = float("nan")
    counts: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    onsets: tuple[Onset, ...] = ()

    def __post_init__(self) -> None:
        shape = self.matrix.shape
        defaults = {
            "past": np.broadcast_to(self.baseline, shape).copy(),
            "blocks": np.zeros((*shape, 1)),
            "p_values": np.full(shape, np.nan),
            "counts": np.zeros(shape[1], dtype=int),
        }
        for name, value in defaults.items():
            if not getattr(self, name).size:
                object.__setattr__(self, name, value)

    @property
    def diag(self) -> float:
        """Mean AUROC of each variable's own slot: near 1 is good."""
        return mean(np.diagonal(self.matrix))

    @property
    def off_diag(self) -> float:
        """Mean AUROC of the other variables' slots without the noise slot: near 1/2 is good; NaN for one variable."""
        return mean(self.matrix[self._others])

    @property
    def past_diag(self) -> float:
        """Mean AUROC of the past alone, over the variables: what the own slots are compared with."""
        return mean(np.diagonal(self.past))

    @property
    def own_gain(self) -> Gain:
        """What the own slots add to the past, on average."""
        return self._gain(np.eye(*self.matrix.shape) > 0)

    @property
    def others_gain(self) -> Gain:
        """What the other variables' slots, without the noise slot, add to the past, on average; 0 is best."""
        return self._gain(self._others)

    def place(self, slot: str, variable: str) -> tuple[int, int]:
        """Row and column of an entry."""
        return self.rows.index(slot), self.columns.index(variable)

    def gain(self, slot: str, variable: str) -> Gain:
        """What one slot adds to the past about one target."""
        at = np.zeros(self.matrix.shape, dtype=bool)
        at[self.place(slot, variable)] = True
        return self._gain(at)

    @property
    def added(self) -> Float[np.ndarray, "slots variables"]:
        """The share of the gap between the past's AUROC and 1 that a slot closes; NaN if the past leaves no gap."""
        past = np.clip(self.past, 0.5, 1.0)
        left = np.where(past > SETTLED, np.nan, 1 - past)
        return np.asarray((self.matrix - past) / left)

    def leaks(self) -> list[tuple[str, str]]:
        """Pairs (slot, variable) where another variable's slot, or the noise slot, predicts a target; worst first.

        A leak closes a fifth of the gap or more, by more than chance explains among all entries that are compared.
        """
        wrong = np.eye(*self.matrix.shape) == 0
        width = half_width(self.blocks.shape[-1], int(wrong.sum())) * standard_error(self.blocks)
        certain = (self.matrix - self.past > width) & ~(self.p_values > DOUBT)
        at = np.argwhere(wrong & certain & (np.nan_to_num(self.added) >= ADDS))
        ordered = sorted(at.tolist(), key=lambda place: -self.added[place[0], place[1]])
        return [(self.rows[row], self.columns[column]) for row, column in ordered]

    def elsewhere(self) -> list[tuple[str, str]]:
        """The leaks (slot, variable) of slots that predict a target clearly better than the variable's own slot."""
        share = {
            (row, name): self.added[i, j] for i, row in enumerate(self.rows) for j, name in enumerate(self.columns)
        }
        return [leak for leak in self.leaks() if share[leak] > share[leak[1], leak[1]] + BETTER]

    @property
    def _others(self) -> Bool[np.ndarray, "slots variables"]:
        at = np.eye(*self.matrix.shape) == 0
        at[-1] = False
        return at

    def _gain(self, at: Bool[np.ndarray, "slots variables"]) -> Gain:
        """The mean gain over some entries, those that are defined."""
        at = at & ~np.isnan(self.matrix)
        if not at.any():
            return UNDEFINED
        return gain_of(float((self.matrix - self.past)[at].mean()), self.blocks[at].mean(axis=0))

    def to_json(self, nll: float | None = None) -> dict[str, Any]:
        """Plain types; undefined is None. ``nll``: held-out negative log-likelihood, if the model has one."""
        return {
            "matrix": as_table(self.matrix),
            "rows": list(self.rows),
            "columns": list(self.columns),
            "diag": number(self.diag),
            "off_diag": number(self.off_diag),
            "baseline": [number(entry) for entry in self.baseline],
            "past": as_table(self.past),
            "diag_over_past": _plain(self.own_gain),
            "off_diag_over_past": _plain(self.others_gain),
            "over_past_error": as_table(standard_error(self.blocks)),
            "p_values": as_table(self.p_values),
            "diag_p_value": number(self.p_diag),
            "held_out_interventions": [int(count) for count in self.counts],
            "onsets": [onset.to_json() for onset in self.onsets],
            "nll": number(nll),
        }


def interval(gain: Gain) -> str:
    """The interval in words, such as ``0.31 to 0.38``."""
    return f"{gain.low:.2f} to {gain.high:.2f}".replace("-0.00", "0.00")


def _plain(gain: Gain) -> dict[str, Any]:
    return {"mean": number(gain.value), "interval": [number(gain.low), number(gain.high)]}
