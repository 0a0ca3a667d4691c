"""A recipe from flags: every field is one, nested with dots; a YAML file gives many at once."""

from __future__ import annotations

import argparse
import warnings
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from trisect import checks
from trisect.settings import settings_from_json
from trisect.training.causal_encoder import CausalEncoderRecipe
from trisect.training.recipe import Recipe

R = TypeVar("R", Recipe, CausalEncoderRecipe)

OWN = {
    "encoder": "package.module:Name of an encoder of your own, in place of the autoencoder",
    "decoder": "package.module:Name of its decoder",
}

_OPTIONS = ("data", "out", "resume", "quiet", "despite_errors", "autoencoder_of")


def recipe_from_flags(name: str, recipe: R, arguments: list[str]) -> tuple[R, dict[str, Any]]:
    """Change a recipe by flags such as ``--seed 1 --autoencoder.num_latents 16`` or ``--config FILE.yaml``.

    Args:
        name: of the recipe, for the help.
        recipe: its defaults.
        arguments: flags; ``--data``, ``--out``, ``--resume``, ``--quiet``, ``--despite-errors``,
            ``--autoencoder-of``, ``--encoder`` and ``--decoder`` are not part of the recipe.

    Returns:
        The recipe and the other options: data, out, resume, quiet, despite_errors, autoencoder_of (None where it is not
        given); encoder and decoder where given.

    Raises:
        UsageError: an unknown flag or key, with a suggestion, or a value of the wrong kind.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jsonargparse import ArgumentParser

    parser = ArgumentParser(prog=f"trisect train {name}", exit_on_error=False)
    parser.add_argument("--config", action="config", help="a YAML file of these options")
    parser.add_argument("--data", type=str, required=True, help="the data set's folder")
    parser.add_argument("--out", type=str, required=True, help="the run folder to make")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--despite-errors", action="store_true", help="train even where trisect inspect finds errors")
    parser.add_argument(
        "--autoencoder-of", type=str, default=None, help="the folder of a run whose autoencoder to take"
    )
    for flag, what in OWN.items():
        parser.add_argument(f"--{flag}", type=str, default=None, help=what)
    parser.add_class_arguments(type(recipe), as_group=False, skip={"method"})
    parser.set_defaults(_flat(recipe.to_json()))
    known = [f"--{key}" for key in _flat(recipe.to_json())] + [f"--{key}" for key in OWN]
    known += ["--config", *(f"--{name.replace('_', '-')}" for name in _OPTIONS)]
    _reject_unknown(arguments, known)
    try:
        parsed = parser.parse_args(arguments).as_dict()
    except argparse.ArgumentError as error:
        raise checks.UsageError(_short(str(error.message), known)) from error
    options = {key: parsed.pop(key) for key in _OPTIONS}
    options |= {key: path for key in OWN if (path := parsed.pop(key)) is not None}
    parsed.pop("config", None)
    stored = {"method": recipe.method, **_plain(parsed)}
    rebuilt: R = settings_from_json(type(recipe), stored, "the recipe")
    return rebuilt, options


def _reject_unknown(arguments: list[str], known: list[str]) -> None:
    for argument in arguments:
        flag = argument.split("=")[0]
        if (
            flag.startswith("--")
            and flag not in (*known, "--help")
            and not any(k.startswith(flag + ".") for k in known)
        ):
            raise checks.UsageError(checks.sentence("a flag", "a field of the recipe", flag, _suggest(flag, known)))


def _suggest(flag: str, known: list[str]) -> str:
    """The closest flag, by its whole name or by the last part of it."""
    last = flag.lstrip("-").split(".")[-1]
    by_last = {k.lstrip("-").split(".")[-1]: k for k in reversed(known)}
    if last in by_last:
        return f"did you mean '{by_last[last]}'?"
    close = checks.did_you_mean(last, list(by_last))
    return checks.did_you_mean(flag, known) or (close and f"did you mean '{by_last[close.split(chr(39))[1]]}'?")


def _short(message: str, known: list[str]) -> str:
    """The parser's message in one line, with a suggestion where it rejects an unknown key."""
    line = " ".join(message.split())
    if "not accept option" in line or "not defined" in line:
        key = line.rstrip("'\". ").split("'")[-1]
        return f"{line}; {_suggest(key, known)}"
    return line


def _flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif prefix + key != "method":
            flat[prefix + key] = value
    return flat


def _plain(value: Any) -> Any:
    """Dataclasses and namespaces as dictionaries."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value
