"""trisect train: a recipe on a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trisect import checks
from trisect.verbs.arguments import own_functions

if TYPE_CHECKING:
    from trisect.training.causal_encoder import CausalEncoderRecipe


def run(arguments: list[str]) -> None:
    """Train, and say what to do next."""
    from trisect.recipes import RECIPES, train
    from trisect.training import causal_encoder
    from trisect.training.recipe_flags import recipe_from_flags

    known = [*RECIPES, causal_encoder.METHOD]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(
            f"usage: trisect train RECIPE --data FOLDER --out FOLDER [--resume] [--quiet] [--despite-errors]\n"
            f"                            [--autoencoder-of RUN] [--FIELD VALUE ...]\n"
            f"recipes: {', '.join(known)}; trisect train RECIPE --help lists every field"
        )
        return
    with checks.usage():
        name = checks.one_of(arguments[0], known, "the recipe to train")
    if name == causal_encoder.METHOD:
        _train_causal_encoder(*recipe_from_flags(name, causal_encoder.CausalEncoderRecipe(), arguments[1:]))
        return
    recipe, options = recipe_from_flags(name, RECIPES[name](), arguments[1:])
    own = own_functions(options)
    trained = train(
        *(recipe, options["data"], options["out"]),
        resume=options["resume"],
        progress=not options["quiet"],
        despite_errors=options["despite_errors"],
        autoencoder=options["autoencoder_of"],
        **own,
    )
    again = "".join(f" --{name} {path}" for name, path in own.items())
    print(f"{trained.folder}: {recipe.method} trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    print(f"now: trisect evaluate {trained.folder}{again}")


def _train_causal_encoder(recipe: CausalEncoderRecipe, options: dict[str, Any]) -> None:
    """Train a causal encoder, and say how far off it reads."""
    from trisect.recipes import train_causal_encoder

    with checks.usage():
        for name in ("despite_errors", "autoencoder_of", "encoder", "decoder"):
            flag = f"--{name.replace('_', '-')}"
            checks.require(not options.get(name), f"the flag {flag}", "left out for a causal encoder", "it")
    where = options["data"], options["out"]
    trained = train_causal_encoder(*where, recipe, resume=options["resume"], progress=not options["quiet"])
    print(f"{trained.folder}: causal encoder trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    print(f"distances on held-out frames: {', '.join(f'{name} {far:.3f}' for name, far in trained.distances.items())}")
