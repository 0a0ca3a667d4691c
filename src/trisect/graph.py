"""Graphs over variables: ``graph[i, j]`` is True where i is a parent of j (an edge i -> j).

The edges of a temporal graph lead from one frame to the next, and any edge is allowed; the edges of an instantaneous
graph stay within one frame, and the graph is acyclic.
"""

from __future__ import annotations

import numpy as np

from trisect import checks


def check_graph(graph: np.ndarray) -> np.ndarray:
    """Return a square 0/1 array as bool, or raise `ValueError`."""
    graph = np.asarray(graph)
    checks.shape(graph, "a graph", graph.shape[0] if graph.ndim else None, graph.shape[0] if graph.ndim else None)
    return checks.indicator(graph, "the entries of a graph")


def ancestors(graph: np.ndarray) -> np.ndarray:
    """Transitive closure: entry (i, j) is True where a directed path leads from i to j.

    Example:
        >>> ancestors(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]]))[0].tolist()
        [False, True, True]
    """
    reach = check_graph(graph)
    for middle in range(len(reach)):
        reach = reach | (reach[:, [middle]] & reach[[middle], :])
    return reach


def is_acyclic(graph: np.ndarray) -> bool:
    """True if no variable is its own ancestor."""
    return not bool(np.diagonal(ancestors(graph)).any())


def random_graph(num_variables: int, edge_probability: float, rng: np.random.Generator) -> np.ndarray:
    """A temporal graph: every edge, loops included, with the given probability. Returns (K, K) bool."""
    checks.positive_int(num_variables, "num_variables of a random graph")
    checks.in_range(edge_probability, "edge_probability of a random graph", 0.0, 1.0)
    return rng.random((num_variables, num_variables)) < edge_probability
