"""Settings, frozen dataclasses of dataclasses, from plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_origin, get_type_hints

from trisect import checks


def settings_from_json(cls: type, stored: Mapping[str, Any], what: str) -> Any:
    """Rebuild a dataclass of dataclasses from plain types.

    Args:
        cls: the dataclass.
        stored: field -> value.
        what: whose fields they are, for messages.

    Raises:
        ValueError: an unknown key, with a suggestion, or a value out of range.
    """
    checks.require(isinstance(stored, Mapping), what, "a mapping of fields", repr(stored))
    hints = get_type_hints(cls)
    known = [f.name for f in fields(cls)]
    values = {}
    for key, value in stored.items():
        checks.one_of(key, known, f"a key of {what}")
        hint = hints[key]
        nested = isinstance(hint, type) and is_dataclass(hint)
        values[key] = settings_from_json(hint, value, f"'{key}' of {what}") if nested else _typed(hint, value)
    return cls(**values)


def _typed(hint: Any, value: Any) -> Any:
    """A list for a field that is a tuple as one: JSON has no tuples."""
    return tuple(value) if get_origin(hint) is tuple and isinstance(value, list) else value
