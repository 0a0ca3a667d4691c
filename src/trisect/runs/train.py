"""Training a recipe on a data set, into a run folder."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Unpack

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset, training_splits
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows
from trisect.files import write_atomically
from trisect.methods.method import TrainingData
from trisect.methods.recipe import Recipe
from trisect.methods.table import method_of
from trisect.models.weights import save_weights
from trisect.runs import external_encoder, reused_autoencoder, run_folder, suitability
from trisect.runs.external_encoder import TriedEncoder
from trisect.runs.reused_autoencoder import LatentSource, ReusedAutoencoder
from trisect.runs.run import Run, load_with
from trisect.runs.run_folder import FINISHED, MODEL
from trisect.training.history import Cost, Meter
from trisect.training.stage import StageContext


def train(
    recipe: Recipe,
    data: Dataset | str | Path,
    out: str | Path,
    *,
    resume: bool = False,
    progress: bool = True,
    despite_errors: bool = False,
    **source: Unpack[LatentSource],
) -> Run:
    """Train a recipe on a data set, into a run folder.

    Args:
        recipe: from `trisect.recipes`.
        data: a data set, or its folder; it needs the splits train and val.
        out: the run folder; it must not hold a run unless ``resume`` is True.
        resume: continue the interrupted run in ``out``; if there is none, start a new run.
        progress: show progress and the time left.
        despite_errors: train even on data in which `trisect.inspect` finds errors.
        source: a replacement for training an autoencoder (see `trisect.runs.reused_autoencoder.LatentSource`):
            ``autoencoder=``, the folder of another run whose autoencoder is reused; or ``encoder=`` and optionally
            ``decoder=``, external functions that stay frozen. Pass the same encoder to `load_run`.

    Raises:
        ValueError: the data identify nothing (no interventions) or have other errors; ``out`` holds a run and
            ``resume`` is False, or it holds a run of another recipe or other data; the autoencoder was made for other
            frames; or the encoder does not return one finite vector per frame, the same in every call.
        FileNotFoundError: the ``autoencoder`` folder has no trained autoencoder.
        NonFiniteLoss: a loss term stopped being finite; checkpoints are kept.
    """
    if not isinstance(recipe, Recipe):
        got, todo = repr(recipe), "pass one such as trisect.recipes.citris_nf()"
        raise TypeError(checks.sentence("the recipe to train", "a Recipe", got, todo))
    functions: dict[str, Any] = dict(source)
    autoencoder = functions.pop("autoencoder", None)
    folder, external = Path(out), external_encoder.external_functions(functions)
    meter = Meter(Cost())
    path, data = (None, data) if isinstance(data, Dataset) else (Path(data).resolve(), store.load(data))
    train_, val = training_splits(data)
    _check_targets(train_, data.targeted)
    is_finished = (folder / FINISHED).exists()
    findings = [] if is_finished else suitability.findings_on(data, despite_errors=despite_errors)
    tried = _try(external, recipe, train_, len(data.targeted)) if external is not None else None
    reused = _reuse(autoencoder, recipe, train_, len(data.targeted), tried)
    replaced = {} if tried is None else {"encoder": tried.describe()}
    if reused is not None:
        recipe, replaced = reused.applied(recipe), {"autoencoder": reused.describe()}
    description = {**run_folder.describe(recipe, path, data, (train_, val), replaced), "findings": findings}
    run_folder.open_folder(folder, description, resume=resume)
    if reused is not None:
        reused.copy_into(folder)
    if tried is not None and not is_finished:
        tried.save(folder)
    if not is_finished:
        training_data = TrainingData(train_, val, data.targeted, None if tried is None else tried.encoder)
        hash_of_data = description["data"]["hash"]
        context = StageContext(folder, recipe.seed, description["signature"], hash_of_data, resume, progress)
        _train(recipe, training_data, context, meter)
    return load_with(folder, external)


def _try(external: external_encoder.External, recipe: Recipe, recording: Recording, num_variables: int) -> TriedEncoder:
    """The external encoder, tested on some observations."""
    if not method_of(recipe).trains_autoencoder:
        raise ValueError(f"an external encoder cannot be used with {recipe.method}; use citris-nf or closed-form")
    return external_encoder.try_encoder(external, recording, num_variables)


def _reuse(
    folder: str | Path | None, recipe: Recipe, recording: Recording, num_variables: int, tried: TriedEncoder | None
) -> ReusedAutoencoder | None:
    """The autoencoder of another run, if one is to be reused."""
    if folder is None:
        return None
    if tried is not None:
        raise ValueError("encoder= cannot be used with the autoencoder of another run; leave one of them out")
    return reused_autoencoder.find(folder, recipe, tuple(recording.observations.shape[1:]), num_variables)


def _check_targets(recording: Recording, targeted: tuple[str, ...]) -> None:
    """Refuse data that no recipe can be trained on, even with ``despite_errors``, before anything is written."""
    what, todo = "the training recording", "record which variable was intervened on in each step"
    checks.require(len(targeted) > 0, what, "one with interventions", "targets that are all 0", todo)
    _, targets = transition_rows(recording, targeted)
    columns = dict(zip(targeted, targets.T))
    for first, second in itertools.combinations(targeted, 2):
        differ = int((columns[first] != columns[second]).sum())
        what = f"the targets of '{first}' and '{second}'"
        todo = "join them into one variable, or intervene on them separately"
        got = f"{differ} of {len(targets)} steps in which they differ"
        checks.require(0 < differ < len(targets), what, "neither always equal nor always opposite", got, todo)


def _train(recipe: Recipe, data: TrainingData, context: StageContext, meter: Meter) -> None:
    """Train the stages that are not finished yet, and write the run's last two files."""
    trained = method_of(recipe).train(recipe, data, context)
    save_weights(trained.model, context.folder / MODEL)
    cost, history = asdict(_total(meter.read(), trained.history)), dict(trained.history)
    finished = {"cost": cost, "history": history, **trained.make}
    write_atomically(context.folder / FINISHED, json.dumps(finished) + "\n")


def _total(spent: Cost, history: Mapping[str, Any]) -> Cost:
    """The cost of all stages over all resumes, or the cost of this process if that is larger."""
    cpu = sum(stage["cpu_seconds"] for stage in history.values())
    wall = sum(stage["wall_seconds"] for stage in history.values())
    peak = max([spent.peak_memory_mb, *(stage["peak_memory_mb"] for stage in history.values())])
    return Cost(max(cpu, spent.cpu_seconds), max(wall, spent.wall_seconds), peak)
