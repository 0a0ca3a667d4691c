"""The table of all methods, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from trisect import checks
from trisect.methods import citris_nf, citris_vae, closed_form
from trisect.methods.earlier import current_names, current_recipe
from trisect.methods.method import Method
from trisect.methods.recipe import Recipe
from trisect.settings import settings_from_json

METHODS: dict[str, Method] = {
    method.name: method for method in (closed_form.METHOD, citris_nf.METHOD, citris_vae.METHOD)
}
"""Name of a method -> the method."""

PRESETS: dict[str, Callable[..., Recipe]] = {
    name: preset for method in METHODS.values() for name, preset in method.presets.items()
}
"""Name on the command line -> function that returns a recipe."""


def method_of(recipe: Recipe) -> Method:
    """The method that a recipe belongs to."""
    return METHODS[recipe.method]


def recipe_from_json(stored: Mapping[str, Any]) -> Recipe:
    """Rebuild a recipe from the result of `Recipe.to_json`, of this or an earlier version.

    Raises:
        ValueError: an unknown method or key, with a suggestion, or a value out of range.
    """
    checks.require(isinstance(stored, Mapping), "the recipe", "a mapping of fields", repr(stored))
    method = METHODS[checks.one_of(str(stored.get("method")), METHODS, "the method of a recipe")]
    settings = current_recipe(stored, {field.name for field in fields(method.recipe)})
    recipe: Recipe = settings_from_json(method.recipe, settings, "the recipe")
    return recipe


def in_current_spelling(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored recipe, of this or an earlier version and also of a causal encoder, as this version would store it."""
    return recipe_from_json(stored).to_json() if stored.get("method") in METHODS else dict(current_names(stored))


def names_with_encoder() -> str:
    """Names of the methods that take an external encoder or the autoencoder of another run, for messages."""
    return " or ".join(name for name, method in METHODS.items() if method.takes_encoder)
