"""Models of the methods in stages: an autoencoder or whatever gives the latents, then what the closed form found."""

from __future__ import annotations

import numpy as np
import torch

from trisect.models.assignment import Assignment
from trisect.models.autoencoder import Autoencoder
from trisect.models.building.priors import prior_for
from trisect.models.building.settings import ModelSettings
from trisect.models.causal_model import CausalModel, Parts
from trisect.models.closed_form import whiten
from trisect.models.couplings import identification_flow
from trisect.models.flows import Chain, linear_flow, polishing_flow, published_flow
from trisect.models.identification import Identification
from trisect.models.images import FrameShape
from trisect.models.layers import row_major
from trisect.models.representation import FrameRepresentation, Representation, VectorRepresentation
from trisect.models.target_classifier import TargetClassifier


def autoencoder_for(settings: ModelSettings, shape: tuple[int, ...], num_variables: int) -> Autoencoder:
    """A fresh autoencoder for frames of shape (height, width, channels)."""
    height, width, channels = shape
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed)
        return Autoencoder(FrameShape(channels, height, width), num_variables, settings.autoencoder)


def representation_for(settings: ModelSettings, shape: tuple[int, ...], num_variables: int) -> Representation:
    """A fresh representation of observations of this shape: an autoencoder for frames, or plain vectors."""
    if len(shape) == 3:
        return FrameRepresentation(autoencoder_for(settings, shape, num_variables))
    return VectorRepresentation(shape[0])


def model_for(
    settings: ModelSettings,
    representation: Representation,
    variables: tuple[str, ...],
    start: Identification,
    latents: np.ndarray | None = None,
) -> CausalModel:
    """A fresh model around a representation.

    Args:
        settings: of the model.
        representation: trained, or about to be loaded.
        variables: names of the targeted variables.
        start: the closed form's result, or a blank one with as many partings for a model whose weights are loaded.
        latents: (frames, L) of the training recording, for the scale of the noise; None if weights are loaded.
    """
    num_latents, num_variables = representation.num_latents, len(variables)
    with torch.random.fork_rng([]):
        torch.manual_seed(settings.seed + 1)
        assignment = Assignment(num_latents, num_variables)
        parts = Parts(
            representation,
            _flow(settings, num_latents, start, latents),
            assignment,
            prior_for(settings.prior, num_latents, num_variables),
            TargetClassifier(num_latents, num_variables, settings.classifier),
        )
    if _holds_start(settings):
        assignment.hold(start.slots.tolist())
    model = CausalModel(parts, variables, settings.objectives)
    model.prior_trained = settings.method != "closed-form"
    if latents is not None:
        model.deviation.copy_(torch.from_numpy(latents.std(axis=0)))
    return model


def _holds_start(settings: ModelSettings) -> bool:
    return settings.method == "closed-form" or settings.flow.start == "closed-form"


def _flow(settings: ModelSettings, num_latents: int, start: Identification, latents: np.ndarray | None) -> Chain:
    """A flow which begins as the closed form or, with a random start, as whitening."""
    flow = settings.flow
    if _holds_start(settings):
        first = identification_flow(start)
        if settings.method == "closed-form":
            return first
        return polishing_flow(first, flow.num_blocks, flow.hidden_per_variable, flow.num_bumps)
    mean, matrix = np.zeros(num_latents), np.eye(num_latents)
    if latents is not None:
        mean, matrix = whiten(latents.astype(np.float64))
    first = linear_flow(row_major(mean), row_major(matrix))
    generator = torch.Generator().manual_seed(settings.seed)
    random = published_flow(num_latents, flow.num_blocks, flow.hidden_per_variable, generator)
    return Chain([*first.flows, *random.flows])
