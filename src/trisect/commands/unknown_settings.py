"""What to say of a flag, or of a key of a configuration file, that a recipe does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trisect import checks
from trisect.methods.earlier import GONE, RENAMED, current_names
from trisect.methods.table import METHODS, names_with_encoder
from trisect.settings import flat

ENCODER_OPTIONS = ("autoencoder-of", "encoder", "decoder")
"""Options of the methods that work on the latents of an autoencoder."""


def sentence_for(flag: str, name: str, known: Sequence[str]) -> str:
    """The sentence for an unknown flag.

    Args:
        flag: the flag with its dashes.
        name: name of the recipe.
        known: the flags of the recipe.
    """
    key = flag.lstrip("-").replace("-", "_")
    if key.replace("_", "-") in ENCODER_OPTIONS:
        return f"{flag} cannot be used with {name}; use {names_with_encoder()}"
    if key.replace("_", "-") == "despite-errors":
        return f"{flag} cannot be used with {name}"
    today = ".".join(RENAMED.get(part, part) for part in key.split("."))
    if today in GONE:
        return f"{flag} is gone, since {GONE[today]}; leave it out"
    if today != key:
        return f"{flag} is now called --{today}"
    owners = [method for method in METHODS if key in flat(METHODS[method].recipe().to_json())]
    if owners:
        return f"{flag} cannot be used with {name}, because it is a setting of {' and '.join(owners)} only"
    return checks.sentence("a flag", "a field of the recipe", flag, suggestion(flag, known))


def suggestion(flag: str, known: Sequence[str]) -> str:
    """The closest flags, by the last part of their names or by their full name."""
    last = flag.lstrip("-").split(".")[-1]
    by_last: dict[str, list[str]] = {}
    for each in known:
        by_last.setdefault(each.lstrip("-").split(".")[-1], []).append(each)
    close = checks.did_you_mean(last, list(by_last))
    named = by_last.get(last) or (by_last[close.split("'")[1]] if close else None)
    if named is None:
        return checks.did_you_mean(flag, known)
    alike = [each for each in named if each.count(".") == flag.count(".")]
    return f"did you mean {' or '.join(repr(each) for each in alike or named)}?"


def refuse_former_values(settings: Mapping[str, Any]) -> None:
    """Raise `ValueError` with today's value for a value that has another name in this version."""
    today = flat(current_names(settings))
    for key, value in flat(settings).items():
        if today.get(key, value) != value:
            checks.refuse(f"--{key} {value} is now called --{key} {today[key]}")
