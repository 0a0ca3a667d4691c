"""Reduced latents in a run: of vectors and of a user's encoder, where they are many or redundant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data.recording import Recording
from trisect.models.reduction import Reduction, ReductionSettings, blank_projection, fit_reduction
from trisect.models.representation import Representation

KEY = "reduction"
SIZES = ("dims", "num_latents")

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


def sizes(representation: Representation) -> dict[str, Any]:
    """What finished.json says of a reduction; nothing where there is none."""
    if not isinstance(representation, Reduction):
        return {}
    dims, num_latents = representation.matrix.shape
    return {KEY: {"dims": dims, "num_latents": num_latents, "explained": float(representation.explained)}}


def restored(representation: Representation, finished: Mapping[str, Any], file: Path) -> Representation:
    """The representation with the reduction that finished.json tells of, before its weights are loaded."""
    if KEY not in finished:
        return representation
    what, must = f"'{KEY}' in {file}", f"an object with {', '.join(SIZES)}"
    stored = finished[KEY]
    checks.require(isinstance(stored, dict) and all(name in stored for name in SIZES), what, must, repr(stored))
    dims, num_latents = (checks.positive_int(stored[name], f"'{name}' of {what}") for name in SIZES)
    fits = num_latents <= dims == representation.num_latents
    checks.require(fits, what, f"of {representation.num_latents} dims, and no more latents", repr(stored))
    return Reduction(representation, blank_projection(dims, num_latents))
