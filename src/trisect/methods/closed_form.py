"""Closed form: an autoencoder, then the directions of its latents that interventions move, without further training.

1. An intervention-aware autoencoder (`trisect.models.representations.autoencoder`) gives latents in which the variables
   are nearly linear. Vectors and a user's encoder are taken as they are.
2. The residual contrast (`trisect.models.closed_form.identify`) solves Cov(r | I_i = 1) v = lambda Cov(r | I_i = 0) v
   for each variable i, with r what the past leaves of the next latents. Its leading directions are the slot of i.

The model swaps variables between frames. It has no transition prior, so it neither samples interventions nor rolls out.

Source: ours; the assumptions are those of CITRIS (Lippe et al., ICML 2022) in a linear code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trisect.methods.frozen_latents import (
    FrozenLatentsRecipe,
    PartSettings,
    blank_start,
    fresh_model,
    start_of,
    take_deviation,
)
from trisect.methods.method import Blueprint, Method, Trained, TrainingData
from trisect.models.causal_model import CausalModel
from trisect.models.closed_form.as_flow import identification_flow
from trisect.models.closed_form.identification import Identification
from trisect.models.representations.autoencoder import AutoencoderSettings
from trisect.models.representations.reduction import ReductionSettings
from trisect.models.representations.representation import Representation
from trisect.training.stage import StageContext


@dataclass(frozen=True)
class ClosedFormRecipe(FrozenLatentsRecipe):
    """Everything that decides a run of the closed form, see `trisect.methods.frozen_latents.FrozenLatentsRecipe`."""

    method = "closed-form"


def closed_form(num_latents: int | None = None, seed: int = 0) -> ClosedFormRecipe:
    """Closed form: the autoencoder and the residual contrast, without a flow.

    Args:
        num_latents: latents of the autoencoder, by default 8; of vectors and of a user's encoder the most that are
            kept, by default as `trisect.models.representations.reduction.ReductionSettings` says.
        seed: of all randomness.
    """
    recipe = ClosedFormRecipe(seed=seed, reduction=ReductionSettings(num_latents))
    return recipe if num_latents is None else replace(recipe, autoencoder=AutoencoderSettings(num_latents=num_latents))


def build(recipe: ClosedFormRecipe, blueprint: Blueprint) -> CausalModel:
    """A model of these sizes, for weights to be loaded into."""
    return _model(recipe, *blank_start(recipe, blueprint), blueprint.targeted)


def _model(
    recipe: ClosedFormRecipe, representation: Representation, found: Identification, variables: tuple[str, ...]
) -> CausalModel:
    """The identification as a model; its prior and classifier are there, but nothing trains them."""
    model = fresh_model(recipe.seed, representation, variables, lambda: identification_flow(found), PartSettings())
    model.freeze_assignment(found.slots.tolist())
    model.prior_trained = False
    return model


def train(recipe: ClosedFormRecipe, data: TrainingData, context: StageContext) -> Trained:
    """Train the autoencoder and identify the variables in its latents."""
    start = start_of(recipe, data, context)
    model = _model(recipe, start.representation, start.identification, data.targeted)
    take_deviation(model, start.train.observations)
    return Trained(model, start.history, start.make)


METHOD = Method(ClosedFormRecipe, {"closed-form": closed_form}, build, train, trains_autoencoder=True)
