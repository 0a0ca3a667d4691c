"""Run folders: training a recipe into one, and reading a finished one back.

run.json             the recipe and what the run knows of its data; written first
autoencoder/, flow/  checkpoints and logs of the stages
latents/             cached latents
autoencoder.safetensors, model.safetensors   weights of the finished stages
encoder_sample.safetensors                   what an encoder of the user's own is known again by
finished.json        cost and history; written last: a folder without it is not a finished run
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.evaluation.report import write_atomically
from trisect.models.causal_model import CausalModel
from trisect.models.closed_form import blank_identification
from trisect.models.representation import FrameRepresentation, Representation
from trisect.training import own_encoder, reducing, stages
from trisect.training.building import autoencoder_for, model_for, representation_for
from trisect.training.engine import TrainingResult
from trisect.training.history import Cost, Meter
from trisect.training.own_encoder import Own, TriedEncoder
from trisect.training.recipe import Recipe, recipe_from_json
from trisect.training.stages import StageContext

RUN, FINISHED = "run.json", "finished.json"
AUTOENCODER, MODEL = "autoencoder.safetensors", "model.safetensors"


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        folder: where it lies.
        recipe: what was run.
        model: with the trained weights, in evaluation mode.
        data_path: the data set's folder, or None for data in memory.
        data_hash: SHA-256 of the training and validation recordings.
        cost: CPU seconds, wall seconds and peak memory.
        history: per stage, ``terms`` and ``scores`` as the engine recorded them, and ``steps``.
    """

    folder: Path
    recipe: Recipe
    model: CausalModel
    data_path: Path | None
    data_hash: str
    cost: Cost
    history: Mapping[str, Any]


def train(
    recipe: Recipe,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    resume: bool,
    progress: bool,
    given: Mapping[str, Any],
) -> Run:
    """See `trisect.recipes.train`; ``given`` holds what the user brings, see `OwnFunctions`."""
    folder, own = Path(out), own_encoder.own_functions(given)
    meter = Meter(Cost())
    path, data = (None, data) if isinstance(data, Dataset) else (Path(data).resolve(), store.load(data))
    recordings = stages.held_out_recordings(data)
    tried = own_encoder.try_encoder(own, recordings[0], len(data.targeted)) if own is not None else None
    description = _description(recipe, path, data, recordings, tried)
    _check_targets(recordings[0], data.targeted)
    _open_folder(folder, description, resume=resume)
    context = StageContext(folder, recipe.seed, description["signature"], description["data"]["hash"], resume, progress)
    if not (folder / FINISHED).exists():
        _train(recipe, recordings, data.targeted, context, meter, tried)
    return load_run(folder, own)


def _description(
    recipe: Recipe,
    path: Path | None,
    data: Dataset,
    recordings: tuple[Recording, Recording],
    tried: TriedEncoder | None,
) -> dict[str, Any]:
    """What run.json holds, in plain types."""
    targeted = data.targeted
    what, todo = "the training recording", "record which variable was intervened on in each step"
    checks.require(len(targeted) > 0, what, "one with interventions", "targets that are all 0", todo)
    data_hash = stages.data_hash(list(recordings))
    encoder = {} if tried is None else {"encoder": tried.describe()}
    signature = json.dumps([recipe.to_json(), data_hash, *encoder.values()], sort_keys=True)
    return {
        "recipe": recipe.to_json(),
        "data": {
            "path": None if path is None else str(path),
            "hash": data_hash,
            "shape": list(recordings[0].observations.shape[1:]),
            "targeted": list(targeted),
            "variables": data.variables.to_json(),
        },
        **encoder,
        "signature": signature,
    }


def _check_targets(recording: Recording, targeted: tuple[str, ...]) -> None:
    """Refuse, before anything is written, data in which no slot can be told from another."""
    rows = recording.windows(2) + 1
    columns = {name: recording.targets[rows, recording.variables.index(name)] for name in targeted}
    for first, second in itertools.combinations(targeted, 2):
        differ = int((columns[first] != columns[second]).sum())
        what, todo = f"the targets of '{first}' and '{second}'", "join them into one variable, or intervene apart"
        got = f"{differ} of {len(rows)} steps in which they differ"
        checks.require(0 < differ < len(rows), what, "neither always equal nor always opposite", got, todo)


def _read(file: Path, *keys: str) -> dict[str, Any]:
    """A JSON object that has these keys, or one sentence."""
    try:
        stored = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(checks.sentence(f"the file {file}", "JSON", str(error), "train the run again")) from error
    has_all = isinstance(stored, dict) and all(key in stored for key in keys)
    checks.require(has_all, f"the file {file}", f"an object with {', '.join(keys)}", "something else")
    return dict(stored)


def _open_folder(folder: Path, description: dict[str, Any], *, resume: bool) -> None:
    """Make the folder of a new run, or see that it holds this very run."""
    file = folder / RUN
    if file.exists():
        what = f"the folder {folder}"
        todo = "pass resume=True (--resume) to go on with it, or choose another folder"
        checks.require(resume, what, "without a run", f"one with {RUN}", todo)
        stored = _read(file, "recipe", "data", "signature")
        changed = _first_difference(stored, description)
        checks.require(not changed, what, "a run of the same recipe and data", changed, "choose another folder")
        return
    empty = not folder.exists() or not any(folder.iterdir())
    checks.require(empty, f"the folder {folder}", "empty or new", "one with other files", "choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(description, indent=2) + "\n")


def _first_difference(stored: dict[str, Any], given: dict[str, Any]) -> str:
    if stored["signature"] == given["signature"]:
        return ""
    if stored["data"]["hash"] != given["data"]["hash"]:
        return "other data"
    if stored.get("encoder") != given.get("encoder"):
        return "another encoder or decoder"
    for key, value in given["recipe"].items():
        if stored["recipe"].get(key) != value:
            return f"'{key}': {stored['recipe'].get(key)} before, {value} now"
    return "another recipe"


def _train(
    recipe: Recipe,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    context: StageContext,
    meter: Meter,
    tried: TriedEncoder | None,
) -> None:
    history: dict[str, Any] = {}
    representation = _representation(recipe, recordings, targeted, context, history, tried)
    encoder_hash = stages.weights_hash(representation) if tried is None else tried.fingerprint
    key = encoder_hash[:16] + context.data_hash[:16]
    latents = (
        stages.latents_of(representation, recordings[0], context.folder / "latents", f"train-{key}"),
        stages.latents_of(representation, recordings[1], context.folder / "latents", f"val-{key}"),
    )
    if not isinstance(representation, FrameRepresentation):
        representation, latents = reducing.reduced(representation, latents, recipe.reduction, len(targeted))
    start = stages.identify_slots(latents[0], targeted, recipe.closed_form)
    model = model_for(recipe, representation, targeted, start, latents[0].observations)
    if recipe.method != "closed-form":
        result = stages.train_stage(
            model,
            latents,
            targeted,
            recipe.flow_batch_size,
            recipe.flow_training,
            context,
            name="flow",
            held_out_term="nll",
        )
        history["flow"] = _plain(result)
    stages.save_weights(model, context.folder / MODEL)
    spent = meter.read()
    cost = asdict(_total(spent, history))
    finished = {"cost": cost, "history": history, "num_partings": start.num_partings, **reducing.sizes(representation)}
    write_atomically(context.folder / FINISHED, json.dumps(finished) + "\n")


def _representation(
    recipe: Recipe,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    context: StageContext,
    history: dict[str, Any],
    tried: TriedEncoder | None,
) -> Representation:
    """The trained representation: an autoencoder's weights are read where its stage is done."""
    if tried is not None:
        tried.save(context.folder)
        return tried.representation
    shape = recordings[0].observations.shape[1:]
    if len(shape) != 3:
        return representation_for(recipe, shape, len(targeted))
    autoencoder = autoencoder_for(recipe, shape, len(targeted))
    weights, record = context.folder / AUTOENCODER, context.folder / "autoencoder.json"
    if not weights.exists():
        result = stages.train_stage(
            autoencoder,
            recordings,
            targeted,
            recipe.batch_size,
            recipe.autoencoder_training,
            context,
            name="autoencoder",
            held_out_term="reconstruction",
        )
        write_atomically(record, json.dumps(_plain(result)) + "\n")
        stages.save_weights(autoencoder, weights)
    stages.load_weights(autoencoder, weights)
    history["autoencoder"] = json.loads(record.read_text())
    return FrameRepresentation(autoencoder)


def _plain(result: TrainingResult) -> dict[str, Any]:
    return asdict(result)


def _total(spent: Cost, history: Mapping[str, Any]) -> Cost:
    """The stages' costs over all resumes, or what this process spent where that is more."""
    cpu = sum(stage["cpu_seconds"] for stage in history.values())
    wall = sum(stage["wall_seconds"] for stage in history.values())
    peak = max([spent.peak_memory_mb, *(stage["peak_memory_mb"] for stage in history.values())])
    return Cost(max(cpu, spent.cpu_seconds), max(wall, spent.wall_seconds), peak)


def load_run(folder: str | Path, own: Own | None = None) -> Run:
    """See `trisect.recipes.load_run`."""
    folder = Path(folder)
    for name, todo in ((RUN, "train one with trisect train"), (FINISHED, "go on with trisect train ... --resume")):
        if not (folder / name).exists():
            sentence = checks.sentence(f"the folder {folder}", "a finished run", f"no {name} in it", todo)
            raise FileNotFoundError(sentence)
    described, finished = _read(folder / RUN, "recipe", "data"), _read(folder / FINISHED, "cost", "history")
    recipe, facts = recipe_from_json(described["recipe"]), described["data"]
    targeted = tuple(facts["targeted"])
    representation = reducing.restored(_recalled(folder, recipe, described, own), finished, folder / FINISHED)
    start = blank_identification(representation.num_latents, len(targeted), finished.get("num_partings", 0))
    model = model_for(recipe, representation, targeted, start)
    stages.load_weights(model, folder / MODEL)
    path = None if facts["path"] is None else Path(facts["path"])
    return Run(folder, recipe, model.eval(), path, facts["hash"], Cost(**finished["cost"]), finished["history"])


def _recalled(folder: Path, recipe: Recipe, described: dict[str, Any], own: Own | None) -> Representation:
    """The representation of a run, before its weights are loaded."""
    if "encoder" in described:
        return own_encoder.recalled(folder, described["encoder"], own)
    todo = "load it without"
    checks.require(own is None, f"the run in {folder}", "one with an encoder of your own", "one without", todo)
    facts = described["data"]
    return representation_for(recipe, tuple(facts["shape"]), len(facts["targeted"]))
