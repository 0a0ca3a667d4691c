"""Reading recipes and makes that earlier versions stored, under other names of settings.

Until version 0.1 every recipe held the settings of all methods. Settings of other methods are dropped on reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

RENAMED = {"parting": "splitting", "straightening": "leakage", "num_partings": "num_splits"}
"""Name in an earlier version -> current name."""
FLOW_START = ("start", "num_bumps")
"""Settings of a flow that recipes of the variational method held without using them."""


def current_recipe(stored: Mapping[str, Any], own: Set[str], known: Set[str]) -> dict[str, Any]:
    """The settings of a stored recipe under their current names, without those of other methods.

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
    """The make of a stored model under current names."""
    return {RENAMED.get(key, key): value for key, value in stored.items()}


def _renamed(value: Any) -> Any:
    """Settings under their current names at any depth, with the current names of networks."""
    if not isinstance(value, Mapping):
        return value
    renamed = {RENAMED.get(key, key): _renamed(inner) for key, inner in value.items()}
    if renamed.get("networks") == "fast":
        renamed["networks"] = "profile"
    return renamed
