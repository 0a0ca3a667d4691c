"""Reading recipes and makes that earlier versions stored, under other names of settings or with settings that are gone.

Until version 0.1 every recipe held the settings of all methods. Those of other methods are dropped on reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

RENAMED = {"parting": "splitting", "straightening": "leakage", "num_partings": "num_splits"}
"""Name in an earlier version -> current name."""
GONE = {
    "closed_form.min_ratio": "the closed form keeps a direction by the p-value of its effect",
    "closed_form.relative_ratio": "the closed form counts the directions up to the largest fall of their divergence",
    "closed_form.leakage.max_stretch": "the leakage removal only shifts latents",
}
"""Setting of an earlier version, by its current place -> why this version needs none."""
PARTS = frozenset(
    ("autoencoder", "reduction", "closed_form", "flow", "prior", "classifier", "objectives", "variational")
)
"""Settings of models that every recipe of an earlier version held, whatever its method."""
TRAININGS = frozenset(
    ("batch_size", "flow_batch_size", "autoencoder_training", "flow_training", "variational_training")
)
"""Settings of trainings that every recipe of an earlier version held."""
FLOW_START = ("start", "num_bumps")
"""Settings of a flow that recipes of the variational method held without using them."""
MAKE = ("num_partings", "num_curves", "reduction")
"""Keys of a make, which earlier versions stored in ``finished.json`` beside the other keys."""


def current_recipe(stored: Mapping[str, Any], own: Set[str]) -> dict[str, Any]:
    """The settings of a stored recipe under their current names.

    Args:
        stored: a recipe in plain types.
        own: fields of the method's recipe.
    """
    settings = {key: value for key, value in current_names(stored).items() if key != "method"}
    if not settings.keys() >= PARTS:
        return settings
    settings = {key: value for key, value in settings.items() if key in own or key not in PARTS | TRAININGS}
    if "variational" in settings and isinstance(settings.get("flow"), dict):
        settings["flow"] = {key: value for key, value in settings["flow"].items() if key not in FLOW_START}
    return settings


def current_make(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The make of a stored model under current names."""
    return {RENAMED.get(key, key): value for key, value in stored.items()}


def make_in(finished: Mapping[str, Any]) -> dict[str, Any]:
    """The make in the content of a ``finished.json``."""
    return current_make(finished.get("make", {key: finished[key] for key in MAKE if key in finished}))


def current_names(value: Any, place: str = "") -> Any:
    """Settings under their current names at any depth, with the current names of networks, without those of `GONE`.

    Args:
        value: a mapping of settings, or one setting, which is returned as it is.
        place: where the settings are in a recipe, such as ``"closed_form."``.
    """
    if not isinstance(value, Mapping):
        return value
    places = {key: f"{place}{RENAMED.get(key, key)}" for key in value}
    current = {
        RENAMED.get(key, key): current_names(inner, f"{places[key]}.")
        for key, inner in value.items()
        if places[key] not in GONE
    }
    if current.get("networks") == "fast":
        current["networks"] = "profile"
    return current
