"""The last stage of a method on frozen latents: the autoencoder's decoder learns to draw what the slots say."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from trisect.methods.method import TrainingData
from trisect.models.causal_model import CausalModel
from trisect.models.drawing import ALWAYS, NEVER, Drawing, DrawingSettings
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.representation import FrameRepresentation, Representation
from trisect.models.representations.slot_reduction import SlotReduction
from trisect.training.settings import TrainingSettings
from trisect.training.stage import Stage, StageContext, train_stage

DRAWING = "drawing"
"""Name of the stage."""


def refine_decoder(
    model: CausalModel,
    settings: tuple[DrawingSettings, TrainingSettings],
    batch_size: int,
    data: TrainingData,
    context: StageContext,
) -> dict[str, Any]:
    """Train the decoder of a finished model further, in place, if the settings want it for this model.

    Args:
        model: a model on the latents of an autoencoder, or on others, whose decoder is left alone.
        settings: what is trained, and how.
        batch_size: windows per batch.
        data: the training data.
        context: facts about the run.

    Returns:
        Name of the stage -> record of its training; empty if there was none.
    """
    what, training = settings
    representation = model.representation
    autoencoder = _autoencoder(representation)
    is_wanted = what.refined == ALWAYS or isinstance(representation, SlotReduction)
    if autoencoder is None or what.refined == NEVER or not is_wanted:
        return {}
    if autoencoder.settings.networks == "profile":
        training = replace(training, precision="32")  # mixed precision is no faster for these
    columns = model.slot_columns()
    slots = [columns[name] for name in model.variables]
    module = Drawing(autoencoder, representation, model.flow, slots, what)
    stage = Stage(DRAWING, "reconstruction", batch_size, training)
    result = train_stage(stage, module, data.recordings, data.targeted, context)
    representation.requires_grad_(False)
    return {DRAWING: asdict(result)}


def _autoencoder(representation: Representation) -> Autoencoder | None:
    """The autoencoder in a representation of frames; None if there is none."""
    inner = representation.inner if isinstance(representation, SlotReduction) else representation
    return inner.autoencoder if isinstance(inner, FrameRepresentation) else None
