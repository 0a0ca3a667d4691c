"""Determined columns against an enumeration of all subsets; patterns against counting row by row."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from trisect.data.inspect.determined import needed, relations
from trisect.data.inspect.patterns import Patterns
from trisect.data.inspect.structure import Structure, components


def exceptions_by_rows(rows, column, sources):
    """Rows to leave out so that the sources determine the column, with a dictionary."""
    seen = Counter((tuple(row[list(sources)].tolist()), bool(row[column])) for row in rows)
    keys = {key for key, _ in seen}
    return sum(min(seen[key, False], seen[key, True]) for key in keys)


def determining_sets(rows, column):
    """All minimal sets of other columns that determine a column."""
    others = [other for other in range(rows.shape[1]) if other != column]
    minimal = []
    for size in range(len(others) + 1):
        for sources in combinations(others, size):
            if any(set(smaller) <= set(sources) for smaller in minimal):
                continue
            if exceptions_by_rows(rows, column, sources) == 0:
                minimal.append(sources)
    return minimal


def from_some_patterns(seed, num_columns):
    """1500 rows drawn from a random half or so of all patterns, so that many columns are determined."""
    rng = np.random.default_rng(seed)
    every = np.array([[code >> i & 1 for i in range(num_columns)] for code in range(2**num_columns)], bool)
    share = rng.uniform(0.15, 0.7)
    kept = every[rng.random(len(every)) < share]
    return kept[rng.integers(len(kept), size=1500)] if len(kept) else every[rng.integers(len(every), size=1500)]


@pytest.mark.parametrize("seed", range(40))
def test_inseparable_columns_are_those_of_an_enumeration_of_all_subsets(seed):
    rows = from_some_patterns(seed, 3 + seed % 3)
    structure = Structure.of(rows, [f"v{i}" for i in range(rows.shape[1])])
    minimal = {column: determining_sets(rows, column) for column in structure.varying}
    joined = {column for group in structure.inseparable for column in group}
    assert {column for column, sets in minimal.items() if sets} <= joined
    assert bool(joined) == any(minimal.values())
    for relation in (*structure.determined, *structure.one_of_each):
        assert relation.sources in minimal[relation.column]
    for each in structure.alike:
        for one, other in combinations(each.members, 2):
            assert (one,) in minimal[other]
            assert (rows[0, one] == rows[0, other]) == ((one in each.equal) == (other in each.equal))


def test_the_enumeration_above_covers_every_case():
    kinds = Counter()
    for seed in range(40):
        structure = Structure.of(from_some_patterns(seed, 3 + seed % 3), [f"v{i}" for i in range(3 + seed % 3)])
        kinds["alike"] += bool(structure.alike)
        kinds["determined"] += bool(structure.determined)
        kinds["nothing"] += not structure.inseparable
    assert min(kinds["alike"], kinds["determined"], kinds["nothing"]) >= 4, kinds


@pytest.mark.parametrize("seed", range(5))
def test_near_relations_count_their_exceptions(seed):
    rng = np.random.default_rng(seed)
    rows = rng.random((2000, 6)) < 0.4
    rows[:, 0] = rows[:, 2] & rows[:, 5]
    rows[rng.choice(2000, 12, replace=False), 0] ^= True
    (relation,) = relations(Patterns.of(rows))
    assert (relation.column, relation.sources) == (0, (2, 5))
    assert relation.exceptions == exceptions_by_rows(rows, 0, (2, 5)) == 12


@pytest.mark.parametrize("num_columns", [1, 6, 64, 70])
def test_patterns_are_the_distinct_rows(num_columns):
    rng = np.random.default_rng(num_columns)
    rows = rng.random((300, num_columns)) < rng.choice([0.02, 0.3])
    table = Patterns.of(rows)
    counted = {tuple(row): int(count) for row, count in zip(table.seen.tolist(), table.counts)}
    assert counted == Counter(map(tuple, rows.tolist()))
    assert table.ones.tolist() == rows.sum(axis=0).tolist()
    assert (np.diff(table.codes.astype(object)) > 0).all()
    extended = np.column_stack([rows, np.ones(300, bool)]).astype(int)
    assert np.array_equal(table.pair_counts(), extended.T @ extended)


@pytest.mark.parametrize("seed", range(10))
def test_exceptions_are_those_of_counting_rows(seed):
    rng = np.random.default_rng(seed)
    rows = rng.random((400, 5)) < 0.3
    table = Patterns.of(rows)
    for column in range(5):
        others = [other for other in range(5) if other != column]
        assert table.exceptions(column) == exceptions_by_rows(rows, column, others)
        part = others[: rng.integers(4)]
        assert table.restrict([column, *part]).exceptions(0) == exceptions_by_rows(rows, column, part)


def test_the_chance_bound_holds_for_independent_columns():
    """Of 4000 drawings of two independent columns, no more than expected show as few exceptions by chance."""
    rng = np.random.default_rng(0)
    for num_rows, rate in ((4, 0.5), (8, 0.3)):
        bounds = []
        for _ in range(2000):
            table = Patterns.of(rng.random((num_rows, 2)) < rate)
            constant = table.ones[0] in (0, num_rows)
            bounds.append(0.0 if constant else table.log_chance(0))
        for level in (0.5, 0.2, 0.1):
            assert np.mean(np.array(bounds) < np.log(level)) <= level + 3 * (level / 2000) ** 0.5


def test_effective_counts_are_counts_if_drawn_independently_and_runs_if_repeated():
    rng = np.random.default_rng(0)
    drawn = rng.random((5000, 3)) < 0.5
    table, repeated = Patterns.of(drawn), Patterns.of(np.repeat(drawn, 10, axis=0))
    assert np.allclose(table.effective_counts, table.counts, rtol=0.1)
    assert np.allclose(repeated.effective_counts, table.counts, rtol=0.1)
    assert (table.effective_counts <= table.counts).all()


@pytest.mark.parametrize("seed", range(20))
def test_needed_is_sufficient_and_minimal(seed):
    rng = np.random.default_rng(seed)
    targets = [set(rng.choice(12, size=rng.integers(1, 6), replace=False).tolist()) for _ in range(3)]

    def suffice(part):
        return any(target <= set(part) for target in targets)

    subset = needed(suffice, (), range(12))
    assert set(subset) in targets and len(subset) == len(set(subset))
    assert not any(suffice([other for other in subset if other != each]) for each in subset)


def test_nothing_is_needed_if_the_empty_set_suffices():
    assert needed(lambda part: True, (), [1, 2, 3]) == []


def test_components_join_sets_that_share_members():
    assert components([]) == []
    assert components([(5, 1), (2, 3), (3, 5), (7, 8)]) == [(1, 2, 3, 5), (7, 8)]
