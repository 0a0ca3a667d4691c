"""A recipe from flags: every field is a flag, nested fields have dots; a YAML file can set many fields."""

from __future__ import annotations

import argparse
import warnings
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from trisect import checks
from trisect.commands.config_file import check_configs
from trisect.methods.recipe import Recipe
from trisect.runs.causal_encoder import CausalEncoderRecipe
from trisect.settings import settings_from_json
from trisect.training.settings import ACCELERATORS, TrainingSettings

R = TypeVar("R", Recipe, CausalEncoderRecipe)

EXTERNAL = {
    "encoder": "your own encoder as package.module:Name, instead of an autoencoder (closed-form and citris-nf only)",
    "decoder": "the decoder of your own encoder as package.module:Name",
}

_OPTIONS = ("data", "out", "resume", "quiet", "despite_errors", "autoencoder_of")


def recipe_from_flags(name: str, recipe: R, arguments: list[str]) -> tuple[R, dict[str, Any]]:
    """Change a recipe by flags such as ``--seed 1 --autoencoder.num_latents 16`` or ``--config FILE.yaml``.

    Args:
        name: name of the recipe, for the help.
        recipe: recipe with the default values.
        arguments: flags; ``-`` and ``_`` are equivalent in their names. ``--data``, ``--out``, ``--resume``,
            ``--quiet``, ``--despite-errors``, ``--device``, ``--autoencoder-of``, ``--encoder`` and ``--decoder`` are
            not part of the recipe.

    Returns:
        The recipe and the other options: data, out, resume, quiet, despite_errors, autoencoder_of (None if it is not
        passed); encoder and decoder if they are passed.

    Raises:
        UsageError: an unknown flag or key, with a suggestion, a value of the wrong kind, or a file of options that is
            not plain YAML.
        FileNotFoundError: no such file of options.
    """
    parser = _parser(name, recipe)
    known = [f"--{key}" for key in (*_flat(recipe.to_json()), *EXTERNAL, "config", "device")]
    known += [f"--{name.replace('_', '-')}" for name in _OPTIONS]
    flags = [_spelled(argument, known) for argument in arguments]
    _reject_unknown(flags, known)
    check_configs(flags)
    try:
        parsed = parser.parse_args(flags).as_dict()
    except argparse.ArgumentError as error:
        raise checks.UsageError(_short(str(error.message), known)) from error
    options = {key: parsed.pop(key) for key in _OPTIONS}
    options |= {key: path for key in EXTERNAL if (path := parsed.pop(key)) is not None}
    parsed.pop("config", None)
    device = parsed.pop("device")
    rebuilt: R = settings_from_json(type(recipe), _plain(parsed), "the recipe")
    return (rebuilt if device is None else on_device(rebuilt, device)), options


def on_device(recipe: R, device: str) -> R:
    """The recipe with all its stages trained on one device: "auto", "cpu", "gpu" or "mps"."""
    values = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    changed: dict[str, Any] = {
        name: replace(value, accelerator=device)
        for name, value in values.items()
        if isinstance(value, TrainingSettings)
    }
    return replace(recipe, **changed)


def _parser(name: str, recipe: Recipe | CausalEncoderRecipe) -> Any:
    """A parser of the options and of every field of the recipe, with the recipe's values as defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jsonargparse import ArgumentParser

    description = f"Train the recipe {name} on a data set. Every setting of the recipe is a flag with a default value."
    parser = ArgumentParser(prog=f"trisect train {name}", description=description, exit_on_error=False)
    parser.add_argument("--config", action="config", help="YAML file with values of these options")
    parser.add_argument("--data", type=str, required=True, help="folder of the data set to train on")
    parser.add_argument("--out", type=str, required=True, help="run folder to make")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run in the run folder")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    despite = "train even on data in which trisect inspect finds errors (not with causal-encoder)"
    parser.add_argument("--despite-errors", action="store_true", help=despite)
    device = "device to train all stages on; by default each stage uses its own accelerator setting"
    parser.add_argument("--device", choices=ACCELERATORS, help=device)
    reuse = "folder of another run whose autoencoder is reused (closed-form and citris-nf only)"
    parser.add_argument("--autoencoder-of", type=str, default=None, help=reuse)
    for flag, what in EXTERNAL.items():
        parser.add_argument(f"--{flag}", type=str, default=None, help=what)
    parser.add_class_arguments(type(recipe), as_group=False)
    parser.set_defaults(_flat(recipe.to_json()))
    return parser


def _spelled(argument: str, known: list[str]) -> str:
    """The known spelling of a flag that differs only in ``-`` and ``_``; any other argument is returned unchanged."""
    name, equals, value = argument.partition("=")
    spellings = {flag.replace("-", "_"): flag for flag in known}
    return f"{spellings.get(name.replace('-', '_'), name)}{equals}{value}"


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
    """The closest flag, by its full name or by the last part of its name."""
    last = flag.lstrip("-").split(".")[-1]
    by_last = {k.lstrip("-").split(".")[-1]: k for k in reversed(known)}
    if last in by_last:
        return f"did you mean '{by_last[last]}'?"
    close = checks.did_you_mean(last, list(by_last))
    return checks.did_you_mean(flag, known) or (close and f"did you mean '{by_last[close.split(chr(39))[1]]}'?")


def _short(message: str, known: list[str]) -> str:
    """The parser's message in one line, with a suggestion if it rejects an unknown key."""
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
