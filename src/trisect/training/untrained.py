"""Models as they were made, for weights to be loaded into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect.models.identification import blank_identification
from trisect.models.representation import Representation
from trisect.models.slot_model import SlotModel
from trisect.training import reducing
from trisect.training.building import model_for, representation_for
from trisect.training.recipe import Recipe
from trisect.training.variational_run import variational_model_for

COUNTS = ("num_partings", "num_curves")
"""How many changes of each kind the closed form made."""
MAKE = (*COUNTS, reducing.KEY)
"""What must be known besides the recipe, the shape and the variables."""


def untrained_model(
    recipe: Recipe,
    shape: tuple[int, ...],
    targeted: tuple[str, ...],
    make: Mapping[str, Any],
    file: Path,
    representation: Representation | None = None,
) -> SlotModel[Any]:
    """A model of the same make as a trained one.

    Args:
        recipe: of the run.
        shape: of an observation at rest: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        make: what `MAKE` names, where there is any.
        file: where ``make`` was read, for messages.
        representation: a user's own; by default the recipe's.

    Raises:
        ValueError: the parts do not fit together.
    """
    if recipe.method == "citris-vae":
        return variational_model_for(recipe, shape, targeted)
    if representation is None:
        representation = representation_for(recipe, shape, len(targeted))
    representation = reducing.restored(representation, make, file)
    sizes = (make.get(name, 0) for name in COUNTS)
    start = blank_identification(representation.num_latents, len(targeted), *sizes)
    return model_for(recipe, representation, targeted, start)
