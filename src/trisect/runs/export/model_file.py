"""The content of model.json: everything that is needed to build an exported model, and the meaning of its latents.

format, format_version, trisect_version
method, recipe       as in run.json
observations         kind ("frames" or "vectors"); type, shape and range of the input of model and graphs, frames with
                     channels first (the range of vectors is null); at_rest: type and shape of stored frames
variables, targeted  all variables of the training data with their kinds, and those that were intervened on
num_latents, slots   number of latents, and the latents of each slot; "noise" holds content that no intervention moves
make                 other numbers that are needed to build the model: num_splits, num_curves, reduction
scores               scores from the run's report.json, or null
files                SHA-256 of every other file
onnx                 null, or facts about the graphs, see `trisect.runs.export.onnx_graphs.write_graphs`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trisect import checks, sealed
from trisect.files import UNREADABLE, brief
from trisect.methods.earlier import current_make, make_in
from trisect.methods.frozen_latents import COUNTS
from trisect.methods.method import Blueprint
from trisect.methods.recipe import HOW_TRAINED, Recipe
from trisect.methods.table import method_of, recipe_from_json
from trisect.models.slot_model import SlotModel
from trisect.runs.plausible import Described
from trisect.variables import VariableSpace
from trisect.version import __version__

EXPORTED, WEIGHTS = "model.json", "model.safetensors"
FORMAT, FORMAT_VERSION = "trisect-model", 1
COPY = "copy or export the folder again"


@dataclass(frozen=True)
class ModelFile:
    """The part of model.json that a model is built from.

    Attributes:
        file: path of the file.
        recipe: recipe of the model.
        shape: shape of a stored observation: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        make: other numbers that are needed to build the model.
        num_latents: L, the number of latents according to the recipe.
        slots: slot -> its latents.
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

    def described(self) -> Described:
        """What can be compared with the weights."""
        return Described(self.file, self.recipe, self.shape, len(self.targeted), self.make, False, COPY)

    def build(self) -> SlotModel[Any]:
        """The model, to load weights into."""
        blueprint = Blueprint(self.shape, self.targeted, self.make, self.file)
        return method_of(self.recipe).build(self.recipe, blueprint)


def describe(
    model: SlotModel[Any], recipe: Mapping[str, Any], data: Mapping[str, Any], finished: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of model.json in plain types, without scores, files and graphs.

    Args:
        model: trained model.
        recipe: description of the recipe in run.json.
        data: description of the data in run.json.
        finished: content of finished.json.
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
        "make": make_in(finished),
    }


def _observations(shape: tuple[int, ...]) -> dict[str, Any]:
    if len(shape) != 3:
        return {"kind": "vectors", "type": "float32", "shape": list(shape), "range": None}
    height, width, channels = shape
    model_input = {"type": "float32", "shape": [channels, height, width], "range": [-1.0, 1.0]}
    return {"kind": "frames", **model_input, "at_rest": {"type": "uint8", "shape": list(shape)}}


def read(folder: Path) -> ModelFile:
    """Read the model.json of a folder.

    Raises:
        FileNotFoundError: the folder has no model.json.
        ValueError: the file is damaged or incomplete, or has another format version.
    """
    file = folder / EXPORTED
    stored = _read_json(file)
    what, must, todo = f"'format' in {file}", f"'{FORMAT}'", "name a folder that trisect export made"
    checks.require(stored.get("format") == FORMAT, what, must, checks.quoted(stored.get("format")), todo)
    version = stored.get("format_version")
    what, todo = f"'format_version' in {file}", "read it with the trisect that wrote it, or export the run again"
    is_known = type(version) is int and version == FORMAT_VERSION
    checks.require(is_known, what, str(FORMAT_VERSION), checks.quoted(version), todo)
    with _complete(file):
        return _model_file(file, stored)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        return sealed.read_json(file, todo=COPY)
    except (FileNotFoundError, NotADirectoryError) as error:
        what, todo = f"the folder {file.parent}", "make one with trisect export; read a run with trisect.load_run"
        raise FileNotFoundError(checks.sentence(what, "an exported model", f"no {file.name} in it", todo)) from error


@contextmanager
def _complete(file: Path) -> Iterator[None]:
    """Turn the errors of reading an incomplete model.json into one sentence."""
    try:
        yield
    except UNREADABLE as error:
        got = f"{type(error).__name__}: {brief(error)}"
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
