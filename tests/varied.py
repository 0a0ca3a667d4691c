"""Recipes with other settings, whatever their method."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any


def varied(settings: Any, **changes: Any) -> Any:
    """Settings with all changes that match one of their fields; a dictionary changes the fields of nested settings."""
    names = {field.name for field in fields(settings)} & changes.keys()
    return replace(settings, **{name: _value(getattr(settings, name), changes[name]) for name in names})


def _value(part: Any, change: Any) -> Any:
    return varied(part, **change) if isinstance(change, dict) else change
