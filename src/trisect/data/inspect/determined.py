"""Determined columns: targets that are a function of other targets, with evidence that this is no coincidence.

It proves little that other columns determine a column in every recorded row: with many columns and few rows every
pattern is unique. A relation is claimed only if independent targets would show it with a probability below `CHANCE`,
summed over all sets of columns that could have been named.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trisect.data.inspect.patterns import Patterns, log_choices, log_constant

CHANCE = 1e-6
FEW = 20
"""Number of rows below which a value, a difference or an exception counts as rare."""
FORWARD_COLUMNS = 8
FORWARD_PATTERNS = 4096


@dataclass(frozen=True)
class Relation:
    """A column that others determine, up to some exceptions.

    Attributes:
        column: the determined column.
        sources: a minimal set of columns that determines it.
        exceptions: number of rows that break the rule, below `FEW`.
    """

    column: int
    sources: tuple[int, ...]
    exceptions: int

    @property
    def members(self) -> tuple[int, ...]:
        """The column and its sources, ascending."""
        return tuple(sorted((self.column, *self.sources)))


@dataclass(frozen=True)
class Alike:
    """Columns that are equal in every row, and columns that are their negation.

    Attributes:
        equal: positions, ascending, of the equal columns with fewer interventions.
        opposite: positions of their negations, ascending; may be empty.
        evident: whether this is no coincidence.
    """

    equal: tuple[int, ...]
    opposite: tuple[int, ...]
    evident: bool

    @property
    def members(self) -> tuple[int, ...]:
        """All positions, ascending."""
        return tuple(sorted(self.equal + self.opposite))


def by_content(table: Patterns, varying: Sequence[int]) -> list[Alike]:
    """Classes of varying columns: each column with its equals and negations; most classes have one column.

    The order of the classes depends on the values of the columns, not on their positions.
    """
    classes: dict[bytes, list[int]] = {}
    for column in varying:
        values = table.rows[:, column]
        classes.setdefault(np.packbits(values ^ values[0]).tobytes(), []).append(column)
    return [_class(table, members, len(varying)) for _, members in sorted(classes.items())]


def _class(table: Patterns, members: list[int], num_columns: int) -> Alike:
    rarest = min(members, key=lambda column: int(table.ones[column]))
    equal = [column for column in members if (table.rows[:1, column] == table.rows[:1, rarest]).all()]
    evident = len(members) > 1 and _is_evident(table.restrict([rarest, rarest]).log_chance(0), 1, num_columns)
    return Alike(tuple(equal), tuple(column for column in members if column not in equal), evident)


def relations(table: Patterns) -> list[Relation]:
    """Every column that others determine, exactly or with few exceptions; no two columns may be equal or opposite.

    All sets of one and two columns are tried. A larger minimal set is found for certain if rows recur so often that
    all other columns together are evidence. Otherwise it is found only if repeatedly adding the most informative
    column, up to `FORWARD_COLUMNS` times, leads to it (this misses an exclusive or of three columns if all rows are
    different). If exactly one of several columns is a target in every row, they get one relation, not one each.
    """
    result: list[Relation] = []
    for column in range(table.num_columns):
        has_relation = any(column in each.members for each in result if is_one_of_each(table, each))
        relation = None if has_relation else _relation(table, column)
        if relation is not None:
            result.append(relation)
    return result


def is_one_of_each(table: Patterns, relation: Relation) -> bool:
    """Whether exactly one member is intervened on in every row."""
    return bool((table.seen[:, relation.members].sum(axis=1) == 1).all())


def _relation(table: Patterns, column: int) -> Relation | None:
    others = [other for other in range(table.num_columns) if other != column]
    least = table.exceptions(column)
    if least >= FEW or not others:
        return None
    everything = _is_evident(table.log_chance(column), len(others), table.num_columns)
    for limit in (0, FEW - 1):
        candidates = _candidates(table, column, limit, others if everything else None) if least <= limit else ()
        for sources in candidates:
            relation = _least(table, column, sources, limit)
            if relation is not None:
                return relation
    return None


def _candidates(table: Patterns, column: int, limit: int, others: Sequence[int] | None) -> Iterator[Sequence[int]]:
    """Sets to try: the best pair, then all others if they are evident together, else the set found step by step."""
    pair = _best_pair(table, column, limit)
    rest = _forward(table, column) if pair is None and others is None and limit == 0 else others
    yield from (sources for sources in (pair, rest) if sources is not None)


def _least(table: Patterns, column: int, sources: Sequence[int], limit: int) -> Relation | None:
    """The relation to a minimal subset of the sources, if that relation is evident."""

    def determine(part: Sequence[int]) -> bool:
        return table.restrict([column, *part]).exceptions(0) <= limit

    minimal = needed(determine, (), sources)
    part = table.restrict([column, *minimal])
    if not minimal or not _is_evident(part.log_chance(0), len(minimal), table.num_columns):
        return None
    return Relation(column, tuple(minimal), part.exceptions(0))


def needed(suffice: Callable[[Sequence[int]], bool], given: Sequence[int], rest: Sequence[int]) -> list[int]:
    """A minimal subset of ``rest`` that suffices together with ``given``, found by halving (QuickXplain).

    Source: Junker, AAAI 2004.

    Args:
        suffice: says whether a set suffices. It must be monotone: a set suffices if a subset does. ``given`` and
            ``rest`` together must suffice.
        given: elements that are always included.
        rest: elements to choose from; earlier ones are preferred.
    """
    if suffice(given):
        return []
    if len(rest) == 1:
        return list(rest)
    first, last = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    from_last = needed(suffice, (*given, *first), last)
    from_first = needed(suffice, (*given, *from_last), first)
    return from_first + from_last


def _is_evident(log_chance: float, num_sources: int, num_columns: int) -> bool:
    """Whether a relation is no coincidence: its chance, times the numbers of equally large sets, columns and sizes."""
    log_sets = 2 * math.log(num_columns) + float(log_choices(num_columns - 1, num_sources))
    return log_chance + log_sets < math.log(CHANCE)


def _best_pair(table: Patterns, column: int, limit: int) -> tuple[int, ...] | None:
    """The one or two columns that determine a column with the most evidence, or None if there are none."""
    usual, exceptions = _pair_cells(table, column)
    rate = table.ones[column] / table.num_rows
    log_chance = log_constant(usual, rate).sum(axis=0) + log_choices(table.num_rows, exceptions)
    log_chance[exceptions > limit] = np.inf
    log_chance[column] = log_chance[:, column] = np.inf
    first, second = np.unravel_index(int(log_chance.argmin()), log_chance.shape)
    sources = sorted({int(first), int(second)})
    if not np.isfinite(log_chance[first, second]):
        return None
    log_chance = table.restrict([column, *sources]).log_chance(0)
    return tuple(sources) if _is_evident(log_chance, len(sources), table.num_columns) else None


def _pair_cells(table: Patterns, column: int) -> tuple[np.ndarray, np.ndarray]:
    """For every pair of columns, rows with the usual value in their four cells (4, K, K), and all other rows (K, K)."""
    with_it = table.pair_counts(table.seen[:, column])
    without = table.pair_counts() - with_it
    usual = np.maximum(_cells(with_it), _cells(without))
    return usual, np.minimum(_cells(with_it), _cells(without)).sum(axis=0)


def _cells(both: np.ndarray) -> np.ndarray:
    """(4, K, K) counts of 11, 10, 01, 00 from the counts of 11; their last diagonal entry is the number of rows."""
    ones, total = np.diag(both)[:-1], both[-1, -1]
    both = both[:-1, :-1]
    first, second = ones[:, None] - both, ones[None] - both
    return np.stack([both, first, second, total - both - first - second])


def _forward(table: Patterns, column: int) -> list[int] | None:
    """A set found by adding the most informative column again and again, if any column is associated at all."""
    if not _has_associate(table, column):
        return None
    step = -(-len(table.seen) // FORWARD_PATTERNS)
    seen, counts = table.seen[::step], table.counts[::step]
    sources: list[int] = []
    groups = np.zeros(len(seen), dtype=np.int64)
    for _ in range(min(FORWARD_COLUMNS, table.num_columns - 1)):
        rest = [other for other in range(table.num_columns) if other not in (column, *sources)]
        surprise = [_surprise(2 * groups + seen[:, other], seen[:, column], counts) for other in rest]
        sources.append(rest[int(np.argmin(surprise))])
        groups = np.unique(2 * groups + seen[:, sources[-1]], return_inverse=True)[1]
        if table.restrict([column, *sources]).exceptions(0) == 0:
            return sources
    return None


def _surprise(groups: np.ndarray, values: np.ndarray, counts: np.ndarray) -> float:
    """Rows times the conditional entropy (nats) of the values given the groups."""
    all_rows = np.bincount(groups, weights=counts)
    ones = np.bincount(groups, weights=counts * values)
    parts = np.stack([ones, all_rows - ones])
    shares = parts / np.maximum(all_rows, 1)
    return -float((parts * np.log(np.where(parts > 0, shares, 1))).sum())


def _has_associate(table: Patterns, column: int) -> bool:
    """Whether any other column's association with this one passes a bound on the chi-square of all pairs."""
    both = table.pair_counts()
    share, rates = both[column, :-1] / table.num_rows, table.ones / table.num_rows
    spread = rates * (1 - rates)
    squared = (share - rates[column] * rates) ** 2 / (spread[column] * spread)
    squared[column] = 0
    return bool(table.num_rows * squared.max() > 2 * math.log(table.num_columns**2 / CHANCE))
