"""Runs in stages: autoencoder (or whatever gives the latents), closed form, flow."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from trisect.data.recording import Recording
from trisect.evaluation.report import write_atomically
from trisect.models.building import reductions
from trisect.models.building.staged import autoencoder_for, model_for, representation_for
from trisect.models.representation import FrameRepresentation, Representation
from trisect.models.slot_model import SlotModel
from trisect.training import reducing, stages
from trisect.training.own_encoder import TriedEncoder
from trisect.training.recipe import Recipe
from trisect.training.run_folder import AUTOENCODER, AUTOENCODER_RECORD
from trisect.training.stages import StageContext


def train_in_stages(
    recipe: Recipe,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    context: StageContext,
    history: dict[str, Any],
    tried: TriedEncoder | None,
) -> tuple[SlotModel[Any], dict[str, Any]]:
    """Train what is not done yet; each stage's record is added to ``history``.

    Returns:
        The model, and what finished.json must say for it to be built again.
    """
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
        batch_size, training = recipe.flow_batch_size, recipe.flow_training
        result = stages.train_stage(
            model, latents, targeted, batch_size, training, context, name="flow", held_out_term="nll"
        )
        history["flow"] = asdict(result)
    sizes = {"num_partings": start.num_partings, "num_curves": len(start.curves)}
    return model, {**sizes, **reductions.sizes(representation)}


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
    weights, record = context.folder / AUTOENCODER, context.folder / AUTOENCODER_RECORD
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
        write_atomically(record, json.dumps(asdict(result)) + "\n")
        stages.save_weights(autoencoder, weights)
    stages.load_weights(autoencoder, weights)
    history["autoencoder"] = json.loads(record.read_text())
    return FrameRepresentation(autoencoder)
