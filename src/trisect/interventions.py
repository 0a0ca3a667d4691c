"""Interventions: which variables are intervened on in a step, and how.

A *target policy* draws, for every step, the set of variables whose mechanism is replaced. A policy refers to K
candidate variables by position; the world decides which of its variables these are.

Whether recorded targets identify their variables is the concern of `trisect.refusals`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from trisect import checks


class Intervention(Enum):
    """What an intervention does to a variable's mechanism.

    ``PERFECT``: the new value is independent of the past. ``IMPERFECT``: the new value still depends on the past, but
    by a different rule. ``NONE``: the variable cannot be intervened on.
    """

    PERFECT = "perfect"
    IMPERFECT = "imperfect"
    NONE = "none"


class TargetPolicy(ABC):
    """Draws intervention targets, independently over steps."""

    num_variables: int

    @abstractmethod
    def sample(self, num_steps: int, rng: np.random.Generator) -> np.ndarray:
        """Targets of shape (num_steps, num_variables), bool."""


@dataclass(frozen=True)
class IndependentTargets(TargetPolicy):
    """Every variable is a target with its own probability, independently of the others.

    Attributes:
        probabilities: one number in [0, 1] per variable.
    """

    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        for probability in self.probabilities:
            checks.in_range(probability, "a target probability", 0.0, 1.0)

    @property
    def num_variables(self) -> int:  # type: ignore[override]
        return len(self.probabilities)

    def sample(self, num_steps: int, rng: np.random.Generator) -> np.ndarray:
        return rng.random((num_steps, self.num_variables)) < np.asarray(self.probabilities)


@dataclass(frozen=True)
class SingleTargets(TargetPolicy):
    """At most one target per step: none with probability ``none_probability``, else one of K, drawn uniformly.

    Attributes:
        num_variables: K, at least 1.
        none_probability: P(no target), in [0, 1].
    """

    num_variables: int
    none_probability: float

    def __post_init__(self) -> None:
        checks.positive_int(self.num_variables, "num_variables of SingleTargets")
        checks.in_range(self.none_probability, "none_probability of SingleTargets", 0.0, 1.0)

    def sample(self, num_steps: int, rng: np.random.Generator) -> np.ndarray:
        columns = rng.integers(self.num_variables, size=num_steps)
        columns[rng.random(num_steps) < self.none_probability] = -1
        return columns[:, None] == np.arange(self.num_variables)


@dataclass(frozen=True)
class GroupedTargets(TargetPolicy):
    """One group of variables per step, drawn uniformly; all its members are targets together.

    Attributes:
        groups: for each group, the positions of its members; an empty group means "no target".
        num_variables: K.
    """

    groups: tuple[tuple[int, ...], ...]
    num_variables: int

    def __post_init__(self) -> None:
        checks.positive_int(self.num_variables, "num_variables of GroupedTargets")
        checks.require(len(self.groups) > 0, "the groups of GroupedTargets", "at least one group", "none")
        for member in (m for group in self.groups for m in group):
            what = "a member of a group of GroupedTargets"
            checks.require(0 <= member < self.num_variables, what, f"below {self.num_variables}", member)

    def sample(self, num_steps: int, rng: np.random.Generator) -> np.ndarray:
        table = np.zeros((len(self.groups), self.num_variables), dtype=bool)
        for row, group in enumerate(self.groups):
            table[row, list(group)] = True
        return table[rng.integers(len(self.groups), size=num_steps)]


def binary_code_groups(num_variables: int) -> GroupedTargets:
    """Groups by binary code: variable i has the code i+1, and group g holds all variables whose bit g is set.

    An empty group is added, so that some steps have no target.

    Example:
        >>> binary_code_groups(3).groups
        ((0, 2), (1, 2), ())
    """
    checks.positive_int(num_variables, "num_variables of binary_code_groups")
    bits = num_variables.bit_length()
    groups = [tuple(i for i in range(num_variables) if (i + 1) >> g & 1) for g in range(bits)]
    return GroupedTargets((*groups, ()), num_variables)


def targeted(targets: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the columns with at least one intervention, in column order.

    Args:
        targets: (rows, variables) bool; rows without meaning (the first of every episode) must be False.
        names: one name per column.
    """
    checks.shape(targets, "targets", None, len(names))
    return tuple(name for column, name in enumerate(names) if targets[:, column].any())
