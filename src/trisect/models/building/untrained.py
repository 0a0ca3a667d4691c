"""Models as they were made, for weights to be loaded into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect.models.building import reductions
from trisect.models.building.settings import ModelSettings
from trisect.models.building.staged import model_for, representation_for
from trisect.models.building.variational import variational_model_for
from trisect.models.identification import blank_identification
from trisect.models.representation import Representation
from trisect.models.slot_model import SlotModel

COUNTS = ("num_partings", "num_curves")
"""How many changes of each kind the closed form made."""
MAKE = (*COUNTS, reductions.KEY)
"""What must be known besides the settings, the shape and the variables."""


def untrained_model(
    settings: ModelSettings,
    shape: tuple[int, ...],
    targeted: tuple[str, ...],
    make: Mapping[str, Any],
    file: Path,
    representation: Representation | None = None,
) -> SlotModel[Any]:
    """A model of the same make as a trained one.

    Args:
        settings: of the model.
        shape: of an observation at rest: (height, width, channels) or (D,).
        targeted: names of the targeted variables.
        make: what `MAKE` names, where there is any.
        file: where ``make`` was read, for messages.
        representation: a user's own; by default the one of the settings.

    Raises:
        ValueError: the parts do not fit together.
    """
    if settings.method == "citris-vae":
        return variational_model_for(settings, shape, targeted)
    if representation is None:
        representation = representation_for(settings, shape, len(targeted))
    representation = reductions.restored(representation, make, file)
    sizes = (make.get(name, 0) for name in COUNTS)
    start = blank_identification(representation.num_latents, len(targeted), *sizes)
    return model_for(settings, representation, targeted, start)
