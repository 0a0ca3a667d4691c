"""What must be known of a reduction for a model to be built again, and building it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.models.reduction import Reduction, blank_projection
from trisect.models.representation import Representation

KEY = "reduction"
SIZES = ("dims", "num_latents")


def sizes(representation: Representation) -> dict[str, Any]:
    """What finished.json and model.json say of a reduction; nothing where there is none."""
    if not isinstance(representation, Reduction):
        return {}
    dims, num_latents = representation.matrix.shape
    return {KEY: {"dims": dims, "num_latents": num_latents, "explained": float(representation.explained)}}


def restored(representation: Representation, make: Mapping[str, Any], file: Path) -> Representation:
    """The representation with the reduction that ``make`` tells of, before its weights are loaded.

    Args:
        representation: of vectors.
        make: what a finished.json or a model.json holds.
        file: which one, for messages.

    Raises:
        ValueError: what it says of a reduction is incomplete, or does not fit the representation.
    """
    if KEY not in make:
        return representation
    what, must = f"'{KEY}' in {file}", f"an object with {', '.join(SIZES)}"
    stored = make[KEY]
    checks.require(isinstance(stored, dict) and all(name in stored for name in SIZES), what, must, repr(stored))
    dims, num_latents = (checks.positive_int(stored[name], f"'{name}' of {what}") for name in SIZES)
    fits = num_latents <= dims == representation.num_latents
    checks.require(fits, what, f"of {representation.num_latents} dims, and no more latents", repr(stored))
    return Reduction(representation, blank_projection(dims, num_latents))
