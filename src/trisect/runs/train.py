"""Training a recipe on a data set, into a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, Unpack, get_type_hints

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset, training_splits
from trisect.data.recording import Recording
from trisect.locks import owned
from trisect.methods.method import ExternalEncoder, TrainingData
from trisect.methods.recipe import Recipe
from trisect.methods.table import method_of, names_with_encoder
from trisect.models.weights import save_weights
from trisect.runs import external_encoder, reused_autoencoder, run_folder, suitability
from trisect.runs.external_encoder import External, TriedEncoder
from trisect.runs.reused_autoencoder import LatentSource, ReusedAutoencoder
from trisect.runs.run import Run, load_with_encoder
from trisect.runs.run_folder import FINISHED, MODEL
from trisect.sealed import write_json
from trisect.training.history import Cost, Meter
from trisect.training.settings import require_devices
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
        TypeError: ``recipe`` is no recipe, ``data`` no data set and no path, or ``out`` no path.
        FileNotFoundError: the ``autoencoder`` folder has no trained autoencoder.
        FolderInUseError: another process is training in ``out``.
        NonFiniteLoss: a loss term stopped being finite; checkpoints are kept.
        KeyboardInterrupt: Ctrl-C. As after SIGTERM, a checkpoint of the last step is kept.
    """
    _check_recipe(recipe)
    functions: dict[str, Any] = dict(source)
    other_run = functions.pop("autoencoder", None)
    folder, external = checks.path(out, "the run folder to make"), external_encoder.external_functions(functions)
    meter = Meter(Cost())
    path, data = store.opened(data, "the data to train on")
    training, validation = training_splits(data)
    suitability.require_trainable({"train": training, "val": validation}, data.targeted)
    replacement = _replacement(external, other_run, recipe, training, len(data.targeted))
    training_data = TrainingData(training, validation, data.targeted, replacement.encoder)
    recipe = replacement.applied(recipe).for_data(training_data)
    findings = []
    if not (folder / FINISHED).exists():
        require_devices(recipe)
        findings = suitability.findings_on(data, despite_errors=despite_errors)
    description = run_folder.describe(recipe, path, data, (training, validation), replacement.describe())
    signature, hash_of_data = description["signature"], description["data"]["hash"]
    context = StageContext(folder, recipe.seed, signature, hash_of_data, resume, progress)
    with owned(folder):
        run_folder.open_folder(folder, {**description, "findings": findings}, resume=resume)
        if not (folder / FINISHED).exists():
            replacement.save(folder)
            _train(recipe, training_data, context, meter)
    return load_with_encoder(folder, external)


def _check_recipe(recipe: Recipe) -> None:
    """Raise `TypeError` for anything but a recipe, or for a part of one that is not of its settings class."""
    if not isinstance(recipe, Recipe):
        got, todo = checks.quoted(recipe, 100), "pass one such as trisect.recipes.citris_nf()"
        raise TypeError(checks.sentence("the recipe to train", "a Recipe", got, todo))
    for name, kind in get_type_hints(type(recipe)).items():
        part = getattr(recipe, name)
        if isinstance(kind, type) and is_dataclass(kind) and not isinstance(part, kind):
            raise TypeError(checks.sentence(f"{name} of the recipe", f"a {kind.__name__}", checks.quoted(part, 100)))


@dataclass(frozen=True)
class _Replacement:
    """What a run has in place of an autoencoder of its own: at most one of the two."""

    tried: TriedEncoder | None = None
    reused: ReusedAutoencoder | None = None

    @property
    def encoder(self) -> ExternalEncoder | None:
        """The external encoder as a representation; None without one."""
        return None if self.tried is None else self.tried.encoder

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe, with the settings of a reused autoencoder."""
        return recipe if self.reused is None else self.reused.applied(recipe)

    def describe(self) -> dict[str, Any]:
        """The entries of run.json, in plain types."""
        entries = {"encoder": self.tried, "autoencoder": self.reused}
        return {name: each.describe() for name, each in entries.items() if each is not None}

    def save(self, folder: Path) -> None:
        """Write its files into the run folder."""
        if self.tried is not None:
            self.tried.save(folder)
        if self.reused is not None:
            self.reused.copy_into(folder)


def _replacement(
    external: External | None,
    other_run: str | Path | None,
    recipe: Recipe,
    recording: Recording,
    num_variables: int,
) -> _Replacement:
    """The external encoder, tried on some observations, or the autoencoder in the folder of another run."""
    if external is not None and not method_of(recipe).takes_encoder:
        checks.refuse(f"an external encoder cannot be used with {recipe.method}; use {names_with_encoder()}")
    if external is not None and other_run is not None:
        checks.refuse("encoder= cannot be used with the autoencoder of another run; leave one of them out")
    if external is not None:
        return _Replacement(tried=external_encoder.try_encoder(external, recording, num_variables))
    if other_run is not None:
        shape = tuple(recording.observations.shape[1:])
        return _Replacement(reused=reused_autoencoder.find(other_run, recipe, shape, num_variables))
    return _Replacement()


def _train(recipe: Recipe, data: TrainingData, context: StageContext, meter: Meter) -> None:
    """Train the stages that are not finished yet, and write the run's last two files."""
    trained = method_of(recipe).train(recipe, data, context)
    save_weights(trained.model, context.folder / MODEL)
    cost, history = asdict(_total(meter.read(), trained.history)), dict(trained.history)
    finished = {"cost": cost, "history": history, "make": dict(trained.make)}
    write_json(context.folder / FINISHED, finished)


def _total(spent: Cost, history: Mapping[str, Any]) -> Cost:
    """The cost of all stages over all resumes, or the cost of this process if that is larger."""
    cpu = sum(stage["cpu_seconds"] for stage in history.values())
    wall = sum(stage["wall_seconds"] for stage in history.values())
    peak = max([spent.peak_memory_mb, *(stage["peak_memory_mb"] for stage in history.values())])
    return Cost(max(cpu, spent.cpu_seconds), max(wall, spent.wall_seconds), peak)
