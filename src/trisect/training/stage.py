"""One stage of a run: the training of one module on windows of a recording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from trisect.batches import SequenceBatch
from trisect.data.loader import SequenceLoader
from trisect.data.recording import Recording
from trisect.devices import device_of
from trisect.training.engine import FitOptions, TrainingResult, fit
from trisect.training.settings import TrainingSettings

FIRST_LOOK = 500
"""Windows from which a module's data-dependent initial values are computed."""
HELD_OUT_WINDOWS = 2048
"""Largest number of windows in a held-out score; they are the first ones of the validation split."""
LOADING_BATCH = 128


@dataclass(frozen=True)
class StageContext:
    """The facts about a run that every stage needs.

    Attributes:
        folder: run folder.
        seed: seed of the run.
        signature: the recipe and the data as one text; checkpoints of another run are refused.
        data_hash: hash of the training and validation recordings, see `data_hash`.
        resume: continue from checkpoints.
        progress: show progress.
    """

    folder: Path
    seed: int
    signature: str
    data_hash: str
    resume: bool = False
    progress: bool = True


@dataclass(frozen=True)
class Stage:
    """One training within a run.

    Attributes:
        name: name of the stage, and of its folder within the run.
        held_out_term: loss term by which weights are selected; the held-out score is its mean.
        batch_size: windows per batch.
        training: training settings.
    """

    name: str
    held_out_term: str
    batch_size: int
    training: TrainingSettings


def train_stage(
    stage: Stage,
    module: nn.Module,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    context: StageContext,
) -> TrainingResult:
    """Train a module on windows of a recording, and select its weights on the first windows of another recording.

    Args:
        stage: name and settings of the training.
        module: trainable module, see `trisect.training.fit`.
        recordings: training and validation recording.
        targeted: names of the target columns.
        context: facts about the run.
    """
    device = device_of(stage.training.accelerator)
    held_out_batch = min(LOADING_BATCH, max(1, len(recordings[1].windows(2))))
    source = SequenceLoader(recordings[0], targeted, stage.batch_size, seed=context.seed, device=device)
    held_out = SequenceLoader(recordings[1], targeted, held_out_batch, device=device)
    initialise = getattr(module, "initialise", None)
    if callable(initialise):
        initialise(_first_look(source).to("cpu"))
    return fit(
        module,
        source,
        _first_windows(held_out),
        stage.training,
        context.folder / stage.name,
        FitOptions(context.seed, context.resume, context.progress, stage.name, stage.held_out_term, context.signature),
    )


def _first_look(source: SequenceLoader) -> SequenceBatch:
    """A large batch for the initial values; it depends on the seed only."""
    batches = min(-(-FIRST_LOOK // source.batch_size), source.batches_per_epoch)
    return source.gather(np.concatenate([source.indices(k) for k in range(batches)]))


def _first_windows(loader: SequenceLoader) -> Callable[[], Any]:
    def batches() -> Any:
        for number, batch in enumerate(loader.sequential(LOADING_BATCH)):
            if number * LOADING_BATCH >= HELD_OUT_WINDOWS:
                return
            yield batch

    return batches
