"""The structure of targets: which columns are constant, the same, opposite, or determined by others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trisect import checks
from trisect.data.inspect.determined import Alike, Relation, by_content, is_one_of_each, relations
from trisect.data.inspect.patterns import Patterns


@dataclass(frozen=True, eq=False)
class Structure:
    """Relations between the K columns of the targets of N steps; columns are identified by position.

    Attributes:
        table: the patterns of all columns.
        names: K names.
    """

    table: Patterns
    names: tuple[str, ...]

    @classmethod
    def of(cls, targets: np.ndarray, names: Sequence[str]) -> Structure:
        """The structure of (N, K) bool or 0/1 targets.

        Raises:
            ValueError: the targets are not 0/1 or not (N, K), or the names are not K different names.
        """
        names, targets = checks.unique_names(names, "the names of the targets"), np.asarray(targets)
        checks.shape(targets, "the targets (one column per name)", None, len(names))
        return cls(Patterns.of(checks.indicator(targets, "the targets")), names)

    @property
    def num_rows(self) -> int:
        """N."""
        return self.table.num_rows

    @property
    def never(self) -> list[int]:
        """Columns without an intervention."""
        return np.flatnonzero(self.table.ones == 0).tolist()

    @property
    def always(self) -> list[int]:
        """Columns with an intervention in every row, if there are any rows."""
        return np.flatnonzero((self.table.ones == self.num_rows) & (self.num_rows > 0)).tolist()

    @cached_property
    def varying(self) -> list[int]:
        """All other columns."""
        return np.flatnonzero((self.table.ones > 0) & (self.table.ones < self.num_rows)).tolist()

    @cached_property
    def classes(self) -> list[Alike]:
        """Classes of equal or opposite varying columns; most have one column."""
        return by_content(self.table, self.varying)

    @property
    def alike(self) -> list[Alike]:
        """The classes of several columns whose agreement is no coincidence."""
        return [each for each in self.classes if each.evident]

    @cached_property
    def _all_relations(self) -> list[Relation]:
        """Relations between one column of each class; at most one relation per set of members."""
        table = self.table.restrict([each.equal[0] for each in self.classes])
        place = table.columns.tolist()
        by_members: dict[tuple[int, ...], Relation] = {}
        for each in sorted(relations(table), key=lambda relation: relation.exceptions):
            sources = tuple(sorted(place[source] for source in each.sources))
            relation = Relation(place[each.column], sources, each.exceptions)
            by_members.setdefault(relation.members, relation)
        return list(by_members.values())

    @property
    def one_of_each(self) -> list[Relation]:
        """Exact relations in which every row intervenes on exactly one member."""
        return [each for each in self._all_relations if not each.exceptions and is_one_of_each(self.table, each)]

    @property
    def determined(self) -> list[Relation]:
        """All other exact relations."""
        return [each for each in self._all_relations if not each.exceptions and not is_one_of_each(self.table, each)]

    @property
    def nearly_determined(self) -> list[Relation]:
        """Relations to several columns with some exceptions, fewest first."""
        return [each for each in self._all_relations if each.exceptions and len(each.sources) > 1]

    @property
    def inseparable(self) -> list[tuple[int, ...]]:
        """Groups of columns that are equal, opposite or exactly determined; ascending, ordered by first column."""
        groups = [each.members for each in self.alike]
        return components([*groups, *(each.members for each in (*self.one_of_each, *self.determined))])

    def named(self, columns: Sequence[int]) -> tuple[str, ...]:
        """Names of columns."""
        return tuple(self.names[column] for column in columns)


def components(sets: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Unions of the sets that share members, each ascending, ordered by first member.

    Example:
        >>> components([(4, 5), (0, 2), (2, 3)])
        [(0, 2, 3), (4, 5)]
    """
    joined: list[set[int]] = []
    for members in sets:
        touching = [each for each in joined if each & set(members)]
        joined = [each for each in joined if each not in touching] + [set(members).union(*touching)]
    return sorted(tuple(sorted(each)) for each in joined)
