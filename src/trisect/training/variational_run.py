"""Runs of the variational methods: one stage, straight on the observations."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from trisect.data.recording import Recording
from trisect.models.building.variational import variational_model_for
from trisect.models.variational_model import VariationalModel
from trisect.training import stages
from trisect.training.recipe import Recipe
from trisect.training.stages import StageContext

STAGE = "vae"


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
