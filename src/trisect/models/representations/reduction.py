"""Reduction of many redundant dimensions to a few latents: principal components of unit variance, and back.

With x of mean m and covariance V diag(v) V^T, z = diag(v)^(-1/2) V^T (x - m) on the kept columns of V, the largest
eigenvalues first, and x is restored as m + V diag(v)^(1/2) z: exactly, within the kept subspace (Pearson, 1901).

Vectors that keep all their dimensions are standardised if these are in other units than about 1, so that results do not
depend on units (`trisect.models.representations.projection`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.models.layers import row_major
from trisect.models.representations.projection import (
    Projection,
    centre,
    has_unit_scale,
    moments,
    projection_of,
    required_rank,
    scale_of,
    standardisation,
)
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents

logger = logging.getLogger("trisect")

MOST = 32
"""Largest number of latents unless you ask for more: the closed form works with all products of two latents."""
DROPS_MUCH = 0.9
REDUCTION, SIZES = "reduction", ("dims", "num_latents")
"""Key of the reduction's sizes in finished.json and model.json, and the fields that the entry must have."""


@dataclass(frozen=True)
class ReductionSettings:
    """Settings that decide whether vectors are reduced, and to how many latents.

    Attributes:
        components: largest number of principal components. None: vectors of at most 32 dimensions only lose redundant
            ones; longer vectors are reduced to as many components as hold `explained` of the variance, at most 32.
        explained: share of the variance to keep if `components` is None, in (0, 1].
        standardise: True scales every dimension to unit variance first, always. False does so where all dimensions are
            kept and some are not of about unit scale; where components are dropped, dimensions keep their relative
            size, which is right for embeddings, whose small dimensions are mostly noise, and wrong for dimensions of
            different units.
    """

    components: int | None = None
    explained: float = 0.99
    standardise: bool = False

    def __post_init__(self) -> None:
        if self.components is not None:
            checks.positive_int(self.components, "components of a reduction")
        checks.in_range(self.explained, "explained of a reduction", 0.0, 1.0, open_low=True)

    @property
    def limit(self) -> int:
        """Largest number of latents."""
        return MOST if self.components is None else self.components

    def require_limit(self, at_least: int) -> None:
        """Raise `ValueError` if fewer components may be kept than there are targets."""
        what, must = "the components to keep", f"at least the {at_least} targets"
        checks.require(
            self.limit >= at_least, what, must, self.limit, "raise reduction.components (--reduction.components)"
        )


def fit_reduction(
    vectors: Float[np.ndarray, "samples dims"], settings: ReductionSettings, at_least: int = 1
) -> Projection | None:
    """Fit the projection that the vectors need, or return None if they need none, being few and of about unit scale.

    Args:
        vectors: vectors of training frames, finite; memory-mapped or not.
        settings: see `ReductionSettings`.
        at_least: smallest number of latents: the number of targeted variables.

    Raises:
        ValueError: fewer than ``at_least`` dimensions vary independently, or the settings keep fewer.
    """
    settings.require_limit(at_least)
    mean, covariance = moments(vectors)
    deviation, fits = np.sqrt(np.diagonal(covariance)), len(mean) <= settings.limit
    scale = scale_of(mean, covariance, standardise=settings.standardise or fits)
    values, directions = (array[..., ::-1] for array in np.linalg.eigh(scale[:, None] * covariance * scale))
    rank = required_rank(values, at_least)
    if fits and rank == len(mean):
        needed = settings.standardise or not has_unit_scale(mean, deviation)
        return standardisation(centre(mean, deviation), deviation) if needed else None
    shares = values.clip(0) / values.clip(0).sum()
    num_latents = min(rank, settings.limit)
    if settings.components is None and not fits:
        num_latents = min(num_latents, max(at_least, 1 + int((shares.cumsum() < settings.explained - 1e-12).sum())))
    projection = projection_of(centre(mean, deviation), scale, values[:num_latents], directions[:, :num_latents])
    return _log_explained(replace(projection, explained=float(shares[:num_latents].sum())))


def _log_explained(projection: Projection) -> Projection:
    """Log how much of the variance is kept, as a warning if it is little."""
    level = logging.WARNING if projection.explained < DROPS_MUCH else logging.INFO
    logger.log(level, describe(projection.matrix.shape, projection.explained))
    return projection


def describe(shape: Sequence[int], explained: float) -> str:
    """One sentence on a reduction of ``shape`` (D, L) that keeps a share ``explained`` of the variance."""
    dims, num_latents = shape
    sentence = f"{dims} dimensions reduced to {num_latents} latents, which hold {explained:.1%} of the variance"
    return sentence + ("; keep more with reduction.components" if explained < DROPS_MUCH else "")


class Reduction(Representation):
    """A representation whose latents are projected.

    Args:
        inner: representation whose latents are projected.
        projection: fitted, or blank if weights are loaded later.
    """

    mean: Tensor
    matrix: Tensor
    back: Tensor
    explained: Tensor

    def __init__(self, inner: Representation, projection: Projection):
        super().__init__()
        self.inner, self.num_latents = inner, projection.matrix.shape[1]
        for name in ("mean", "matrix", "back", "explained"):
            self.register_buffer(name, row_major(getattr(projection, name)))

    @property
    def decodes(self) -> bool:
        return self.inner.decodes

    @property
    def takes_double(self) -> bool:
        return self.inner.takes_double

    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        return (self.inner.encode(observations) - self.mean).to(self.matrix) @ self.matrix

    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        return self.inner.decode(latents @ self.back + self.mean)


def blank_projection(dims: int, num_latents: int) -> Projection:
    """A projection of zeros, to load weights into."""
    return Projection(np.zeros(dims), np.zeros((dims, num_latents)), np.zeros((num_latents, dims)), 0.0)


def reduction_sizes(representation: Representation) -> dict[str, Any]:
    """The entry on a reduction in finished.json and model.json; empty if there is none."""
    if not isinstance(representation, Reduction):
        return {}
    dims, num_latents = representation.matrix.shape
    return {REDUCTION: {"dims": dims, "num_latents": num_latents, "explained": float(representation.explained)}}


def with_blank_reduction(representation: Representation, make: Mapping[str, Any], file: Path) -> Representation:
    """The representation with a blank reduction of the sizes in ``make``, to load weights into.

    Args:
        representation: representation of vectors.
        make: content of a finished.json or a model.json.
        file: path of that file, for messages.

    Raises:
        ValueError: the entry on the reduction is incomplete, or does not fit the representation.
    """
    if REDUCTION not in make:
        return representation
    what, must = f"'{REDUCTION}' in {file}", f"an object with {', '.join(SIZES)}"
    stored = make[REDUCTION]
    checks.require(isinstance(stored, dict) and all(name in stored for name in SIZES), what, must, repr(stored))
    dims, num_latents = (checks.positive_int(stored[name], f"'{name}' of {what}") for name in SIZES)
    fits = num_latents <= dims == representation.num_latents
    must = f"of {representation.num_latents} dims and at most as many latents"
    checks.require(fits, what, must, repr(stored))
    return Reduction(representation, blank_projection(dims, num_latents))
