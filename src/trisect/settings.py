"""Settings (nested frozen dataclasses) rebuilt from plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_origin, get_type_hints

from trisect import checks


def settings_from_json(cls: type, stored: Mapping[str, Any], what: str) -> Any:
    """Rebuild a nested dataclass from plain types.

    Args:
        cls: the dataclass.
        stored: field -> value.
        what: the thing that has these fields, for error messages.

    Raises:
        ValueError: an unknown key, with a suggestion, or a value out of range.
    """
    checks.require(isinstance(stored, Mapping), what, "a mapping of fields", repr(stored))
    hints = get_type_hints(cls)
    names = [f.name for f in fields(cls)]
    values = {}
    for key, value in stored.items():
        checks.one_of(key, names, f"a key of {what}")
        hint = hints[key]
        nested = isinstance(hint, type) and is_dataclass(hint)
        values[key] = settings_from_json(hint, value, f"'{key}' of {what}") if nested else _typed(hint, value)
    return cls(**values)


def _typed(hint: Any, value: Any) -> Any:
    """The value, with a list turned into a tuple for a tuple field: JSON has no tuples."""
    return tuple(value) if get_origin(hint) is tuple and isinstance(value, list) else value


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested settings, by their names with dots; the name of the method is left out.

    Example:
        >>> flat({"method": "citris-nf", "seed": 1, "flow": {"num_blocks": 2}})
        {'seed': 1, 'flow.num_blocks': 2}
    """
    leaves: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            leaves |= flat(value, f"{prefix}{key}.")
        elif prefix + key != "method":
            leaves[prefix + key] = value
    return leaves
