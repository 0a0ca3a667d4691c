"""The shell commands that repeat a run: its data, the run, its report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from trisect import checks
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.data import Dataset
from trisect.data.chunks import default_splits
from trisect.methods.recipe import Recipe
from trisect.recipes import RECIPES, closed_form
from trisect.runs.run import Run
from trisect.worlds import make

EPISODE = 100
"""Frames per episode that ``trisect generate`` takes by default."""


def commands(name: str, run: Run, data: Dataset, autoencoder_data: Dataset | None = None) -> list[str]:
    """The commands, one per step; long ones have several lines.

    Args:
        name: name of the folders in ``data`` and ``runs``.
        run: the run to repeat.
        data: the data set that it was trained on.
        autoencoder_data: the data set that its autoencoder was trained on, if the run reuses one.

    Raises:
        ValueError: autoencoder_data is missing for a reused autoencoder; or the data were not generated from a world,
            or have splits of unusual sizes.
    """
    evaluate = f"trisect evaluate runs/{name}"
    if run.reused is None or autoencoder_data is None:
        todo = "pass the data that the autoencoder was trained on"
        checks.require(run.reused is None, "autoencoder_data", "given for a reused autoencoder", "none", todo)
        return [_generate(name, data), _train(name, run.recipe), evaluate]
    first, recipe = f"{name}-autoencoder", run.recipe
    first_recipe = replace(
        closed_form(seed=run.reused["seed"]),
        autoencoder=recipe.autoencoder,
        autoencoder_training=recipe.autoencoder_training,
        batch_size=recipe.batch_size,
    )
    return [
        *(_generate(first, autoencoder_data), _train(first, first_recipe), _generate(name, data)),
        *(_train(name, recipe, f"--autoencoder-of runs/{first}"), evaluate),
    ]


def _train(name: str, recipe: Recipe, *further: str) -> str:
    flags = flags_of(recipe)
    words = [f"trisect train {flags[0]} --data data/{name} --out runs/{name}", *further]
    words += [f"--{key} {shlex.quote(value)}" for key, value in flags[1].items()]
    return " \\\n    ".join(words)


def _generate(name: str, data: Dataset) -> str:
    todo = "ship a run on data from trisect generate"
    checks.require("world" in data.source, "the source of the data", "a world", data.source or "none", todo)
    train, world = data.recording("train"), data.source["world"]
    sizes, usual = {split: len(part) for split, part in data.items() if split != "train"}, default_splits(len(train))
    checks.require(sizes == usual, "the splits of the data", f"of the usual sizes, {usual}", sizes, todo)
    words = ["trisect", "generate", world["name"].replace("_", "-"), "--frames", str(len(train))]
    words += ["--seed", str(data.source["seed"]), "--out", f"data/{name}"]
    length = int(max(train.episode_lengths))
    words += [] if length == EPISODE else ["--episode-length", str(length)]
    defaults = make(world["name"]).settings()
    for key, value in world["settings"].items():
        words += [] if value == defaults[key] else ["--set", f"{key}={json.dumps(value)}"]
    return shlex.join(words)


def flags_of(recipe: Recipe) -> tuple[str, dict[str, str]]:
    """The named recipe with the fewest differences, and the flags that change it into this one."""
    settings = _flat(recipe.to_json())
    presets = {name: preset(seed=recipe.seed) for name, preset in RECIPES.items()}
    same_method = {name: each.to_json() for name, each in presets.items() if each.method == recipe.method}
    seed = {"seed": str(recipe.seed)} if recipe.seed else {}
    changes = {name: seed | _changes(_flat(usual), settings) for name, usual in same_method.items()}
    name = min(changes, key=lambda each: len(changes[each]))
    arguments = [f"--{key}={value}" for key, value in changes[name].items()]
    again, _ = recipe_from_flags(name, RECIPES[name](), ["--data", "data", "--out", "run", *arguments])
    assert again == recipe, "flags that make another recipe"
    return name, changes[name]


def _changes(usual: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    changed = {key: value for key, value in settings.items() if usual[key] != value}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in changed.items()}


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return flat
