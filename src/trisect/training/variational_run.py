"""Runs of the variational methods: one stage, straight on the observations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from trisect import checks
from trisect.data.recording import Recording
from trisect.models.assignment import Assignment
from trisect.models.flows import Chain, published_flow
from trisect.models.image_factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.images import FrameShape
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier
from trisect.models.variational_encoder import VariationalEncoder
from trisect.models.variational_model import VariationalModel, VariationalSettings
from trisect.models.variational_representation import (
    VariationalFrames,
    VariationalRepresentation,
    VariationalVectors,
)
from trisect.models.vector_networks import VectorDecoder, VectorEncoder
from trisect.training import stages
from trisect.training.building import prior_for
from trisect.training.recipe import Recipe
from trisect.training.stages import StageContext

STAGE = "vae"


def variational_model_for(recipe: Recipe, shape: tuple[int, ...], variables: tuple[str, ...]) -> VariationalModel:
    """A fresh variational model.

    Args:
        recipe: of the run.
        shape: of an observation: (height, width, channels) of frames, or (D,) of vectors.
        variables: names of the targeted variables.

    Raises:
        ValueError: fewer latents than targeted variables.
    """
    settings, num_variables = recipe.variational, len(variables)
    num_latents = settings.num_latents
    what, todo = "num_latents of the variational model", "pass variational.num_latents"
    checks.require(num_latents >= num_variables, what, f"at least the {num_variables} variables", num_latents, todo)
    with torch.random.fork_rng([]):
        torch.manual_seed(recipe.seed)
        parts = Parts(
            _representation_for(settings, shape),
            _flow(recipe),
            Assignment(num_latents, num_variables),
            prior_for(recipe.prior, num_latents, num_variables),
            TargetClassifier(num_latents, num_variables, recipe.classifier),
        )
    return VariationalModel(parts, variables, settings)


def train_variational(
    recipe: Recipe,
    recordings: tuple[Recording, Recording],
    targeted: tuple[str, ...],
    context: StageContext,
    history: dict[str, Any],
) -> VariationalModel:
    """Train a variational model on a training recording, and select it on a validation recording."""
    model = variational_model_for(recipe, recordings[0].observations.shape[1:], targeted)
    result = stages.train_stage(
        model,
        recordings,
        targeted,
        recipe.batch_size,
        recipe.variational_training,
        context,
        name=STAGE,
        held_out_term="negative_elbo",
    )
    history[STAGE] = asdict(result)
    return model


def _representation_for(settings: VariationalSettings, shape: tuple[int, ...]) -> VariationalRepresentation:
    num_latents = settings.num_latents
    if len(shape) != 3:
        dim, hidden = shape[0], settings.hidden
        encoder = VariationalEncoder(VectorEncoder(dim, 2 * num_latents, hidden), num_latents)
        return VariationalVectors(dim, encoder, VectorDecoder(dim, num_latents, hidden))
    height, width, channels = shape
    frame, options = FrameShape(channels, height, width), NetworkOptions(rank=settings.rank, num_blocks=1)
    arguments = (frame, num_latents, settings.networks, settings.width)
    variational = encoder_for(*arguments, variational=True, options=options)
    assert isinstance(variational, VariationalEncoder)
    return VariationalFrames(frame, variational, decoder_for(*arguments, options), settings.foreground)


def _flow(recipe: Recipe) -> Chain:
    """The published flow from random rotations, or an empty one."""
    if not recipe.variational.flow_prior:
        return Chain([])
    generator = torch.Generator().manual_seed(recipe.seed)
    settings = recipe.flow
    return published_flow(recipe.variational.num_latents, settings.num_blocks, settings.hidden_per_variable, generator)
