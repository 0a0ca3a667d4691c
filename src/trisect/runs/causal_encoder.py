"""Training a causal encoder on labelled frames, into a folder like a run folder.

run.json             the recipe, the factors that the encoder predicts, the data
network/             checkpoints and logs
model.safetensors    the weights
finished.json        cost, history and distances on held-out frames; written last
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trisect import checks
from trisect.batches import LabelledBatch
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.fingerprint import data_hash
from trisect.data.recording import Recording
from trisect.files import reading
from trisect.frames import as_input
from trisect.locks import owned
from trisect.methods.earlier import current_names
from trisect.models.bounded_building import at_most
from trisect.models.causal_encoder import CausalEncoder, CausalEncoderSettings, distances
from trisect.models.shapes import FrameShape
from trisect.models.stored_weights import kinds_in, num_values
from trisect.models.weights import load_weights, save_weights
from trisect.rows import by_chunks
from trisect.runs import run_folder
from trisect.runs.description import read_cost, read_distances, read_shape
from trisect.runs.run_folder import FINISHED, MODEL, RUN
from trisect.sealed import write_json
from trisect.settings import settings_from_json
from trisect.training.engine import FitOptions, fit
from trisect.training.history import Cost
from trisect.training.settings import TrainingSettings, require_devices
from trisect.variables import Factor, VariableSpace

METHOD = "causal-encoder"
HELD_OUT = 4096
"""Largest number of frames in the held-out score."""
FIRST_LOOK = 1000
AGAIN = "copy the folder again, or train the causal encoder again"


@dataclass(frozen=True)
class CausalEncoderRecipe:
    """All settings of the training of a causal encoder.

    Attributes:
        method: name of the method; always "causal-encoder".
        seed: seed of all randomness, at least 0.
        batch_size: frames per batch.
        network: settings of the network.
        training: training settings.
    """

    method: str = METHOD
    seed: int = 0
    batch_size: int = 128
    network: CausalEncoderSettings = field(default_factory=CausalEncoderSettings)
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(
            steps=4000, learning_rate=4e-3, warm_up=0.04, final_learning_rate=0.01, clip=5.0
        )
    )

    def __post_init__(self) -> None:
        checks.one_of(self.method, (METHOD,), "the method of a causal encoder")
        checks.seed(self.seed, "the seed of a causal encoder")
        checks.positive_int(self.batch_size, "the batch_size of a causal encoder")

    def to_json(self) -> dict[str, Any]:
        """Plain types that `trisect.settings.settings_from_json` reads back."""
        plain = asdict(self)
        plain["training"]["betas"] = list(self.training.betas)
        return plain


@dataclass(frozen=True)
class TrainedCausalEncoder:
    """A trained causal encoder, loaded from its folder.

    Attributes:
        folder: folder of the causal encoder.
        model: the encoder in evaluation mode.
        distances: factor -> mean distance on held-out frames, see `trisect.models.causal_encoder.distances`.
        cost: cost of the training.
    """

    folder: Path
    model: CausalEncoder
    distances: Mapping[str, float]
    cost: Cost

    def __repr__(self) -> str:
        distances = ", ".join(f"{name} {value:.3f}" for name, value in self.distances.items())
        return f"TrainedCausalEncoder({str(self.folder)!r}; distances: {distances})"


class LabelledFrames:
    """Batches of labelled frames by number; every epoch is a permutation drawn from (seed, epoch).

    Args:
        recording: recording of frames with factors.
        batch_size: frames per batch; at most the number of frames in the recording.
        seed: seed of the order.
    """

    def __init__(self, recording: Recording, batch_size: int, seed: int = 0):
        assert recording.factors is not None
        self.frames, self.factors, self.seed = recording.observations, recording.factors, seed
        self.batch_size = min(batch_size, len(recording))

    def batch(self, k: int) -> LabelledBatch:
        """Batch number ``k``, from 0."""
        epoch, within = divmod(k, len(self.frames) // self.batch_size)
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self.frames))
        return self.gather(np.sort(order[within * self.batch_size : (within + 1) * self.batch_size]))

    def gather(self, rows: np.ndarray) -> LabelledBatch:
        """The frames and factors of the given rows."""
        factors = torch.from_numpy(np.asarray(self.factors[rows], dtype=np.float32))
        return LabelledBatch(as_input(self.frames[rows]), factors)


def train_causal_encoder(
    data: Dataset | str | Path,
    out: str | Path,
    recipe: CausalEncoderRecipe | None = None,
    *,
    resume: bool = False,
    progress: bool = True,
) -> TrainedCausalEncoder:
    """Train a causal encoder, which predicts labelled factors from frames, to score decoded frames.

    Args:
        data: a data set of labelled frames, or its folder; it needs the split train, and val_indep or val.
        out: the folder to make.
        recipe: settings of the network and of its training.
        resume: continue the interrupted training in ``out``; if there is none, start a new one.
        progress: show progress and the time left.

    Raises:
        ValueError: the data are vectors or have no factors; or ``out`` holds another run, or any run if ``resume`` is
            False.
        FolderInUseError: another process is training in ``out``.
        NonFiniteLoss: a loss term stopped being finite; checkpoints are kept.
    """
    recipe = CausalEncoderRecipe() if recipe is None else recipe
    if not isinstance(recipe, CausalEncoderRecipe):
        got = checks.quoted(recipe, 100)
        raise TypeError(checks.sentence("the recipe of a causal encoder", "a CausalEncoderRecipe", got))
    folder = checks.path(out, "the folder of a causal encoder to make")
    path, data = store.opened(data, "the data of a causal encoder")
    train_, held_out = _labelled(data)
    description = _description(recipe, path, data.variables, (train_, held_out))
    if not (folder / FINISHED).exists():
        require_devices(recipe)
    with owned(folder):
        run_folder.open_folder(folder, description, resume=resume)
        if not (folder / FINISHED).exists():
            _train(recipe, (train_, held_out), description, folder, FitOptions(recipe.seed, resume, progress, METHOD))
    return load_causal_encoder(folder)


def _labelled(data: Dataset) -> tuple[Recording, Recording]:
    """The training split, and as held-out data ``val_indep`` if it exists, otherwise ``val``."""
    held_out = data.recording("val_indep" if "val_indep" in data else "val")
    recordings = data.recording("train"), held_out
    for recording in recordings:
        what, todo = "the data of a causal encoder", "a causal encoder is trained on frames with known factors"
        checks.require(recording.factors is not None, what, "frames with factors", "no factors", todo)
        is_frames = recording.observations.dtype == np.uint8
        checks.require(is_frames, what, "frames", f"vectors of {recording.observations.shape[1:]}")
    return recordings


def _description(
    recipe: CausalEncoderRecipe, path: Path | None, variables: VariableSpace, recordings: tuple[Recording, Recording]
) -> dict[str, Any]:
    digest = hashlib.sha256(data_hash(list(recordings)).encode())
    for recording in recordings:
        digest.update(np.ascontiguousarray(recording.factors).data)
    decisive = {**recipe.to_json(), "training": recipe.training.decisive()}
    return {
        "recipe": recipe.to_json(),
        "data": {
            "path": None if path is None else str(path),
            "hash": digest.hexdigest(),
            "shape": list(recordings[0].observations.shape[1:]),
            "variables": variables.to_json(),
        },
        "signature": json.dumps([decisive, digest.hexdigest()], sort_keys=True),
    }


def _train(
    recipe: CausalEncoderRecipe,
    recordings: tuple[Recording, Recording],
    description: Mapping[str, Any],
    folder: Path,
    options: FitOptions,
) -> None:
    model = _fresh(recipe, recordings[0].observations.shape[1:], recordings[0].variables.factors)
    source = LabelledFrames(recordings[0], recipe.batch_size, recipe.seed)
    num = len(recordings[0])
    model.initialise(source.gather(np.linspace(0, num - 1, min(FIRST_LOOK, num)).astype(int)))
    validation = LabelledFrames(recordings[1], recipe.batch_size)
    rows = np.arange(min(HELD_OUT, len(recordings[1])))

    def held_out() -> Iterable[LabelledBatch]:
        return (validation.gather(part) for part in np.array_split(rows, -(-len(rows) // recipe.batch_size)))

    signed = FitOptions(options.seed, options.resume, options.progress, options.name, None, description["signature"])
    result = fit(model, source, held_out, recipe.training, folder / "network", signed)
    save_weights(model, folder / MODEL)
    cost = Cost(result.cpu_seconds, result.wall_seconds, result.peak_memory_mb)
    write_finished(folder, model, recordings[1], cost, {METHOD: asdict(result)})


def write_finished(
    folder: Path, model: CausalEncoder, held_out: Recording | None, cost: Cost, history: Mapping[str, Any]
) -> None:
    """Write finished.json, with the distances on held-out frames if there are any."""
    mean_distances = {} if held_out is None else held_out_distances(model, held_out)
    write_json(folder / FINISHED, {"cost": asdict(cost), "history": dict(history), "distances": mean_distances})


def held_out_distances(model: CausalEncoder, recording: Recording) -> dict[str, float]:
    """Factor -> mean distance between prediction and truth."""
    assert recording.factors is not None
    observations = recording.observations[:HELD_OUT]
    predicted = by_chunks(lambda frames: model.predict(as_input(frames)).numpy(), observations, 512)
    means = distances(model.factors, predicted, recording.factors[: len(predicted)]).mean(axis=0)
    return {factor.name: float(value) for factor, value in zip(model.factors, means)}


def _fresh(recipe: CausalEncoderRecipe, shape: Iterable[int], factors: Iterable[Factor]) -> CausalEncoder:
    height, width, channels = shape
    with torch.random.fork_rng([]):
        torch.manual_seed(recipe.seed)
        return CausalEncoder(FrameShape(channels, height, width), tuple(factors), recipe.network)


def load_causal_encoder(folder: str | Path) -> TrainedCausalEncoder:
    """Load a finished causal encoder: its model, its distances on held-out frames and its cost.

    Raises:
        FileNotFoundError: the folder holds no causal encoder, or an unfinished one.
        ValueError: the folder holds a run of another method.
    """
    folder = checks.path(folder, "the folder of a causal encoder")
    for name in (RUN, FINISHED):
        if not (folder / name).exists():
            todo = "train one with trisect train causal-encoder"
            sentence = checks.sentence(f"the folder {folder}", "a finished causal encoder", f"no {name} in it", todo)
            raise FileNotFoundError(sentence)
    described = run_folder.read(folder / RUN, "recipe", "data")
    finished = run_folder.read(folder / FINISHED, "cost", "distances")
    with reading(folder / RUN, AGAIN):
        kind = dict(described["recipe"]).get("method")
        what, got = f"the run in {folder}", checks.shown(kind)
        checks.require(kind == METHOD, what, "a causal encoder", got, "load it with load_run")
        stored = current_names(described["recipe"])
        recipe: CausalEncoderRecipe = settings_from_json(CausalEncoderRecipe, stored, "the recipe")
        model = _described(recipe, described["data"], folder)
    load_weights(model, folder / MODEL)
    with reading(folder / FINISHED, AGAIN):
        means = read_distances(finished["distances"], folder / FINISHED)
        return TrainedCausalEncoder(folder, model.eval(), means, read_cost(finished["cost"], folder / FINISHED))


def _described(recipe: CausalEncoderRecipe, data: Mapping[str, Any], folder: Path) -> CausalEncoder:
    """The model that run.json describes, if its weights are as many."""
    shape, kinds = read_shape(data["shape"], folder / RUN), kinds_in(folder / MODEL, AGAIN)
    checks.require(len(shape) == 3, f"the data of the causal encoder in {folder}", "frames", f"the shape {shape}")
    factors = VariableSpace.from_json(data["variables"]).factors
    with at_most(num_values(kinds), f"the model in {folder / RUN}", AGAIN):
        return _fresh(recipe, shape, factors)
