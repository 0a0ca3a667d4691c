"""Variables: what a world is made of, by name and by kind.

A *variable* is a causal variable of the world; it holds one or several *factors*, the scalar ground-truth
dimensions that a simulator or a human knows. A `VariableSpace` lists every variable of a recording in order, together
with its factors. It does not say which variables were intervened on; that belongs to a recording
(`trisect.interventions.targeted`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from trisect import checks
from trisect.names import MOST_FACTORS, checked_names

LARGEST_END = 10**300
MOST_CATEGORIES = 10_000


@dataclass(frozen=True)
class Factor:
    """A scalar ground-truth dimension: its name. Use `Continuous`, `Angle` or `Categorical`.

    Attributes:
        name: its name in data files, reports and score matrices.
    """

    kind: ClassVar[str] = ""
    name: str

    def check(self, values: np.ndarray) -> None:
        """Raise `ValueError` if this factor cannot take one of the values."""
        raise TypeError("a Factor is one of Continuous, Angle, Categorical")


@dataclass(frozen=True)
class Continuous(Factor):
    """A real number in [low, high] (unbounded by default).

    Attributes:
        low, high: the range in the factor's own unit; values may touch both ends.
    """

    kind: ClassVar[str] = "continuous"
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        what, got = f"the range of factor '{checks.shown(self.name)}'", (self.low, self.high)
        checks.require(all(_is_end(end) for end in got), what, "two numbers", checks.shown(got))
        checks.require(self.low < self.high, what, "low < high", got)
        for name, end in (("low", self.low), ("high", self.high)):
            object.__setattr__(self, name, end.item() if isinstance(end, np.generic) else end)

    def check(self, values: np.ndarray) -> None:
        checks.finite(values, f"factor '{self.name}'")
        outside = (values < self.low - _slack(self.low)) | (values > self.high + _slack(self.high))
        if outside.any():
            row = int(np.argmax(outside))
            must = f"in [{self.low:g}, {self.high:g}]"
            raise ValueError(checks.sentence(f"factor '{self.name}'", must, f"{values[row]:g} in row {row}"))


def _is_end(end: object) -> bool:
    """Whether something can be the end of a range: a number that a float can hold, or an infinity."""
    is_number = isinstance(end, (int, float, np.integer, np.floating)) and not isinstance(end, bool)
    return is_number and not (isinstance(end, int) and abs(end) > LARGEST_END)


def _slack(end: float) -> float:
    """How far a value may lie beyond an end of a range, to allow for rounding in single precision or a text file."""
    return 1e-4 * max(1.0, abs(end)) if math.isfinite(end) else 0.0


@dataclass(frozen=True)
class Angle(Factor):
    """An angle in radians, period 2 pi; 0 and 2 pi are the same value."""

    kind: ClassVar[str] = "angle"

    def check(self, values: np.ndarray) -> None:
        checks.finite(values, f"factor '{self.name}'")
        if (np.abs(values) > 2 * math.pi + 1e-4).any():
            row = int(np.argmax(np.abs(values) > 2 * math.pi + 1e-4))
            raise ValueError(
                checks.sentence(
                    f"angle '{self.name}'",
                    "in radians within [-2 pi, 2 pi]",
                    f"{values[row]:g} in row {row}",
                    "convert degrees, or declare it Continuous",
                )
            )


@dataclass(frozen=True)
class Categorical(Factor):
    """A category in {0, ..., num_categories - 1}, without order.

    Attributes:
        num_categories: how many categories there are, at least 2.
    """

    kind: ClassVar[str] = "categorical"
    num_categories: int = 2

    def __post_init__(self) -> None:
        what = f"num_categories of factor '{checks.shown(self.name)}'"
        number = checks.positive_int(self.num_categories, what, 2)
        checks.require(number <= MOST_CATEGORIES, what, f"at most {MOST_CATEGORIES}", number, "declare it Continuous")
        object.__setattr__(self, "num_categories", number)

    def check(self, values: np.ndarray) -> None:
        bad = (values != np.round(values)) | (values < 0) | (values >= self.num_categories)
        if bad.any():
            row = int(np.argmax(bad))
            must = f"a whole number from 0 to {self.num_categories - 1}"
            raise ValueError(checks.sentence(f"factor '{self.name}'", must, f"{values[row]:g} in row {row}"))


FACTOR_KINDS: dict[str, type[Factor]] = {cls.kind: cls for cls in (Continuous, Angle, Categorical)}


class VariableSpace:
    """Every variable of a recording, in order, with its factors.

    Args:
        factors: the factors in the order of the columns of a recording's ``factors`` array.
        groups: variable name -> names of its factors; by default every factor is a variable of the same name.

    Raises:
        ValueError: there are no factors or more than 1000; a name is repeated, empty, reserved, too long or not
            printable; a group names an unknown factor; a factor is in no group or in two.
        TypeError: a factor is not a `Continuous`, an `Angle` or a `Categorical`.

    Example:
        >>> space = VariableSpace([Continuous("x", 0, 1), Continuous("y", 0, 1)], {"position": ["x", "y"]})
        >>> space.names, space.factor_columns("position")
        (('position',), (0, 1))
    """

    def __init__(self, factors: Sequence[Factor], groups: Mapping[str, Sequence[str]] | None = None):
        self.factors = _checked_factors(factors)
        self.factor_names = checked_names([f.name for f in self.factors], "the factor names of a VariableSpace")
        checks.require(len(self.factors) > 0, "the factors of a VariableSpace", "at least one", "none")
        grouped = {name: (name,) for name in self.factor_names} if groups is None else groups
        what, must = "the groups of a VariableSpace", "a mapping from variables to their factors"
        checks.require(isinstance(grouped, Mapping), what, must, checks.quoted(grouped, 80))
        self.names = checked_names(list(grouped), "the variable names of a VariableSpace")
        self.groups: dict[str, tuple[str, ...]] = {
            name: checks.unique_names(members, f"the factors of variable '{name}'") for name, members in grouped.items()
        }
        self._check_groups()

    def _check_groups(self) -> None:
        for name, group in self.groups.items():
            checks.require(len(group) > 0, f"the factors of variable '{name}'", "at least one", "none")
        members = [member for group in self.groups.values() for member in group]
        for member in members:
            checks.one_of(member, self.factor_names, "a factor named in a variable's group")
        checks.unique_names(members, "the factors named in the groups of a VariableSpace")
        missing = [name for name in self.factor_names if name not in members]
        got = f"none for {checks.shown(missing)}"
        checks.require(not missing, "every factor of a VariableSpace", "in one group", got)

    def __len__(self) -> int:
        return len(self.names)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, VariableSpace):
            return NotImplemented
        return self.factors == other.factors and list(self.groups.items()) == list(other.groups.items())

    def __hash__(self) -> int:
        return hash((self.factors, self.names))

    def __repr__(self) -> str:
        return f"VariableSpace({', '.join(self.describe())})"

    def describe(self) -> list[str]:
        """One text per variable: its name and the kinds of its factors."""
        kinds = {f.name: f.kind for f in self.factors}
        return [
            f"{name}: {kinds[members[0]]}" if members == (name,) else f"{name}: {', '.join(members)}"
            for name, members in self.groups.items()
        ]

    def index(self, name: str) -> int:
        """Position of a variable by name; `ValueError` with a suggestion for an unknown one."""
        return self.names.index(checks.one_of(name, self.names, "a variable name"))

    def factor_columns(self, name: str) -> tuple[int, ...]:
        """Columns of the ``factors`` array that belong to a variable."""
        members = self.groups[self.names[self.index(name)]]
        return tuple(self.factor_names.index(member) for member in members)

    def check_factors(self, factors: np.ndarray, what: str = "factors") -> np.ndarray:
        """Return a (rows, factors) array after checking its shape and the range of every factor."""
        checks.shape(factors, what, None, len(self.factors))
        for column, factor in enumerate(self.factors):
            factor.check(factors[:, column])
        return factors

    def to_json(self) -> dict[str, Any]:
        """Plain types that `from_json` reads back."""
        return {
            "factors": [_factor_to_json(factor) for factor in self.factors],
            "groups": {name: list(members) for name, members in self.groups.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> VariableSpace:
        """Rebuild a space from `to_json`'s result; `ValueError` if it is incomplete or not of this form."""
        what, must = "stored variables", "an object with 'factors' and 'groups'"
        complete = isinstance(stored, Mapping) and isinstance(stored.get("factors"), list) and "groups" in stored
        checks.require(complete, what, must, checks.quoted(stored, 80))
        number = len(stored["factors"])
        checks.require(number <= MOST_FACTORS, "the stored factors", f"at most {MOST_FACTORS}", number)
        return cls([_factor_from_json(entry) for entry in stored["factors"]], stored["groups"])


def anonymous(names: Iterable[str]) -> VariableSpace:
    """A space of unbounded continuous variables, for recordings whose ground truth is unknown."""
    return VariableSpace([Continuous(name) for name in checked_names(list(names), "the names of the variables")])


def as_space(variables: VariableSpace | Iterable[str] | Iterable[Factor]) -> VariableSpace:
    """The variables as a `VariableSpace`, from their names, from factors, or unchanged.

    Raises:
        ValueError: a name is refused, see `checked_names`.
        TypeError: neither names nor factors.

    Example:
        >>> as_space(["lamp", "cart"]).names
        ('lamp', 'cart')
    """
    if isinstance(variables, VariableSpace):
        return variables
    todo = "pass a list, such as ['lamp', 'cart'], or a VariableSpace"
    if isinstance(variables, str) or not isinstance(variables, Iterable):
        got = checks.quoted(variables, 80)
        raise TypeError(checks.sentence("the variables", "a list of names or a VariableSpace", got, todo))
    listed = list(variables)
    return VariableSpace(listed) if any(isinstance(one, Factor) for one in listed) else anonymous(listed)  # type: ignore[arg-type]


def _checked_factors(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """The factors as a tuple; `TypeError` if one is of another kind."""
    what, must = "a factor of a VariableSpace", "a Continuous, an Angle or a Categorical"
    if isinstance(factors, (str, Factor)) or not isinstance(factors, Iterable):
        raise TypeError(checks.sentence("the factors of a VariableSpace", "a list", checks.quoted(factors, 80)))
    checked = tuple(factors)
    for factor in checked:
        if type(factor) not in FACTOR_KINDS.values():
            got, todo = checks.quoted(factor, 80), "for names alone use trisect.variables.anonymous"
            raise TypeError(checks.sentence(what, must, got, todo))
    return checked


def _factor_to_json(factor: Factor) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": factor.kind, "name": factor.name}
    if isinstance(factor, Continuous):
        entry["low"] = None if math.isinf(factor.low) else factor.low
        entry["high"] = None if math.isinf(factor.high) else factor.high
    if isinstance(factor, Categorical):
        entry["num_categories"] = factor.num_categories
    return entry


def _factor_from_json(entry: Mapping[str, Any]) -> Factor:
    complete = isinstance(entry, Mapping) and all(isinstance(entry.get(key), str) for key in ("kind", "name"))
    checks.require(complete, "a stored factor", "an object with texts 'kind' and 'name'", checks.quoted(entry, 80))
    kind = checks.one_of(entry["kind"], FACTOR_KINDS, "the kind of a factor")
    if kind == Continuous.kind:
        low, high = entry.get("low"), entry.get("high")
        return Continuous(entry["name"], -math.inf if low is None else low, math.inf if high is None else high)
    if kind == Categorical.kind:
        return Categorical(entry["name"], entry.get("num_categories"))  # type: ignore[arg-type]
    return Angle(entry["name"])
