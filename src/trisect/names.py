"""Names of variables and factors: what they may be, checked in one place, whatever the door."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from trisect import checks

NOISE = "noise"
"""Name of the slot of everything that is no variable; no variable may have it."""
LONGEST_NAME = 100
MOST_FACTORS = 1000
CONTROL = ("Cc", "Cs", "Zl", "Zp")
"""Unicode categories that a name may not contain: control characters, half characters, line and paragraph ends."""


def checked_names(names: Iterable[str], what: str) -> tuple[str, ...]:
    """Return names of variables or factors as a tuple.

    Args:
        names: at most 1000 different texts of at most 100 characters, in any script, without control characters.
        what: what they name, for error messages.

    Raises:
        ValueError: there are too many, one is repeated, empty, too long or reserved, or has control characters.

    Example:
        >>> checked_names(["lamp", "cart"], "the variables")
        ('lamp', 'cart')
    """
    if isinstance(names, Iterable) and not isinstance(names, str):
        names = list(names)
        checks.require(len(names) <= MOST_FACTORS, what, f"at most {MOST_FACTORS}", len(names), "join or drop some")
    unique = checks.unique_names(names, what)
    for name in unique:
        _check_name(name, what)
    return unique


def _check_name(name: str, what: str) -> None:
    shown, todo = checks.shown(ascii(name), 40), "rename it"
    checks.require(len(name) <= LONGEST_NAME, what, f"at most {LONGEST_NAME} characters long", shown, todo)
    checks.require(name.strip() != "", what, "more than spaces", shown, todo)
    plain = not any(unicodedata.category(letter) in CONTROL for letter in name)
    checks.require(plain, what, "without control characters", shown, todo)
    must = f"other than '{NOISE}', the name of the slot of everything that is no variable"
    checks.require(name != NOISE, what, must, shown, todo)
