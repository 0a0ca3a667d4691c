"""Vectors instead of frames (embeddings, keypoints, sensor readings), converted to rows of float32 (or float64)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.sources import Rows
from trisect.data.precision import Spread, check_numbers, may_lose

logger = logging.getLogger(__name__)

VECTORS, EMBEDDINGS = "vectors", "embeddings"


@dataclass(frozen=True)
class Vectors:
    """Vectors as they come: their rows, and whether these are triplets."""

    source: Rows
    is_triplets: bool = False

    @property
    def what(self) -> str:
        """Name of the vectors in error messages."""
        return self.source.what

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D), for triplets (N, 3, D); any other shape, and values that are not numbers, raise `ValueError`."""
        shape = self.source.shape
        form = "(N, 3, dims)" if self.is_triplets else "(N, dims)"
        fits = len(shape) == 2 + self.is_triplets and 0 not in shape and (not self.is_triplets or shape[1] == 3)
        todo = "flatten or pool each row into one vector"
        checks.require(fits, f"the shape of {self.what}", form, shape, todo)
        dtype = self.source.dtype
        checks.require(dtype.kind in "biuf", self.what, "numbers", dtype)
        return shape


@dataclass(frozen=True)
class VectorRows:
    """How a folder's vectors are stored after conversion.

    Attributes:
        dims: number of entries per vector, D.
        dtype: float32, or float64 where float32 would lose the steps of a dimension.
    """

    dims: int
    dtype: Any = np.float32

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one converted row."""
        return (self.dims,)

    def describe(self) -> dict[str, Any]:
        """What was read, in plain types, for ``meta.json``."""
        return {"vectors": self.dims, "dtype": np.dtype(self.dtype).name}

    def to_frames(self, block: np.ndarray, what: str, first_row: int = 0) -> np.ndarray:
        """Rows of the stored type; raises `ValueError` with the first row that is not finite or too large."""
        return check_numbers(block, what, first_row).astype(self.dtype)


def read_vectors(files: Sequence[Vectors], stacked: int = 1) -> VectorRows:
    """The common length and type of the vectors of a folder; raises `ValueError` if lengths differ.

    Args:
        files: the files of all splits, the training split first.
        stacked: number of vectors of single steps that every row holds.
    """
    first = files[0]
    for file in files[1:]:
        must = f"{first.shape[-1]} numbers long, as {first.what}"
        checks.require(file.shape[-1] == first.shape[-1], f"a row of {file.what}", must, file.shape[-1])
    dims = first.shape[-1]
    must = f"a multiple of the {stacked} steps that it holds (stacked={stacked})"
    checks.require(dims % stacked == 0, f"the length of a row of {first.what}", must, dims)
    lost = _lost_columns(files)
    if not lost:
        return VectorRows(dims)
    message = "%s: float32 would lose the steps of column %s, so all are kept as float64"
    logger.warning(message, first.what, checks.listed(lost, 60))
    return VectorRows(dims, np.float64)


def _lost_columns(files: Sequence[Vectors]) -> list[int]:
    """Columns that float32 would lose; reads the rows only if their type can hold more."""
    spread: Spread | None = None
    for file in files:
        row = 0
        for block in file.source.blocks() if may_lose(file.source.dtype) else ():
            rows = check_numbers(block, file.what, row).reshape(-1, file.shape[-1])
            spread, row = Spread.of(rows) if spread is None else spread.joined(Spread.of(rows)), row + len(block)
    return [] if spread is None else spread.lost
