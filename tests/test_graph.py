from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trisect.graph import ancestors, check_graph, is_acyclic, random_graph

graphs = st.integers(1, 6).flatmap(lambda size: arrays(bool, (size, size)))


def reachable(graph: np.ndarray, start: int) -> set[int]:
    """Every node that a walk of at least one edge from ``start`` gets to, by walking."""
    reached: set[int] = set()
    frontier = [start]
    while frontier:
        nexts = [int(j) for j in np.flatnonzero(graph[frontier.pop()]) if int(j) not in reached]
        reached.update(nexts)
        frontier.extend(nexts)
    return reached


@settings(deadline=None, max_examples=60)
@given(graphs)
def test_ancestors_are_those_found_by_walking(graph: np.ndarray) -> None:
    closure = ancestors(graph)
    assert [set(np.flatnonzero(row).tolist()) for row in closure] == [reachable(graph, i) for i in range(len(graph))]
    assert np.array_equal(ancestors(closure), closure)


@settings(deadline=None, max_examples=60)
@given(graphs)
def test_acyclic_is_having_a_causal_order(graph: np.ndarray) -> None:
    size = min(len(graph), 5)
    graph = graph[:size, :size]
    orders = [o for o in itertools.permutations(range(size)) if not np.tril(graph[np.ix_(o, o)]).any()]
    assert is_acyclic(graph) == bool(orders)


def test_an_edge_leads_from_row_to_column() -> None:
    graph = np.zeros((3, 3), dtype=bool)
    graph[2, 0] = graph[0, 1] = True
    assert ancestors(graph).tolist() == [[False, True, False], [False] * 3, [True, True, False]]


def test_ancestors_leave_the_graph_alone() -> None:
    graph = np.array([[False, True], [True, False]])
    before = graph.copy()
    assert ancestors(graph).all()
    assert np.array_equal(graph, before)


def test_random_graphs_have_their_density() -> None:
    rng = np.random.default_rng(0)
    assert abs(random_graph(200, 0.3, rng).mean() - 0.3) < 5 * np.sqrt(0.21 / 200**2)
    assert not random_graph(5, 0.0, rng).any()
    assert random_graph(5, 1.0, rng).all()


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.zeros((2, 3)), r"the shape of a graph must be \(2, 2\); got \(2, 3\)"),
        (np.zeros(3), "the shape of a graph"),
        (np.array(1), "the shape of a graph"),
        (np.array([[0, 2], [0, 0]]), "the entries of a graph must be 0 or 1; got 2 at row 0, column 1"),
        (np.array([[0, np.nan], [0, 0]]), "the entries of a graph must be 0 or 1; got nan"),
    ],
)
def test_wrong_graphs_are_refused(graph: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_graph(graph)


def test_wrong_probabilities_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"edge_probability of a random graph must be a number in \[0, 1\]; got 2"):
        random_graph(2, 2.0, rng)
    with pytest.raises(ValueError, match="num_variables of a random graph must be an integer of at least 1; got 0"):
        random_graph(0, 0.5, rng)
