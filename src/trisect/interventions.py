"""Interventions: which variables are intervened on in a step, and how.

A *target policy* draws, for every step, the set of variables whose mechanism is replaced. A policy refers to K
candidate variables by position; the world decides which of its variables these are.

Recorded targets identify a variable only if enough steps intervene on it and enough do not, and if no other variable's
targets say the same, see `refusals`. This is one rule for inspection, training and the closed form.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from trisect import checks

FEWEST = 5
"""Smallest number of steps with an intervention on a variable, and of steps without: fewer show no variance."""


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


@dataclass(frozen=True)
class Shortage:
    """Too few steps with, or too few steps without, an intervention on a variable to identify it.

    Attributes:
        variable: name of the variable.
        is_of_interventions: True if interventions are too few, False if steps without are.
        count: number of such steps.
        num_steps: number of all steps.
    """

    variable: str
    is_of_interventions: bool
    count: int
    num_steps: int

    @property
    def what(self) -> str:
        """The steps that are too few."""
        steps = "interventions" if self.is_of_interventions else "steps without an intervention"
        return f"the {steps} on '{self.variable}'"

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.is_of_interventions:
            return "record more steps that intervene on it, or set its targets to 0 to leave it in the noise slot"
        return "record more steps that do not intervene on it"

    @property
    def must(self) -> str:
        """What their number must be."""
        return f"at least {FEWEST} of {self.num_steps} steps"

    def __str__(self) -> str:
        return checks.sentence(self.what, self.must, self.count, self.advice)


def shortages(targets: np.ndarray, names: Sequence[str]) -> list[Shortage]:
    """The variables that cannot be identified for want of steps, in column order.

    Every variable needs `FEWEST` steps with an intervention and as many without, whatever the method. A variable that
    is never intervened on belongs to the noise slot and lacks nothing.

    Args:
        targets: (steps, variables) bool, one row per transition.
        names: one name per column.
    """
    checks.shape(targets, "targets", None, len(names))
    num_steps, found = len(targets), []
    for name, count in zip(names, targets.sum(axis=0).tolist()):
        if 0 < count < FEWEST:
            found.append(Shortage(name, True, count, num_steps))
        if count and num_steps - count < FEWEST:
            found.append(Shortage(name, False, num_steps - count, num_steps))
    return found


@dataclass(frozen=True)
class Refusal:
    """Why targets cannot identify some variables, whatever the method: the parts of one sentence.

    Attributes:
        variables: names of the variables concerned; empty if it is the recording as a whole.
        what, must, got, todo: see `trisect.checks.sentence`.
    """

    variables: tuple[str, ...]
    what: str
    must: str
    got: str
    todo: str

    @property
    def head(self) -> str:
        """The sentence without what to do."""
        return checks.sentence(self.what, self.must, self.got)

    def __str__(self) -> str:
        return checks.sentence(self.what, self.must, self.got, self.todo)


WITHOUT_TARGETS = Refusal(
    (),
    "the training recording",
    "one with interventions",
    "targets that are all 0",
    "record which variable was intervened on in each step",
)
"""The refusal of a recording in which no variable is ever intervened on."""


def refusals(targets: np.ndarray, names: Sequence[str]) -> list[Refusal]:
    """Everything for which inspection finds an error and training is refused, whatever the method.

    There are too few steps, interventions on a variable, or steps without; or the targets of two variables are always
    equal or always opposite.

    Args:
        targets: (steps, variables) bool, one row per transition.
        names: one name per column; a variable without interventions belongs to the noise slot and lacks nothing.
    """
    enough = 2 * FEWEST
    short = Refusal((), "the steps of the training recording", f"at least {enough}", str(len(targets)), "record more")
    few = [
        Refusal((each.variable,), each.what, each.must, str(each.count), each.advice)
        for each in shortages(targets, names)
    ]
    lacking = {name for each in few for name in each.variables}
    used = {name: column for name, column in zip(names, targets.T) if column.any() and name not in lacking}
    return [*([short] if len(targets) < enough else []), *few, *_alike(used)]


def _alike(columns: Mapping[str, np.ndarray]) -> list[Refusal]:
    """A refusal for every pair of named columns that are always equal or always opposite."""
    by_content: dict[bytes, list[str]] = {}
    for name, column in columns.items():
        by_content.setdefault(np.packbits(column ^ column[0]).tobytes(), []).append(name)
    pairs = (pair for group in by_content.values() for pair in itertools.combinations(group, 2))
    return [_pair(first, second, columns[first], columns[second]) for first, second in pairs]


def _pair(first: str, second: str, a: np.ndarray, b: np.ndarray) -> Refusal:
    differ = int((a != b).sum())
    what, must = f"the targets of '{first}' and '{second}'", "neither always equal nor always opposite"
    got = f"{differ} of {len(a)} steps in which they differ"
    return Refusal((first, second), what, must, got, "join them into one variable, or intervene on them separately")


def require_identifiable(targets: np.ndarray, names: Sequence[str]) -> None:
    """Refuse targets from which no method can identify these variables.

    Args:
        targets: (steps, variables) bool, one row per transition.
        names: one name per column; every one is a variable to identify.

    Raises:
        ValueError: there is one of the `refusals`, or a variable without interventions.
    """
    found = refusals(targets, names)
    never = [Shortage(name, True, 0, len(targets)) for name, column in zip(names, targets.T) if not column.any()]
    for refusal in (*(each for each in found if not each.variables), *never, *found):
        raise ValueError(str(refusal))
