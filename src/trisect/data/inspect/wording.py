"""Wording of findings: short lists, and rules in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

HANDFUL = 5

RULES: tuple[tuple[str, Callable[[np.ndarray], Any]], ...] = (
    ("any of", lambda sources: sources.any(axis=1)),
    ("all of", lambda sources: sources.all(axis=1)),
    ("none of", lambda sources: ~sources.any(axis=1)),
    ("an odd number of", lambda sources: sources.sum(axis=1) % 2 == 1),
    ("an even number of", lambda sources: sources.sum(axis=1) % 2 == 0),
    ("not all of", lambda sources: ~sources.all(axis=1)),
)
"""Name of a rule -> its value for (patterns, sources) bool."""


def listed(items: Sequence[str], most: int = HANDFUL) -> str:
    """The first items, and the number of further items.

    Example:
        >>> listed(["a", "b"]), listed(list("abcdefg"))
        ('a, b', 'a, b, c, d, e and 2 more')
    """
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def rule(sources: np.ndarray, values: np.ndarray) -> str:
    """The name in `RULES` of the first rule that gives the values, or "a function of".

    Args:
        sources: (patterns, sources) bool.
        values: (patterns,) bool.

    Example:
        >>> rule(np.array([[0, 0], [0, 1], [1, 1]], bool), np.array([0, 1, 1], bool))
        'any of'
    """
    return next((name for name, value in RULES if np.array_equal(value(sources), values)), "a function of")
