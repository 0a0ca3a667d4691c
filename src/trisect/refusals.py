"""Refusals: why recorded targets cannot identify their variables, whatever the method.

Targets identify a variable only if enough steps intervene on it and enough do not, and if no other variable's targets
say the same. This is one rule for inspection, training and the closed form.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trisect import checks

FEWEST = 5
"""Smallest number of steps with an intervention on a variable, and of steps without: fewer show no variance."""


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
    def refusal(self) -> Refusal:
        """The refusal of training for this reason."""
        must = f"at least {FEWEST} of {self.num_steps} steps"
        return Refusal((self.variable,), self.what, must, str(self.count), self.advice)


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
    few = [each.refusal for each in shortages(targets, names)]
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
    of_recording = [each for each in found if not each.variables]
    for refusal in (*of_recording, *(each.refusal for each in never), *found):
        raise ValueError(str(refusal))
