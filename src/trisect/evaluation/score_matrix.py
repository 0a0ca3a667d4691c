"""The score matrices: how well each variable is predicted from each slot, matched **by name**."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from trisect.data.recording import Recording
from trisect.data.stacking import stack
from trisect.variables import VariableSpace


@dataclass(frozen=True)
class Truth:
    """The factors of the samples to score.

    Attributes:
        factors: (samples, factors), in their own units.
        variables: the variables that the columns belong to.
        older: tables like ``factors`` of the older frames in every sample, if observations hold several.

    Raises:
        ValueError: the number of columns is wrong, or a value is outside its factor's range.
    """

    factors: np.ndarray
    variables: VariableSpace
    older: tuple[np.ndarray, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", np.asarray(self.factors, dtype=np.float64))
        object.__setattr__(self, "older", tuple(np.asarray(table, dtype=np.float64) for table in self.older))
        for table in (self.factors, *self.older):
            self.variables.check_factors(table)

    @classmethod
    def of(cls, recording: Recording) -> Truth:
        """The factors of a recording that has some."""
        frames = recording.frames_per_observation
        every = stack(np.asarray(recording.factors), frames, recording.starts)
        *older, factors = np.split(every, frames, axis=1)
        return cls(factors, recording.variables, tuple(older))

    def at(self, rows: np.ndarray) -> Truth:
        """The samples at some rows."""
        return replace(self, factors=self.factors[rows], older=tuple(table[rows] for table in self.older))


@dataclass(frozen=True)
class ScoreMatrix:
    """One score for every slot and variable.

    Attributes:
        matrix: (slots, variables) float64; NaN if undefined.
        rows: slot names, the targeted variables in their order, then "noise".
        columns: names of all variables.
        excluded: factor or slot that could not be scored -> reason.
    """

    matrix: Float[np.ndarray, "slots variables"]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, names: tuple[str, str]) -> float:
        """The entry of a slot and a variable, both by name."""
        return float(self.matrix[self.rows.index(names[0]), self.columns.index(names[1])])

    @property
    def diag(self) -> float:
        """Mean score of the targeted variables in their own slots; NaN if none is defined."""
        return mean(self[name, name] for name in self.rows[:-1] if name in self.columns)

    @property
    def diag_all(self) -> float:
        """The same mean, including the variables that are never intervened on, in the noise slot."""
        return mean(self[name if name in self.rows[:-1] else self.rows[-1], name] for name in self.columns)

    @property
    def sep_slots(self) -> float:
        """Mean over slots (without noise) of the largest entry of a wrong variable: 0 is best."""
        return mean(_largest(self._wrong()[row]) for row in range(len(self.rows) - 1))

    @property
    def sep_variables(self) -> float:
        """Mean over all variables of the largest entry in a wrong slot (without noise): 0 is best."""
        return mean(_largest(self._wrong()[:-1, column]) for column in range(len(self.columns)))

    def _wrong(self) -> np.ndarray:
        same_name = np.equal.outer(np.asarray(self.rows), np.asarray(self.columns))
        return np.where(same_name, np.nan, self.matrix)

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {
            "matrix": as_table(self.matrix),
            "rows": list(self.rows),
            "columns": list(self.columns),
            "diag": number(self.diag),
            "diag_all": number(self.diag_all),
            "sep_slots": number(self.sep_slots),
            "sep_variables": number(self.sep_variables),
            "excluded": dict(self.excluded),
        }


class Read(NamedTuple):
    """A factor's true values and what the probe reads from the variable's own slot, (samples,) each."""

    factor: str
    truth: np.ndarray
    prediction: np.ndarray


@dataclass(frozen=True)
class Scores:
    """The two score matrices of one set of latents.

    Attributes:
        r2, spearman: the matrices.
        probe: name of the probe.
        warnings: sentences on the limits of these scores.
        read: some samples of every factor with a slot of its own, to draw.
        intervals: variable -> 95 % interval of its R2 in its own slot, over the scored samples.
    """

    r2: ScoreMatrix
    spearman: ScoreMatrix
    probe: str
    warnings: tuple[str, ...] = ()
    read: tuple[Read, ...] = field(default=(), repr=False)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        return {
            "probe": self.probe,
            "r2": self.r2.to_json(),
            "spearman": self.spearman.to_json(),
            "warnings": list(self.warnings),
            "intervals": {name: [number(end) for end in ends] for name, ends in self.intervals.items()},
        }


def mean(values: Iterable[float]) -> float:
    """Mean of the defined values; NaN if there are none."""
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")


def number(value: float | None) -> float | None:
    """A float for JSON; NaN and infinity become None."""
    return float(value) if value is not None and math.isfinite(value) else None


def as_table(values: np.ndarray) -> list[list[float | None]]:
    """Rows of numbers for JSON; undefined is None."""
    return [[number(entry) for entry in row] for row in values]


def _largest(entries: np.ndarray) -> float:
    defined = entries[~np.isnan(entries)]
    return float(defined.max()) if len(defined) else float("nan")
