"""The stages of a run: autoencoder, latents of all frames, closed form, flow. Each is skipped where it is done.

A stage leaves one file, written beside and renamed, so that a run killed at any moment goes on where it was. Latents
are cached under a hash of the model and of the data: neither a retrained autoencoder nor changed data meet old ones.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from trisect import checks
from trisect.batches import SequenceBatch
from trisect.data.dataset import Dataset
from trisect.data.loader import SequenceLoader
from trisect.data.recording import Recording
from trisect.evaluation.encode import encode
from trisect.models.closed_form import ClosedFormSettings, identify
from trisect.models.identification import Identification
from trisect.models.representation import FrameRepresentation, Representation
from trisect.training.engine import FitOptions, TrainingResult, fit
from trisect.training.settings import TrainingSettings

logger = logging.getLogger("trisect")

FIRST_LOOK = 500
"""Windows from which data-dependent starts are taken."""
HELD_OUT_WINDOWS = 2048
"""Windows that a held-out score is taken from at most, the first ones of the validation split."""
LOADING_BATCH = 128


@dataclass(frozen=True)
class StageContext:
    """What every stage needs to know of its run.

    Attributes:
        folder: of the run.
        seed: of the run.
        signature: the recipe and the data, as one text; checkpoints of another one are refused.
        data_hash: of the training and validation recordings, see `data_hash`.
        resume: go on from checkpoints.
        progress: show progress.
    """

    folder: Path
    seed: int
    signature: str
    data_hash: str
    resume: bool = False
    progress: bool = True


def data_hash(recordings: list[Recording]) -> str:
    """SHA-256 of all observations and targets, in hexadecimal."""
    digest = hashlib.sha256()
    for recording in recordings:
        for array in (recording.observations, recording.targets, recording.starts):
            digest.update(f"{array.shape}{array.dtype}".encode())
            for first in range(0, len(array), 4096):
                digest.update(np.ascontiguousarray(array[first : first + 4096]).data)
    return digest.hexdigest()


def weights_hash(module: nn.Module) -> str:
    """SHA-256 of a module's state, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's state as safetensors; ``path`` appears whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    save_file({name: value.contiguous().clone() for name, value in module.state_dict().items()}, beside)
    beside.chmod(0o644)
    os.replace(beside, path)


def load_weights(module: nn.Module, path: Path) -> None:
    """Read what `save_weights` wrote into a module of the same make; ValueError for another one."""
    try:
        module.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(checks.sentence(f"the weights {path}", "there", "no such file")) from error
    except (RuntimeError, KeyError, SafetensorError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise ValueError(checks.sentence(f"the weights in {path}", "those of this recipe's model", first)) from error


def train_stage(
    module: nn.Module,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    batch_size: int,
    settings: TrainingSettings,
    context: StageContext,
    *,
    name: str,
    held_out_term: str,
) -> TrainingResult:
    """Train a module on windows of a recording and select it on the first windows of another one.

    Args:
        module: trainable, see `trisect.training.fit`.
        recordings: training and validation recording.
        targeted: names of the target columns.
        batch_size: windows per batch.
        settings: how long and how fast.
        context: of the run.
        name: of the stage, its folder within the run.
        held_out_term: the loss term to select by.
    """
    device = device_of(settings.accelerator)
    held_out_batch = min(LOADING_BATCH, max(1, len(recordings[1].windows(2))))
    source = SequenceLoader(recordings[0], targeted, batch_size, seed=context.seed, device=device)
    held_out = SequenceLoader(recordings[1], targeted, held_out_batch, device=device)
    initialise = getattr(module, "initialise", None)
    if callable(initialise):
        initialise(_first_look(source).to("cpu"))
    return fit(
        module,
        source,
        _first_windows(held_out),
        settings,
        context.folder / name,
        FitOptions(context.seed, context.resume, context.progress, name, held_out_term, context.signature),
    )


def device_of(accelerator: str) -> torch.device:
    """Where batches come to lie: on a GPU if the accelerator's name lets one be used and there is one."""
    return torch.device("cuda" if accelerator in ("auto", "gpu") and torch.cuda.is_available() else "cpu")


def encode_quickly(representation: Representation, observations: np.ndarray) -> np.ndarray:
    """`trisect.evaluation.encode.encode`, of our own autoencoder on a GPU where there is one; it ends on the CPU.

    Args:
        representation: on the CPU.
        observations: (samples, ...), frames uint8 or vectors.

    Returns:
        (samples, L) float32; on a GPU as exact as on a CPU, without the shortened products of convolutions there.
    """
    if not isinstance(representation, FrameRepresentation):
        return encode(representation, observations)
    device = device_of("auto")
    try:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return encode(representation.to(device), observations, device=device)
    finally:
        representation.cpu()


def _first_look(source: SequenceLoader) -> SequenceBatch:
    """A large batch, the same for the same seed, gathered at once."""
    batches = min(-(-FIRST_LOOK // source.batch_size), source.batches_per_epoch)
    return source.gather(np.concatenate([source.indices(k) for k in range(batches)]))


def _first_windows(loader: SequenceLoader) -> Callable[[], Any]:
    def batches() -> Any:
        for number, batch in enumerate(loader.sequential(LOADING_BATCH)):
            if number * LOADING_BATCH >= HELD_OUT_WINDOWS:
                return
            yield batch

    return batches


def latents_of(encoder: Representation, recording: Recording, cache: Path, key: str) -> Recording:
    """The recording with the encoder's latents as observations, from the cache or computed and cached.

    Args:
        encoder: frozen.
        recording: of frames or vectors.
        cache: folder of cached latents.
        key: hash of the encoder's weights and of the data.
    """
    file = cache / f"{key}.npy"
    if file.exists():
        logger.info("latents of %d frames taken from %s", len(recording), file)
        latents = np.load(file)
    else:
        latents = encode_quickly(encoder, recording.observations)
        cache.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.stem}.{os.getpid()}.npy")
        np.save(beside, latents)
        os.replace(beside, file)
    return replace(recording, observations=latents)


def identify_slots(latents: Recording, targeted: tuple[str, ...], settings: ClosedFormSettings) -> Identification:
    """The closed form on all transitions of a recording of latents."""
    before = latents.windows(2)
    columns = [latents.variables.index(name) for name in targeted]
    return identify(
        latents.observations[before],
        latents.observations[before + 1],
        latents.targets[before + 1][:, columns],
        settings,
    )


def held_out_recordings(data: Dataset) -> tuple[Recording, Recording]:
    """Training and validation recording; never the test split in place of a missing one."""
    return data.recording("train"), data.recording("val")
