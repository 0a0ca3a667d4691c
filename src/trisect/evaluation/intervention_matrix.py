"""The intervention matrix: AUROC of every target from every slot, compared with the AUROC of the past alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import stdtrit

from trisect.evaluation.auroc import standard_error
from trisect.evaluation.score_matrix import as_table, mean, number

ADDS = 0.2  # a slot says something of a target if it closes this share of the gap between the past's AUROC and 1
SETTLED = 0.99  # where the past alone reaches a higher AUROC, nothing is left for a slot to add
DOUBT = 0.05  # probability with which an interval, or one of the leaks that are named, may be wrong


class Gain(NamedTuple):
    """By how much an AUROC exceeds that of the past alone, with the ends of its 95 % interval; NaN if undefined."""

    value: float
    low: float
    high: float


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
    """

    matrix: Float[np.ndarray, "slots variables"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    baseline: Float[np.ndarray, " variables"]
    warnings: tuple[str, ...] = field(default=())
    past: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))
    blocks: np.ndarray = field(default_factory=lambda: np.empty((0, 0, 0)), repr=False)

    def __post_init__(self) -> None:
        if not self.past.size:
            object.__setattr__(self, "past", np.broadcast_to(self.baseline, self.matrix.shape).copy())
        if not self.blocks.size:
            object.__setattr__(self, "blocks", np.zeros((*self.matrix.shape, 1)))

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

    def gain(self, row: str, column: str) -> Gain:
        """What one slot adds to the past about one target."""
        at = np.zeros(self.matrix.shape, dtype=bool)
        at[self.rows.index(row), self.columns.index(column)] = True
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
        certain = self.matrix - self.past > self._half_width(int(wrong.sum())) * standard_error(self.blocks)
        at = np.argwhere(wrong & certain & (np.nan_to_num(self.added) >= ADDS))
        ordered = sorted(at.tolist(), key=lambda place: -self.added[place[0], place[1]])
        return [(self.rows[row], self.columns[column]) for row, column in ordered]

    def without_gain(self) -> tuple[str, ...]:
        """Variables whose own slot adds hardly anything to the past, although there is something to add."""
        return tuple(name for name, share in zip(self.columns, np.diagonal(self.added)) if share < ADDS)

    def uncertain(self) -> tuple[str, ...]:
        """Variables with too few held-out interventions to tell whether their own slot adds to the past."""
        width = self._half_width(1) * np.diagonal(standard_error(self.blocks))
        left = 1 - np.clip(np.diagonal(self.past), 0.5, 1.0)
        return tuple(name for name, wide, gap in zip(self.columns, width, left) if wide > max(ADDS * gap, 0.05))

    def _half_width(self, comparisons: int) -> float:
        """Standard errors on each side of an interval, if so many are looked at together (Student, Bonferroni)."""
        freedom = max(self.blocks.shape[-1] - 1, 1)
        return float(stdtrit(freedom, 1 - DOUBT / 2 / max(comparisons, 1)))

    @property
    def _others(self) -> Bool[np.ndarray, "slots variables"]:
        at = np.eye(*self.matrix.shape) == 0
        at[-1] = False
        return at

    def _gain(self, at: Bool[np.ndarray, "slots variables"]) -> Gain:
        """The mean gain over some entries, those that are defined."""
        at = at & ~np.isnan(self.matrix)
        if not at.any():
            return Gain(float("nan"), float("nan"), float("nan"))
        value = float((self.matrix - self.past)[at].mean())
        width = self._half_width(1) * float(standard_error(self.blocks[at].mean(axis=0)))
        return Gain(value, value - width, value + width)

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
            "nll": number(nll),
        }


def interval(gain: Gain) -> str:
    """The interval in words, such as ``0.31 to 0.38``."""
    return f"{gain.low:.2f} to {gain.high:.2f}".replace("-0.00", "0.00")


def _plain(gain: Gain) -> dict[str, Any]:
    return {"mean": number(gain.value), "interval": [number(gain.low), number(gain.high)]}
