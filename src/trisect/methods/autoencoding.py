"""The autoencoder of a run: the settings' own networks, or, where they leave these open, simple ones and then more.

The simple networks take a minute and draw small things that move along the axes. Where they leave out much of what
stands out in held-out frames (`trisect.models.representations.undrawn`), the next ones are trained; the ones that leave
out least are kept. No labels are used. An interrupted run resumes in either training, from its checkpoints.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from trisect import checks
from trisect.data.recording import Recording
from trisect.methods.method import TrainingData
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AUTO, MOST_UNDRAWN, AutoencoderSettings
from trisect.models.representations.undrawn import share_undrawn
from trisect.models.shapes import FrameShape
from trisect.models.weights import load_weights, save_weights
from trisect.rows import spread_rows
from trisect.sealed import read_json, write_json
from trisect.settings import settings_from_json
from trisect.training.progress import say
from trisect.training.settings import TrainingSettings
from trisect.training.stage import Stage, StageContext, train_stage

logger = logging.getLogger("trisect")

AUTOENCODER, AUTOENCODER_RECORD = "autoencoder.safetensors", "autoencoder.json"
"""Weights of the trained autoencoder in a run folder, and the record of its training."""
AUTOENCODER_SETTINGS = "autoencoder"
"""Key of the settings of the autoencoder in a model's make, where the recipe leaves its networks open."""
FEWER_STEPS = 0.6
"""Share of the steps that the second attempt takes; its steps cost more."""
USUAL_FRAMES, DRAWN_FRAMES = 500, 1000
"""Training frames that show the ground, and held-out frames that are drawn, to measure what is left out."""


@dataclass(frozen=True)
class AutoencoderPlan:
    """What is trained.

    Attributes:
        settings: settings of the autoencoder.
        training: settings of the training of the first attempt.
        batch_size: windows per batch.
        seed: seed of the weights.
    """

    settings: AutoencoderSettings
    training: TrainingSettings
    batch_size: int
    seed: int


class TrainedAutoencoder(NamedTuple):
    """A trained autoencoder and the records of the trainings, by stage."""

    autoencoder: Autoencoder
    history: dict[str, Any]


def fresh_autoencoder(
    settings: AutoencoderSettings, shape: tuple[int, ...], num_variables: int, seed: int
) -> Autoencoder:
    """A fresh autoencoder.

    Args:
        settings: its settings.
        shape: (height, width, channels) of the observations.
        num_variables: K, the number of targeted variables.
        seed: seed of the weights.
    """
    height, width, channels = shape
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Autoencoder(FrameShape(channels, height, width), num_variables, settings)


def trained_autoencoder(plan: AutoencoderPlan, data: TrainingData, context: StageContext) -> TrainedAutoencoder:
    """Train an autoencoder, or read it if the run folder holds a finished one."""
    stored = _stored(plan, data, context.folder)
    if stored is not None:
        return stored
    trained = _trained(plan, data, context)
    record = {"settings": asdict(trained.autoencoder.settings), "history": trained.history}
    write_json(context.folder / AUTOENCODER_RECORD, record)
    save_weights(trained.autoencoder, context.folder / AUTOENCODER)
    return _stored(plan, data, context.folder) or trained  # as a resumed run reads it


def settings_in(record: Mapping[str, Any], otherwise: AutoencoderSettings) -> AutoencoderSettings:
    """The settings in the record of a trained autoencoder; ``otherwise`` if an earlier version wrote the record."""
    stored = record.get("settings")
    return otherwise if stored is None else autoencoder_settings(stored, "the settings in the autoencoder's record")


def autoencoder_settings(stored: Any, what: str) -> AutoencoderSettings:
    """Settings from plain types, of a trained autoencoder, so that they leave nothing open.

    Args:
        stored: a field of settings -> its value.
        what: what these are, for messages.

    Raises:
        ValueError: an unknown key, a value out of range, or the networks or the number of latents are left open.
    """
    settings: AutoencoderSettings = settings_from_json(AutoencoderSettings, stored, what)
    known = settings.networks != AUTO and settings.num_latents is not None
    checks.require(known, what, "with networks and num_latents", checks.quoted(stored))
    return settings


def _stored(plan: AutoencoderPlan, data: TrainingData, folder: Path) -> TrainedAutoencoder | None:
    """The finished autoencoder in the run folder.

    None if there is none, or a file of it is damaged; the checkpoints of its training may still be whole.
    """
    if not (folder / AUTOENCODER).exists():
        return None
    try:
        record = read_json(folder / AUTOENCODER_RECORD)
        settings = settings_in(record, plan.settings)
        autoencoder = fresh_autoencoder(settings, data.shape, len(data.targeted), plan.seed)
        load_weights(autoencoder, folder / AUTOENCODER)
    except (ValueError, FileNotFoundError) as error:
        logger.warning("the autoencoder is made again: %s", error)
        return None
    return TrainedAutoencoder(autoencoder, record.get("history") or {"autoencoder": record})


def _trained(plan: AutoencoderPlan, data: TrainingData, context: StageContext) -> TrainedAutoencoder:
    frames = data.train.frames_per_observation
    attempts, history = plan.settings.attempts(data.num_variables, frames), {}
    tried: list[tuple[float, Autoencoder]] = []
    for settings, after in zip(attempts, (*attempts[1:], None)):
        name, training = "autoencoder", plan.training
        if tried:
            name, training = f"autoencoder-{settings.networks}", _of_later(plan.training)
        autoencoder = fresh_autoencoder(settings, data.shape, len(data.targeted), plan.seed)
        stage = Stage(name, "reconstruction", plan.batch_size, training)
        history[name] = asdict(train_stage(stage, autoencoder, data.recordings, data.targeted, context))
        share = _undrawn(autoencoder, data) if len(attempts) > 1 else 0.0
        tried.append((share, autoencoder))
        if len(attempts) > 1:
            say(_left_out(settings, after, share), show=context.progress)
        if share <= MOST_UNDRAWN:
            break
    return TrainedAutoencoder(min(tried, key=lambda each: each[0])[1], history)


def _of_later(training: TrainingSettings) -> TrainingSettings:
    return replace(training, steps=max(1, round(FEWER_STEPS * training.steps)), precision="bf16")


def _left_out(tried: AutoencoderSettings, after: AutoencoderSettings | None, share: float) -> str:
    left = f"the {tried.networks} networks leave out {share:.1%} of what stands out in the frames"
    if after is None or share <= MOST_UNDRAWN:
        return f"autoencoder: {left}"
    return f"autoencoder: {left} (at most {MOST_UNDRAWN:.0%} is wanted); training the {after.networks} networks"


def _undrawn(autoencoder: Autoencoder, data: TrainingData) -> float:
    usual, frames = _some(data.train, USUAL_FRAMES), _some(data.val, DRAWN_FRAMES)
    return share_undrawn(autoencoder, usual, frames)


def _some(recording: Recording, most: int) -> np.ndarray:
    """Frames spread evenly over a recording."""
    return np.asarray(recording.observations[spread_rows(len(recording), most)])
