"""Settings (nested frozen dataclasses) rebuilt from plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

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
    checks.require(isinstance(stored, Mapping), what, "a mapping of fields", checks.quoted(stored))
    hints = get_type_hints(cls)
    names = [f.name for f in fields(cls)]
    values = {}
    for key, value in stored.items():
        checks.one_of(key, names, f"a key of {what}")
        hint = hints[key]
        nested = isinstance(hint, type) and is_dataclass(hint)
        values[key] = settings_from_json(hint, value, f"'{key}' of {what}") if nested else _typed(hint, value)
    _check_types({key: value for key, value in values.items() if hints[key] not in (int, float)}, hints, what)
    try:
        made = cls(**values)  # its own sentences about numbers come first
    except (TypeError, AttributeError, OverflowError):
        _check_types(values, hints, what)
        raise
    _check_types(values, hints, what)
    return made


def _typed(hint: Any, value: Any) -> Any:
    """The value, with a list turned into a tuple for a tuple field: JSON has no tuples."""
    return tuple(value) if get_origin(hint) is tuple and isinstance(value, list) else value


def _check_types(values: Mapping[str, Any], hints: Mapping[str, Any], what: str) -> None:
    """Raise `ValueError` for a value that is not of its field's type; constructors check ranges, but not every type."""
    for key, value in values.items():
        hint = hints[key]
        name = getattr(hint, "__name__", str(hint)) if isinstance(hint, type) else str(hint).replace("typing.", "")
        checks.require(_fits(hint, value), f"'{key}' of {what}", f"of type {name}", checks.quoted(value))


def _fits(hint: Any, value: Any) -> bool:
    """Whether a plain value is of a type; any value fits a type that is not a plain one."""
    if isinstance(hint, UnionType) or get_origin(hint) is Union:
        return any(_fits(each, value) for each in get_args(hint))
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        same = isinstance(value, tuple) and (Ellipsis in inner or len(inner) == len(value))
        return same and all(_fits(inner[min(i, len(inner) - 1)], each) for i, each in enumerate(value))
    if get_origin(hint) is dict:
        key, inner = get_args(hint)
        return isinstance(value, dict) and all(_fits(key, k) and _fits(inner, v) for k, v in value.items())
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    return not isinstance(hint, type) or isinstance(value, hint)


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested settings, by their names with dots; the name of the method is left out.

    A mapping without keys is a leaf.

    Example:
        >>> flat({"method": "citris-nf", "seed": 1, "flow": {"num_blocks": 2}})
        {'seed': 1, 'flow.num_blocks': 2}
    """
    leaves: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            leaves |= flat(value, f"{prefix}{key}.")
        elif prefix + key != "method":
            leaves[prefix + key] = value
    return leaves
