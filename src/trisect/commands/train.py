"""trisect train: trains a recipe on a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from trisect import checks
from trisect.commands.arguments import external_functions

if TYPE_CHECKING:
    from trisect.runs.causal_encoder import CausalEncoderRecipe


def run(arguments: list[str]) -> None:
    """Train, and print the next command."""
    from trisect.commands.recipe_flags import recipe_from_flags
    from trisect.methods.table import PRESETS
    from trisect.runs import causal_encoder
    from trisect.runs.train import train

    recipes: dict[str, Callable[..., Any]] = {**PRESETS, causal_encoder.METHOD: causal_encoder.train_causal_encoder}
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage(recipes))
        return
    with checks.usage():
        name = checks.named(arguments[0], recipes, "the recipe to train")
    if name == causal_encoder.METHOD:
        _train_causal_encoder(*recipe_from_flags(name, causal_encoder.CausalEncoderRecipe(), arguments[1:]))
        return
    recipe, options = recipe_from_flags(name, PRESETS[name](), arguments[1:])
    external = external_functions(options)
    trained = train(
        *(recipe, options["data"], options["out"]),
        resume=options["resume"],
        progress=not options["quiet"],
        despite_errors=options["despite_errors"],
        autoencoder=options["autoencoder_of"],
        **external,
    )
    same_functions = "".join(f" --{name} {path}" for name, path in external.items())
    print(f"{trained.folder}: {recipe.method} trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    print(f"next: trisect evaluate {trained.folder}{same_functions}")


def _usage(recipes: Mapping[str, Callable[..., Any]]) -> str:
    """The help without a recipe: the usage, and the first line of every recipe's docstring."""
    lines = [f"  {name:18} {str(recipe.__doc__).splitlines()[0]}" for name, recipe in recipes.items()]
    return "\n".join(
        [
            "usage: trisect train RECIPE --data FOLDER --out FOLDER [--resume] [--quiet] [--device DEVICE]",
            "                            [--config FILE] [--OPTION VALUE ...] [--SETTING VALUE ...]",
            "",
            "Train a model on a data set, into a run folder. 'trisect train RECIPE --help' describes every option.",
            "",
            "recipes:",
            *lines,
        ]
    )


def _train_causal_encoder(recipe: CausalEncoderRecipe, options: dict[str, Any]) -> None:
    """Train a causal encoder, and print its errors on held-out frames."""
    from trisect.runs.causal_encoder import train_causal_encoder

    folders = options["data"], options["out"]
    trained = train_causal_encoder(*folders, recipe, resume=options["resume"], progress=not options["quiet"])
    print(f"{trained.folder}: causal encoder trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    distances = ", ".join(f"{name} {distance:.3f}" for name, distance in trained.distances.items())
    print(f"distances on held-out frames: {distances}")
