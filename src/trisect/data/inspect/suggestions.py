"""Suggestions: the fewest additional intervention patterns that separate the variables that the targets do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from trisect.data.inspect.patterns import Patterns
from trisect.data.inspect.structure import Structure

STEPS = 50
EXACT_GROUP = 5
TRIALS = 20


@dataclass(frozen=True)
class Suggestion:
    """Patterns to record so that a group's variables can be separated.

    Attributes:
        group: names of the variables that are inseparable so far.
        patterns: for each pattern the names of the variables to intervene on, and no others; an empty pattern means
            steps without any intervention.
        steps: smallest number of steps to record of each pattern.
    """

    group: tuple[str, ...]
    patterns: tuple[tuple[str, ...], ...]
    steps: int

    def __str__(self) -> str:
        kinds = [f"that intervene on {' and '.join(p)} only" if p else "without interventions" for p in self.patterns]
        listed = ", and ".join(f"{self.steps} steps {kind}" for kind in kinds)
        return f"to separate {', '.join(self.group)}: record at least {listed}"

    def rows(self, names: Sequence[str]) -> np.ndarray:
        """The suggested steps as (patterns * steps, K) bool targets with the columns ``names``."""
        table = np.array([[name in pattern for name in names] for pattern in self.patterns], dtype=bool)
        return np.repeat(table, self.steps, axis=0)


def suggest(targets: np.ndarray, names: Sequence[str]) -> list[Suggestion]:
    """For every inseparable group, the patterns to add so that none of its columns is constant or determined.

    Groups of up to `EXACT_GROUP` columns get the fewest patterns, and among equally few those with the fewest
    interventions. Larger groups get steps without intervention and with one intervention at a time, as few as possible.

    Args:
        targets: (N, K) bool, see `trisect.data.inspect.identifiability.identifiability`.
        names: K names.

    Raises:
        ValueError: as for `identifiability`.
    """
    structure = Structure.of(targets, names)
    return [_suggestion(structure, group) for group in structure.inseparable]


def _suggestion(structure: Structure, group: tuple[int, ...]) -> Suggestion:
    seen = {_code(pattern) for pattern in structure.table.restrict(group).seen}
    plans = islice(_fewest(seen, len(group)) if len(group) <= EXACT_GROUP else (), TRIALS)
    tried = (_named(structure, group, plan) for plan in plans)
    for suggestion in tried:
        if _separates(structure, group, suggestion):
            return suggestion
    return _one_by_one(structure, group, seen)


def _fewest(seen: set[int], size: int) -> Iterator[tuple[int, ...]]:
    """Sets of patterns (as bits) that leave none of the group's columns determined by the others; fewest first."""
    unseen = sorted(set(range(2**size)) - seen, key=lambda code: (code.bit_count(), code))
    for number in range(1, size + 1):
        yield from (plan for plan in combinations(unseen, number) if _differ_everywhere(seen.union(plan), size))


def _differ_everywhere(codes: set[int], size: int) -> bool:
    """Whether for every column two patterns differ only in this column, so that the others do not determine it."""
    return all(any(code ^ 1 << column in codes for code in codes) for column in range(size))


def _one_by_one(structure: Structure, group: tuple[int, ...], seen: set[int]) -> Suggestion:
    """No intervention and single interventions, without unnecessary ones; all of them together always separate."""
    every = [0, *(1 << column for column in range(len(group)))]
    plan = every
    for code in every[::-1]:
        shorter = [other for other in plan if other != code]
        plan = shorter if _differ_everywhere(seen.union(shorter), len(group)) else plan
    suggestion = _named(structure, group, plan)
    return suggestion if _separates(structure, group, suggestion) else _named(structure, group, every)


def _separates(structure: Structure, group: tuple[int, ...], suggestion: Suggestion) -> bool:
    """Whether no variable of the group is inseparable after appending the suggested steps."""
    table = structure.table
    rows = np.concatenate([table.rows, suggestion.rows(structure.names)])
    after = Structure(Patterns.of(rows), structure.names)
    return not set(group) & {column for each in after.inseparable for column in each}


def _named(structure: Structure, group: tuple[int, ...], plan: Iterable[int]) -> Suggestion:
    names = structure.named(group)
    patterns = (tuple(name for place, name in enumerate(names) if code >> place & 1) for code in plan)
    return Suggestion(names, tuple(patterns), STEPS)


def _code(pattern: np.ndarray) -> int:
    return sum(1 << place for place in np.flatnonzero(pattern).tolist())
