"""trisect train: a recipe on a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trisect import checks
from trisect.commands.arguments import external_functions

if TYPE_CHECKING:
    from trisect.runs.causal_encoder import CausalEncoderRecipe


def run(arguments: list[str]) -> None:
    """Train, and say what to do next."""
    from trisect.commands.recipe_flags import recipe_from_flags
    from trisect.methods.table import PRESETS
    from trisect.runs import causal_encoder
    from trisect.runs.train import train

    known = [*PRESETS, causal_encoder.METHOD]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(
            f"usage: trisect train RECIPE --data FOLDER --out FOLDER [--resume] [--quiet] [--despite-errors]\n"
            f"                            [--device DEVICE] [--autoencoder-of RUN] [--FIELD VALUE ...]\n"
            f"recipes: {', '.join(known)}; trisect train RECIPE --help lists every field"
        )
        return
    with checks.usage():
        name = checks.one_of(arguments[0].replace("_", "-"), known, "the recipe to train")
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
    again = "".join(f" --{name} {path}" for name, path in external.items())
    print(f"{trained.folder}: {recipe.method} trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    print(f"now: trisect evaluate {trained.folder}{again}")


def _train_causal_encoder(recipe: CausalEncoderRecipe, options: dict[str, Any]) -> None:
    """Train a causal encoder, and say how far off it reads."""
    from trisect.runs.causal_encoder import train_causal_encoder

    for name in ("despite_errors", "autoencoder_of", "encoder", "decoder"):
        if options.get(name):
            raise checks.UsageError(f"--{name.replace('_', '-')} cannot be used with causal-encoder")
    where = options["data"], options["out"]
    trained = train_causal_encoder(*where, recipe, resume=options["resume"], progress=not options["quiet"])
    print(f"{trained.folder}: causal encoder trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    print(f"distances on held-out frames: {', '.join(f'{name} {far:.3f}' for name, far in trained.distances.items())}")
