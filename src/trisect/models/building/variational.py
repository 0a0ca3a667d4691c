"""Models of the variational methods: encoder, decoder, flow and prior in one."""

from __future__ import annotations

import torch

from trisect import checks
from trisect.models.assignment import Assignment
from trisect.models.building.priors import prior_for
from trisect.models.building.settings import ModelSettings
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


def variational_model_for(
    settings: ModelSettings, shape: tuple[int, ...], variables: tuple[str, ...]
) -> VariationalModel:
    """A fresh variational model.

    Args:
        settings: of the model.
        shape: of an observation: (height, width, channels) of frames, or (D,) of vectors.
        variables: names of the targeted variables.

    Raises:
        ValueError: fewer latents than targeted variables.
    """
    num_latents, num_variables = settings.variational.num_latents, len(variables)
    what, todo = "num_latents of the variational model", "pass variational.num_latents"
    checks.require(num_latents >= num_variables, what, f"at least the {num_variables} variables", num_latents, todo)
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        parts = Parts(
            _representation_for(settings.variational, shape),
            _flow(settings),
            Assignment(num_latents, num_variables),
            prior_for(settings.prior, num_latents, num_variables),
            TargetClassifier(num_latents, num_variables, settings.classifier),
        )
    return VariationalModel(parts, variables, settings.variational)


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


def _flow(settings: ModelSettings) -> Chain:
    """The published flow from random rotations, or an empty one."""
    if not settings.variational.flow_prior:
        return Chain([])
    generator, flow = torch.Generator().manual_seed(settings.seed), settings.flow
    return published_flow(settings.variational.num_latents, flow.num_blocks, flow.hidden_per_variable, generator)
