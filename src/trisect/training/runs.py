"""Training a recipe into a run folder, and reading a finished one back."""

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
from trisect.models.building.settings import METHODS
from trisect.models.building.untrained import untrained_model
from trisect.models.slot_model import SlotModel
from trisect.training import fitness, own_encoder, run_folder, stages, taken_autoencoder
from trisect.training.history import Cost, Meter
from trisect.training.own_encoder import Own, TriedEncoder
from trisect.training.recipe import Recipe, recipe_from_json
from trisect.training.run_folder import FINISHED, MODEL, RUN
from trisect.training.staged_run import train_in_stages
from trisect.training.stages import StageContext
from trisect.training.taken_autoencoder import TakenAutoencoder
from trisect.training.variational_run import train_variational


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
        findings: what the inspection found in the data, as `trisect.data.inspect.findings.Finding.to_json` gives it.
        taken: of an autoencoder that was taken from another run: the ``fingerprint`` of its weights, that run's
            ``seed``, and ``path`` and ``hash`` of its ``data``; None where the run trained its own or has none.
    """

    folder: Path
    recipe: Recipe
    model: SlotModel[Any]
    data_path: Path | None
    data_hash: str
    cost: Cost
    history: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...] = ()
    taken: Mapping[str, Any] | None = None


def train(
    recipe: Recipe,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    resume: bool,
    progress: bool,
    despite_errors: bool,
    given: Mapping[str, Any],
) -> Run:
    """See `trisect.recipes.train`; ``given`` holds what the user brings, see `Brought`."""
    functions = dict(given)
    autoencoder = functions.pop("autoencoder", None)
    folder, own = Path(out), own_encoder.own_functions(functions)
    meter = Meter(Cost())
    path, data = (None, data) if isinstance(data, Dataset) else (Path(data).resolve(), store.load(data))
    recordings = stages.held_out_recordings(data)
    _check_targets(recordings[0], data.targeted)
    is_finished = (folder / FINISHED).exists()
    findings = [] if is_finished else fitness.findings_on(data, despite_errors=despite_errors)
    what, todo = "the recipe for an encoder of your own", "train citris-nf or closed-form around it"
    checks.require(own is None or recipe.method != "citris-vae", what, "one that trains none", recipe.method, todo)
    tried = own_encoder.try_encoder(own, recordings[0], len(data.targeted)) if own is not None else None
    brought = {} if tried is None else {"encoder": tried.describe()}
    taken = _take(autoencoder, recipe, recordings[0], len(data.targeted), own)
    if taken is not None:
        recipe, brought = taken.applied(recipe), {"autoencoder": taken.describe()}
    description = {**run_folder.describe(recipe, path, data, recordings, brought), "findings": findings}
    run_folder.open_folder(folder, description, resume=resume)
    if taken is not None:
        taken.copy_into(folder)
    context = StageContext(folder, recipe.seed, description["signature"], description["data"]["hash"], resume, progress)
    if not is_finished:
        _train(recipe, recordings, data.targeted, context, meter, tried)
    return load_run(folder, own)


def _take(
    folder: str | Path | None, recipe: Recipe, recording: Recording, num_variables: int, own: Own | None
) -> TakenAutoencoder | None:
    """The autoencoder of another run, if one is asked for."""
    if folder is None:
        return None
    what, todo = "what gives the latents", "leave one of them out"
    checks.require(own is None, what, "one thing", "an encoder of your own and the autoencoder of another run", todo)
    return taken_autoencoder.find(folder, recipe, recording.observations.shape[1:], num_variables)


def _check_targets(recording: Recording, targeted: tuple[str, ...]) -> None:
    """Refuse, before anything is written, data that no recipe can be trained on, even if errors are overruled."""
    what, todo = "the training recording", "record which variable was intervened on in each step"
    checks.require(len(targeted) > 0, what, "one with interventions", "targets that are all 0", todo)
    rows = recording.windows(2) + 1
    columns = {name: recording.targets[rows, recording.variables.index(name)] for name in targeted}
    for first, second in itertools.combinations(targeted, 2):
        differ = int((columns[first] != columns[second]).sum())
        what, todo = f"the targets of '{first}' and '{second}'", "join them into one variable, or intervene apart"
        got = f"{differ} of {len(rows)} steps in which they differ"
        checks.require(0 < differ < len(rows), what, "neither always equal nor always opposite", got, todo)


def _train(
    recipe: Recipe,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    context: StageContext,
    meter: Meter,
    tried: TriedEncoder | None,
) -> None:
    history: dict[str, Any] = {}
    make: dict[str, Any] = {}
    model: SlotModel[Any]
    if recipe.method == "citris-vae":
        model = train_variational(recipe, recordings, targeted, context, history)
    else:
        model, make = train_in_stages(recipe, recordings, targeted, context, history, tried)
    stages.save_weights(model, context.folder / MODEL)
    finished = {"cost": asdict(_total(meter.read(), history)), "history": history, **make}
    write_atomically(context.folder / FINISHED, json.dumps(finished) + "\n")


def _total(spent: Cost, history: Mapping[str, Any]) -> Cost:
    """The stages' costs over all resumes, or what this process spent where that is more."""
    cpu = sum(stage["cpu_seconds"] for stage in history.values())
    wall = sum(stage["wall_seconds"] for stage in history.values())
    peak = max([spent.peak_memory_mb, *(stage["peak_memory_mb"] for stage in history.values())])
    return Cost(max(cpu, spent.cpu_seconds), max(wall, spent.wall_seconds), peak)


def load_run(folder: str | Path, own: Own | None = None) -> Run:
    """See `trisect.recipes.load_run`."""
    folder = Path(folder)
    run_folder.require_finished(folder)
    described = run_folder.read(folder / RUN, "recipe", "data")
    finished = run_folder.read(folder / FINISHED, "cost", "history")
    method = str(dict(described["recipe"]).get("method"))
    checks.one_of(method, METHODS, f"the method of the run in {folder}")
    recipe, facts = recipe_from_json(described["recipe"]), described["data"]
    model = _untrained(folder, recipe, described, finished, own)
    stages.load_weights(model, folder / MODEL)
    path = None if facts["path"] is None else Path(facts["path"])
    findings, cost, taken = tuple(described.get("findings", ())), Cost(**finished["cost"]), described.get("autoencoder")
    return Run(folder, recipe, model.eval(), path, facts["hash"], cost, finished["history"], findings, taken)


def _untrained(
    folder: Path, recipe: Recipe, described: Mapping[str, Any], finished: Mapping[str, Any], own: Own | None
) -> SlotModel[Any]:
    """The model of a finished run, for weights to be loaded into."""
    shape, targeted = tuple(described["data"]["shape"]), tuple(described["data"]["targeted"])
    todo, has_own = "load it without", "encoder" in described
    checks.require(
        has_own or own is None, f"the run in {folder}", "one with an encoder of your own", "one without", todo
    )
    representation = own_encoder.recalled(folder, described["encoder"], own) if has_own else None
    return untrained_model(recipe, shape, targeted, finished, folder / FINISHED, representation)
