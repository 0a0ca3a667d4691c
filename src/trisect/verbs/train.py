"""trisect train: a recipe on a data set."""

from __future__ import annotations

from trisect import checks
from trisect.verbs.arguments import own_functions


def run(arguments: list[str]) -> None:
    """Train, and say what to do next."""
    from trisect.recipes import RECIPES, train
    from trisect.training.recipe_flags import recipe_from_flags

    if not arguments or arguments[0] in ("-h", "--help"):
        print(
            f"usage: trisect train RECIPE --data FOLDER --out FOLDER [--resume] [--quiet] [--despite-errors]\n"
            f"                            [--FIELD VALUE ...]\n"
            f"recipes: {', '.join(RECIPES)}; trisect train RECIPE --help lists every field"
        )
        return
    with checks.usage():
        name = checks.one_of(arguments[0], RECIPES, "the recipe to train")
    recipe, options = recipe_from_flags(name, RECIPES[name](), arguments[1:])
    resume, progress, own = options["resume"], not options["quiet"], own_functions(options)
    despite = options["despite_errors"]
    data, out = options["data"], options["out"]
    trained = train(recipe, data, out, resume=resume, progress=progress, despite_errors=despite, **own)
    again = "".join(f" --{name} {path}" for name, path in own.items())
    print(f"{trained.folder}: {recipe.method} trained in {trained.cost.cpu_seconds:.0f} CPU-seconds")
    print(f"now: trisect evaluate {trained.folder}{again}")
