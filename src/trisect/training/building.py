"""From settings to models: which parts a recipe's model is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from trisect.models.assignment import Assignment
from trisect.models.autoencoder import Autoencoder
from trisect.models.autoregressive_prior import AutoregressivePrior
from trisect.models.causal_model import CausalModel, Parts
from trisect.models.closed_form import whiten
from trisect.models.couplings import identification_flow
from trisect.models.flows import Chain, linear_flow, polishing_flow, published_flow
from trisect.models.identification import Identification
from trisect.models.images import FrameShape
from trisect.models.priors import ImperfectPrior, PerfectPrior, TransitionPrior
from trisect.models.representation import FrameRepresentation, Representation, VectorRepresentation
from trisect.models.target_classifier import TargetClassifier
from trisect.training.recipe import PriorSettings, Recipe

PRIORS: dict[tuple[str, str], Callable[[int, int, int], TransitionPrior]] = {
    ("factorised", "imperfect"): ImperfectPrior,
    ("factorised", "perfect"): PerfectPrior,
    ("autoregressive", "imperfect"): partial(AutoregressivePrior, perfect=False),
    ("autoregressive", "perfect"): partial(AutoregressivePrior, perfect=True),
}
"""Kind and interventions of a prior -> what makes it of L, K and the hidden units per latent."""


def autoencoder_for(recipe: Recipe, shape: tuple[int, ...], num_variables: int) -> Autoencoder:
    """A fresh autoencoder for frames of shape (height, width, channels)."""
    height, width, channels = shape
    with torch.random.fork_rng([]):
        torch.manual_seed(recipe.seed)
        return Autoencoder(FrameShape(channels, height, width), num_variables, recipe.autoencoder)


def representation_for(recipe: Recipe, shape: tuple[int, ...], num_variables: int) -> Representation:
    """A fresh representation of observations of this shape: an autoencoder for frames, or plain vectors."""
    if len(shape) == 3:
        return FrameRepresentation(autoencoder_for(recipe, shape, num_variables))
    return VectorRepresentation(shape[0])


def prior_for(settings: PriorSettings, num_latents: int, num_variables: int) -> TransitionPrior:
    """A fresh transition prior of the settings' kind."""
    return PRIORS[settings.kind, settings.interventions](num_latents, num_variables, settings.hidden)


def model_for(
    recipe: Recipe,
    representation: Representation,
    variables: tuple[str, ...],
    start: Identification,
    latents: np.ndarray | None = None,
) -> CausalModel:
    """A fresh model around a representation.

    Args:
        recipe: of the run.
        representation: trained, or about to be loaded.
        variables: names of the targeted variables.
        start: the closed form's result, or a blank one with as many partings for a model whose weights are loaded.
        latents: (frames, L) of the training recording, for the scale of the noise; None if weights are loaded.
    """
    num_latents, num_variables = representation.num_latents, len(variables)
    with torch.random.fork_rng([]):
        torch.manual_seed(recipe.seed + 1)
        assignment = Assignment(num_latents, num_variables)
        parts = Parts(
            representation,
            _flow(recipe, num_latents, start, latents),
            assignment,
            prior_for(recipe.prior, num_latents, num_variables),
            TargetClassifier(num_latents, num_variables, recipe.classifier),
        )
    if _holds_start(recipe):
        assignment.hold(start.slots.tolist())
    model = CausalModel(parts, variables, recipe.objectives)
    model.prior_trained = recipe.method != "closed-form"
    if latents is not None:
        model.deviation.copy_(torch.from_numpy(latents.std(axis=0)))
    return model


def _holds_start(recipe: Recipe) -> bool:
    return recipe.method == "closed-form" or recipe.flow.start == "closed-form"


def _flow(recipe: Recipe, num_latents: int, start: Identification, latents: np.ndarray | None) -> Chain:
    """The flow of a recipe, which begins as the closed form or, with a random start, as whitening."""
    settings = recipe.flow
    if _holds_start(recipe):
        first = identification_flow(start)
        if recipe.method == "closed-form":
            return first
        return polishing_flow(first, settings.num_blocks, settings.hidden_per_variable, settings.num_bumps)
    mean, matrix = np.zeros(num_latents), np.eye(num_latents)
    if latents is not None:
        mean, matrix = whiten(latents.astype(np.float64))
    first = linear_flow(torch.from_numpy(mean).float(), torch.from_numpy(matrix).float())
    generator = torch.Generator().manual_seed(recipe.seed)
    random = published_flow(num_latents, settings.num_blocks, settings.hidden_per_variable, generator)
    return Chain([*first.flows, *random.flows])
