"""Many redundant dimensions to a few latents: principal components of unit variance, and back.

With x of mean m and covariance V diag(v) V^T, z = diag(v)^(-1/2) V^T (x - m) on the kept columns of V, the largest
eigenvalues first, and x is restored as m + V diag(v)^(1/2) z: exactly, within the kept subspace (Pearson, 1901).
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
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Latents
from trisect.rows import chunks

logger = logging.getLogger("trisect")

MOST = 32
"""Latents kept at most unless a user asks for more: the closed form works with all products of them."""
CONSTANT = 1e-6
"""A dimension is constant if it deviates by less than this fraction of its mean."""
REDUNDANT = 1e-6
"""A direction is redundant if it holds less than this fraction of the largest one's variance."""
DROPS_MUCH = 0.9
REDUCTION, SIZES = "reduction", ("dims", "num_latents")
"""Key of a model's make that says how large its reduction is, and what the entry holds at least."""


@dataclass(frozen=True)
class ReductionSettings:
    """When vectors are reduced, and how far.

    Attributes:
        components: principal components kept at most. None: vectors of at most 32 dimensions lose none but redundant
            ones, longer ones are reduced to as many components as hold `explained` of the variance, at most 32.
        explained: share of the variance to keep where `components` is None, in (0, 1].
        standardise: scale every dimension to unit variance first; right for dimensions of different units, wrong for
            embeddings, whose small dimensions are mostly noise.
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
        """Latents kept at most."""
        return MOST if self.components is None else self.components


@dataclass(frozen=True)
class Projection:
    """An affine map to few latents and back.

    Attributes:
        mean: (D,), subtracted first.
        matrix: (D, L); the latents are (x - mean) @ matrix.
        back: (L, D), with back @ matrix the identity.
        explained: share of the variance that the latents hold, in [0, 1].
    """

    mean: np.ndarray
    matrix: np.ndarray
    back: np.ndarray
    explained: float = 1.0

    def __call__(self, vectors: Float[np.ndarray, "samples dims"]) -> Float[np.ndarray, "samples latents"]:
        """float32 latents, computed by chunks."""
        latents = np.empty((len(vectors), self.matrix.shape[1]), dtype=np.float32)
        for rows in chunks(len(vectors)):
            latents[rows] = (vectors[rows] - self.mean) @ self.matrix
        return latents


def fit_reduction(
    vectors: Float[np.ndarray, "samples dims"], settings: ReductionSettings, at_least: int = 1
) -> Projection | None:
    """The projection that vectors need, or None where they can be taken as they are.

    Args:
        vectors: of training frames, finite; memory-mapped or not.
        settings: see `ReductionSettings`.
        at_least: latents needed, the number of targeted variables.

    Raises:
        ValueError: fewer than ``at_least`` dimensions that differ, or settings that keep fewer.
    """
    what, must, todo = "the components to keep", f"at least the {at_least} targets", "raise reduction.components"
    checks.require(settings.limit >= at_least, what, must, settings.limit, todo)
    mean, covariance = _moments(vectors)
    fits = len(mean) <= settings.limit
    scale = _scale(mean, covariance, standardise=settings.standardise or fits)
    values, directions = (part[..., ::-1] for part in np.linalg.eigh(scale[:, None] * covariance * scale))
    rank = int((values > REDUNDANT * values[0]).sum()) if values[0] > 0 else 0
    what, todo = "the dimensions of the vectors that differ", "add what shows every variable"
    checks.require(rank >= at_least, what, f"at least as many as targets, {at_least}", rank, todo)
    if fits and rank == len(mean):
        return None
    shares = values.clip(0) / values.clip(0).sum()
    kept = min(rank, settings.limit)
    if settings.components is None and not fits:
        kept = min(kept, max(at_least, 1 + int((shares.cumsum() < settings.explained - 1e-12).sum())))
    projection = _projection(mean, scale, values[:kept], directions[:, :kept])
    return _reported(replace(projection, explained=float(shares[:kept].sum())))


def _scale(mean: np.ndarray, covariance: np.ndarray, *, standardise: bool) -> np.ndarray:
    """What to multiply each dimension by, (D,): 0 for a constant one."""
    deviation = np.sqrt(np.diagonal(covariance))
    varies = deviation > CONSTANT * np.abs(mean)
    return np.where(varies, 1 / np.where(varies, deviation, 1) if standardise else 1.0, 0.0)


def _projection(mean: np.ndarray, scale: np.ndarray, values: np.ndarray, directions: np.ndarray) -> Projection:
    unscale = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0.0)
    matrix = scale[:, None] * directions / np.sqrt(values)
    back = np.sqrt(values)[:, None] * directions.T * unscale
    return Projection(mean, matrix, back)


def _moments(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (D,) and covariance (D, D), float64, by chunks."""
    mean = sum(vectors[rows].sum(axis=0, dtype=np.float64) for rows in chunks(len(vectors))) / len(vectors)
    covariance = np.zeros((vectors.shape[1], vectors.shape[1]))
    for rows in chunks(len(vectors)):
        centred = vectors[rows] - mean
        covariance += centred.T @ centred
    return np.asarray(mean), covariance / len(vectors)


def _reported(projection: Projection) -> Projection:
    """Say how much of the variance is kept, aloud where it is little."""
    level = logging.WARNING if projection.explained < DROPS_MUCH else logging.INFO
    logger.log(level, describe(projection.matrix.shape, projection.explained))
    return projection


def describe(shape: Sequence[int], explained: float) -> str:
    """One sentence on a reduction of ``shape`` (D, L) that keeps a share ``explained`` of the variance."""
    dims, num_latents = shape
    said = f"{dims} dimensions reduced to {num_latents} latents, which hold {explained:.1%} of the variance"
    return said + ("; keep more with reduction.components" if explained < DROPS_MUCH else "")


class Reduction(Representation):
    """A representation whose latents are projected.

    Args:
        inner: gives the vectors to project.
        projection: fitted, or blank where weights are loaded.
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

    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        return (self.inner.encode(observations) - self.mean) @ self.matrix

    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        return self.inner.decode(latents @ self.back + self.mean)


def blank_projection(dims: int, num_latents: int) -> Projection:
    """A projection of zeros, to load weights into."""
    return Projection(np.zeros(dims), np.zeros((dims, num_latents)), np.zeros((num_latents, dims)), 0.0)


def reduction_sizes(representation: Representation) -> dict[str, Any]:
    """What finished.json and model.json say of a reduction; empty where there is none."""
    if not isinstance(representation, Reduction):
        return {}
    dims, num_latents = representation.matrix.shape
    return {REDUCTION: {"dims": dims, "num_latents": num_latents, "explained": float(representation.explained)}}


def with_blank_reduction(representation: Representation, make: Mapping[str, Any], file: Path) -> Representation:
    """The representation with a blank reduction of the sizes in ``make``, for weights to be loaded into.

    Args:
        representation: of vectors.
        make: what a finished.json or a model.json holds.
        file: which one, for messages.

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
    checks.require(fits, what, f"of {representation.num_latents} dims, and no more latents", repr(stored))
    return Reduction(representation, blank_projection(dims, num_latents))
