"""A recipe from flags: every field is a flag, nested fields have dots; a YAML file can set many fields."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from trisect import checks
from trisect.commands import unknown_settings
from trisect.commands.arguments import in_known_spelling
from trisect.commands.config_file import check_configs
from trisect.commands.flag_errors import in_one_sentence, unknown_key
from trisect.methods.recipe import Recipe
from trisect.methods.table import PRESETS, method_of
from trisect.runs.causal_encoder import CausalEncoderRecipe
from trisect.settings import flat, settings_from_json
from trisect.training.settings import ACCELERATORS, TrainingSettings

R = TypeVar("R", Recipe, CausalEncoderRecipe)

FOLDERS = {
    "data": "folder of the data set to train on (required)",
    "out": "run folder to make (required)",
}
SWITCHES = {
    "resume": "continue an interrupted run in the run folder",
    "quiet": "show no progress",
}
DESPITE_ERRORS = {"despite-errors": "train even on data in which trisect inspect finds errors"}
DEVICE = "device to train all stages on; by default each stage uses its own accelerator setting"
EXTERNAL = {
    "encoder": "your own encoder as package.module:Name, instead of an autoencoder",
    "decoder": "the decoder of your own encoder as package.module:Name",
}
REUSED = {"autoencoder-of": "folder of another run whose autoencoder is reused"}
GROUP_HELP = "YAML file with values of these settings"


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
        UsageError: an unknown flag or key, with a suggestion; a value that is of the wrong kind or out of range; or a
            file of options that is not plain YAML.
        FileNotFoundError: no such file of options.
    """
    settings: list[str] = [f"--{key}" for key in flat(recipe.to_json())]
    offered: list[str] = [*_texts(recipe), *_switches(recipe)]
    known = [*settings, *(f"--{option}" for option in (*offered, "config", "device"))]
    flags = [in_known_spelling(argument, known) for argument in arguments]
    _reject_unknown(flags, name, known)
    check_configs(flags)
    parsed = _parsed(_parser(name, recipe), _with_null(flags, settings), name, known)
    parsed.pop("config", None)
    device, options = parsed.pop("device"), _options(parsed, offered, name)
    rebuilt: R = _recipe(type(recipe), _plain(parsed))
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


def _texts(recipe: Recipe | CausalEncoderRecipe) -> dict[str, str]:
    """The options of a recipe that have a text as their value, and their help."""
    takes_encoder = isinstance(recipe, Recipe) and method_of(recipe).takes_encoder
    return {**FOLDERS, **REUSED, **EXTERNAL} if takes_encoder else FOLDERS


def _switches(recipe: Recipe | CausalEncoderRecipe) -> dict[str, str]:
    """The options of a recipe without a value, and their help."""
    return {**SWITCHES, **DESPITE_ERRORS} if isinstance(recipe, Recipe) else SWITCHES


def _parser(name: str, recipe: Recipe | CausalEncoderRecipe) -> Any:
    """A parser of the options and of every field of the recipe, with the recipe's values as defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jsonargparse import ArgumentParser

    parser = ArgumentParser(prog=f"trisect train {name}", description=_description(name), exit_on_error=False)
    parser.add_argument("--config", action="config", help="YAML file with values of these options")
    for option, what in _texts(recipe).items():
        metavar = "PATH" if option in EXTERNAL else "FOLDER"
        parser.add_argument(f"--{option}", type=str, default=argparse.SUPPRESS, metavar=metavar, help=what)
    for option, what in _switches(recipe).items():
        parser.add_argument(f"--{option}", action="store_true", help=what)
    parser.add_argument("--device", choices=ACCELERATORS, help=DEVICE)
    parser.add_class_arguments(type(recipe), as_group=False)
    parser.set_defaults(flat(recipe.to_json()))
    for action in parser._actions:
        if action.help == "Path to a configuration file.":
            action.help = GROUP_HELP
    return parser


def _description(name: str) -> str:
    """The first line of the recipe's docstring, if it has one of its own."""
    preset: Callable[..., Any] | None = PRESETS.get(name)
    what = "" if preset is None else str(preset.__doc__).splitlines()[0] + " "
    return f"{what}Every setting of the recipe {name} is a flag with a default value."


def _parsed(parser: Any, flags: list[str], name: str, known: Sequence[str]) -> dict[str, Any]:
    """The values of all options and settings; a message of the parser becomes one sentence."""
    try:
        parsed: dict[str, Any] = parser.parse_args(flags).as_dict()
    except argparse.ArgumentError as error:
        key = unknown_key(str(error.message))
        message = in_one_sentence(str(error.message)) if key is None else _unknown(f"--{key}", name, known)
        raise checks.UsageError(message) from error
    return parsed


def _recipe(cls: type, settings: dict[str, Any]) -> Any:
    with checks.usage():
        unknown_settings.refuse_former_values(settings)
        return settings_from_json(cls, settings, "the recipe")


def _unknown(flag: str, name: str, known: Sequence[str]) -> str:
    return unknown_settings.sentence_for(flag, name, known)


def _reject_unknown(arguments: list[str], name: str, known: list[str]) -> None:
    groups = {key.rsplit(".", k)[0] for key in known for k in range(key.count(".") + 1)}
    for argument in arguments:
        flag = argument.split("=")[0]
        if flag.startswith("--") and flag not in (*known, "--help", "--print_config") and flag not in groups:
            raise checks.UsageError(_unknown(flag, name, known))


def _with_null(flags: list[str], settings: Sequence[str]) -> list[str]:
    """The arguments with ``null``, as YAML spells it, for a setting whose value is ``None``."""
    after = [False, *(flag in settings for flag in flags)]
    joined = [f"{setting}=None" for setting in settings]
    return [
        "null" if is_value and flag == "None" else flag.replace("=None", "=null") if flag in joined else flag
        for flag, is_value in zip(flags, after)
    ]


def _options(parsed: dict[str, Any], offered: list[str], name: str) -> dict[str, Any]:
    """Take the options that are not part of the recipe out of the parsed values."""
    names = [option.replace("-", "_") for option in offered]
    options = {"despite_errors": False, "autoencoder_of": None, **{key: parsed.pop(key, None) for key in names}}
    for key in FOLDERS:
        if not options[key]:
            raise checks.UsageError(f"--{key} is missing; see trisect train {name} --help")
    for switch in ("resume", "quiet", "despite_errors"):
        with checks.usage():
            checks.require(isinstance(options[switch], bool), f"--{switch}", "true or false", repr(options[switch]))
    return {key: value for key, value in options.items() if key not in EXTERNAL or value is not None}


def _plain(value: Any) -> Any:
    """Dataclasses and namespaces as dictionaries."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return value
