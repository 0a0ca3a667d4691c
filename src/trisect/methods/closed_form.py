"""Closed form: an autoencoder, then the directions of its latents that interventions move, without further training.

1. An intervention-aware autoencoder (`trisect.models.representations.autoencoder`) gives latents in which the variables
   are nearly linear. Vectors and external encoders are used without training.
2. The identification (`trisect.models.closed_form.identify`) takes the residual r of the next latents given the current
   ones. For each variable i, it finds the directions along which an intervention on i changes the distribution of r
   most: its spread, its mean, or how its mean depends on the state. They are the slot of i.
3. A statement per variable says how certain they are (`trisect.models.closed_form.evidence`): found, cannot tell, or
   not there.

The model can swap variables between frames. It has no trained transition prior, so it can neither sample interventions
nor roll out.

Source: this library; the assumptions are those of CITRIS (Lippe et al., ICML 2022) with linear latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.methods.building import PartSettings, fresh_model
from trisect.methods.drawing import refine_decoder
from trisect.methods.frozen_latents import (
    FrozenLatentsRecipe,
    blank_parts,
    encoded,
    make_of,
    with_latents,
)
from trisect.methods.identifying import identified
from trisect.methods.method import Blueprint, Method, Trained, TrainingData
from trisect.models.causal_model import CausalModel
from trisect.models.closed_form.as_flow import identification_flow
from trisect.models.closed_form.identification import Identification
from trisect.models.flows.flow import Chain
from trisect.models.representations.representation import Representation
from trisect.training.stage import StageContext


@dataclass(frozen=True)
class ClosedFormRecipe(FrozenLatentsRecipe):
    """All settings of a run of the closed form, see `trisect.methods.frozen_latents.FrozenLatentsRecipe`."""

    method = "closed-form"


def closed_form(num_latents: int | None = None, *, seed: int = 0) -> ClosedFormRecipe:
    """Closed form: the autoencoder and the directions that interventions move, without a flow.

    Args:
        num_latents: number of latents of the autoencoder; by default it follows from the number of variables, at least
            16 (`trisect.models.shapes.default_num_latents`). For vectors and external encoders: the largest number of
            principal components to keep; for its default see
            `trisect.models.representations.reduction.ReductionSettings`.
        seed: seed of all randomness.
    """
    return with_latents(ClosedFormRecipe(seed=seed), num_latents)


def build(recipe: ClosedFormRecipe, blueprint: Blueprint) -> CausalModel:
    """A model of the blueprint's sizes, to load weights into."""
    return model_around(recipe, *blank_parts(recipe, blueprint), blueprint.targeted)


def model_around(
    recipe: FrozenLatentsRecipe,
    representation: Representation,
    identification: Identification,
    variables: tuple[str, ...],
    latents: np.ndarray | None = None,
) -> CausalModel:
    """The identification as a model; its prior and classifier are never trained. Arguments as in CITRIS-NF."""

    def flow() -> Chain:
        return identification_flow(identification)

    model = fresh_model(recipe.seed, representation, variables, flow, PartSettings(), latents)
    model.freeze_assignment(identification.slots.tolist())
    model.prior_trained = False
    return model


def train(recipe: ClosedFormRecipe, data: TrainingData, context: StageContext) -> Trained:
    """Train the autoencoder and identify the variables in its latents."""
    start = encoded(recipe, data, context)
    identification = identified(start.train, data.targeted, recipe.closed_form, context, start.to_check)
    latents = start.train.observations
    model = model_around(recipe, start.representation, identification, data.targeted, latents)
    drawn = refine_decoder(model, (recipe.drawing, recipe.drawing_training), recipe.batch_size, data, context)
    return Trained(model, {**start.history, **drawn}, make_of(recipe, start.representation, identification))


METHOD = Method(
    ClosedFormRecipe,
    {"closed-form": closed_form},
    build,
    train,
    takes_encoder=True,
    equal_baselines=("closed form",),
)
