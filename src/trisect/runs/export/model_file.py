"""What model.json says of an exported model: all that is needed to build it, and what its latents mean.

format, format_version, trisect_version
method, recipe       as in run.json
observations         kind ("frames" or "vectors"); type, shape and range as the model and the graphs take them, frames
                     with channels first (the range of vectors is null); at_rest: the same of stored frames
variables, targeted  all variables of the training data with their kinds, and those that were intervened on
num_latents, slots   which latents belong to each slot; "noise" holds what no intervention moves
make                 what else the model is built from: num_splits, num_curves, reduction
scores               of the run's report.json, or null
files                SHA-256 of every other file
onnx                 null, or the graphs, see `trisect.runs.export.onnx_graphs.write_graphs`
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.methods.earlier import current_make
from trisect.methods.frozen_latents import COUNTS
from trisect.methods.method import Blueprint
from trisect.methods.recipe import HOW_TRAINED, Recipe
from trisect.methods.table import method_of, recipe_from_json
from trisect.models.representations.reduction import REDUCTION
from trisect.models.slot_model import SlotModel
from trisect.variables import VariableSpace
from trisect.version import __version__

EXPORTED, WEIGHTS = "model.json", "model.safetensors"
FORMAT, FORMAT_VERSION = "trisect-model", 1
MAKE = (*COUNTS, REDUCTION)
"""Keys of a model's make."""
COPY = "copy or export the folder anew"


@dataclass(frozen=True)
class ModelFile:
    """What model.json says, as far as a model is built from it.

    Attributes:
        file: where it lies.
        recipe: that the model is built by.
        shape: of an observation at rest: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        make: what else the model is built from.
        num_latents: L, as the recipe has it.
        slots: which latents belong to each slot.
        files: name -> SHA-256 of the folder's other files.
    """

    file: Path
    recipe: Recipe
    shape: tuple[int, ...]
    targeted: tuple[str, ...]
    make: Mapping[str, Any]
    num_latents: int
    slots: Mapping[str, list[int]]
    files: Mapping[str, str]

    @property
    def largest_count(self) -> int:
        """The largest number of parts of one kind that the model has."""
        return max(self.recipe.num_blocks, *(self.make[name] for name in COUNTS))

    @property
    def observation_size(self) -> int:
        """Numbers in an observation."""
        return prod(self.shape)

    def build(self) -> SlotModel[Any]:
        """The model, for weights to be loaded into."""
        blueprint = Blueprint(self.shape, self.targeted, self.make, self.file)
        return method_of(self.recipe).build(self.recipe, blueprint)


def describe(
    model: SlotModel[Any], recipe: Mapping[str, Any], data: Mapping[str, Any], finished: Mapping[str, Any]
) -> dict[str, Any]:
    """What model.json says of a model, in plain types, without scores, files and graphs.

    Args:
        model: trained.
        recipe: what run.json says of the recipe.
        data: what run.json says of the data.
        finished: what finished.json says.
    """
    checks.unique_names(model.slot_names, "the slots of a model to export")
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "trisect_version": __version__,
        "method": recipe["method"],
        "recipe": dict(recipe),
        "observations": _observations(tuple(data["shape"])),
        "variables": data["variables"],
        "targeted": list(model.variables),
        "num_latents": model.representation.num_latents,
        "slots": model.slot_columns(),
        "make": {name: finished[name] for name in MAKE if name in finished},
    }


def _observations(shape: tuple[int, ...]) -> dict[str, Any]:
    if len(shape) != 3:
        return {"kind": "vectors", "type": "float32", "shape": list(shape), "range": None}
    height, width, channels = shape
    taken = {"type": "float32", "shape": [channels, height, width], "range": [-1.0, 1.0]}
    return {"kind": "frames", **taken, "at_rest": {"type": "uint8", "shape": list(shape)}}


def read(folder: Path) -> ModelFile:
    """What the model.json of a folder says.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged or incomplete, or of another format version.
    """
    file = folder / EXPORTED
    stored = _read_json(file)
    what, must, todo = f"'format' in {file}", f"'{FORMAT}'", "name a folder that trisect export made"
    checks.require(stored.get("format") == FORMAT, what, must, repr(stored.get("format")), todo)
    version = stored.get("format_version")
    what, todo = f"'format_version' in {file}", "read it with the trisect that wrote it, or export the run anew"
    checks.require(version == FORMAT_VERSION, what, str(FORMAT_VERSION), repr(version), todo)
    with _complete(file):
        return _model_file(file, stored)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        stored = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        what, todo = f"the folder {file.parent}", "make one with trisect export; read a run with trisect.load_run"
        raise FileNotFoundError(checks.sentence(what, "an exported model", f"no {file.name} in it", todo)) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(checks.sentence(f"the file {file}", "JSON", str(error), COPY)) from error
    checks.require(isinstance(stored, dict), f"the file {file}", "an object", type(stored).__name__, COPY)
    return dict(stored)


@contextmanager
def _complete(file: Path) -> Iterator[None]:
    """Turn what reading an incomplete model.json trips over into one sentence."""
    try:
        yield
    except (KeyError, TypeError, AttributeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise ValueError(checks.sentence(f"the file {file}", "complete", got, COPY)) from error


def _model_file(file: Path, stored: Mapping[str, Any]) -> ModelFile:
    recipe = recipe_from_json(_of_model(stored["recipe"]))
    what, method = f"'method' in {file}", recipe.method
    checks.require(stored["method"] == method, what, f"the recipe's, {method}", repr(stored["method"]))
    names = VariableSpace.from_json(stored["variables"]).names
    targeted = checks.unique_names(stored["targeted"], f"'targeted' in {file}")
    for name in targeted:
        checks.one_of(name, names, f"a targeted variable in {file}")
    shape = _shape(file, stored["observations"])
    make, slots, files = current_make(stored["make"]), dict(stored["slots"]), dict(stored["files"])
    for name in COUNTS:
        make[name] = checks.positive_int(make.get(name, 0), f"'{name}' in {file}", 0)
    num_latents, what = recipe.num_latents(shape, make), f"'num_latents' in {file}"
    got = stored["num_latents"]
    checks.require(got == num_latents, what, f"that of the recipe, {num_latents}", repr(got), COPY)
    return ModelFile(file, recipe, shape, targeted, make, num_latents, slots, files)


def _of_model(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a model is built from; those of its training may be of another version, and stay unread."""
    return {key: value for key, value in recipe.items() if not key.endswith(HOW_TRAINED)}


def _shape(file: Path, observations: Mapping[str, Any]) -> tuple[int, ...]:
    what = f"the shape of observations in {file}"
    shape = tuple(checks.positive_int(size, what) for size in observations["shape"])
    checks.require(len(shape) in (1, 3), what, "(channels, height, width) or (dims,)", shape)
    return shape if len(shape) == 1 else (*shape[1:], shape[0])
