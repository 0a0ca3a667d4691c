"""Recipes and makes as earlier versions stored them: the names of settings then, and those of today.

Until version 0.1 every recipe held the settings of all methods. Those of other methods are dropped on reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

RENAMED = {"parting": "splitting", "straightening": "leakage", "num_partings": "num_splits"}
"""Key of an earlier version -> today's."""
FLOW_START = ("start", "num_bumps")
"""Settings of a flow that the variational method stored and did not use."""


def current_recipe(stored: Mapping[str, Any], own: Set[str], known: Set[str]) -> dict[str, Any]:
    """The settings of a stored recipe under today's names, without those of other methods.

    Args:
        stored: a recipe in plain types.
        own: fields of the method's recipe.
        known: fields of the recipes of all methods.
    """
    settings = {key: _renamed(value) for key, value in stored.items() if key in own or key not in known}
    settings.pop("method", None)
    if "variational" in own and isinstance(settings.get("flow"), dict):
        settings["flow"] = {key: value for key, value in settings["flow"].items() if key not in FLOW_START}
    return settings


def current_make(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The make of a stored model under today's names."""
    return {RENAMED.get(key, key): value for key, value in stored.items()}


def _renamed(value: Any) -> Any:
    """Settings at any depth with today's names, and networks with today's."""
    if not isinstance(value, Mapping):
        return value
    renamed = {RENAMED.get(key, key): _renamed(inner) for key, inner in value.items()}
    if renamed.get("networks") == "fast":
        renamed["networks"] = "profile"
    return renamed
