"""Reduced latents in a run: of vectors and of a user's encoder, where they are many or redundant."""

from __future__ import annotations

from dataclasses import replace

from trisect.data.recording import Recording
from trisect.models.reduction import Reduction, ReductionSettings, fit_reduction
from trisect.models.representation import Representation

Latents = tuple[Recording, Recording]


def reduced(
    representation: Representation, latents: Latents, settings: ReductionSettings, num_variables: int
) -> tuple[Representation, Latents]:
    """A representation and its latents of the training and validation frames, projected where need be.

    Args:
        representation: of vectors.
        latents: what it gives; the projection is fitted on the first.
        settings: of the reduction.
        num_variables: targeted variables; no fewer latents are kept.
    """
    projection = fit_reduction(latents[0].observations, settings, num_variables)
    if projection is None:
        return representation, latents
    train, val = (replace(part, observations=projection(part.observations)) for part in latents)
    return Reduction(representation, projection), (train, val)
