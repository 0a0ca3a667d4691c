"""Vectors instead of frames (embeddings, keypoints, sensor readings), converted to float32 rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from trisect import checks
from trisect.data.convert.npz import NpzReader

VECTORS, EMBEDDINGS = "vectors", "embeddings"


@dataclass(frozen=True)
class StoredVectors:
    """The vectors of one file: its reader, the array's name, and whether its rows are triplets."""

    reader: NpzReader
    key: str
    is_triplets: bool = False

    @property
    def what(self) -> str:
        """Name of the vectors in error messages."""
        return f"the {self.key} of '{self.reader.path.name}'"

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, D), for triplets (N, 3, D); any other shape, and values that are not numbers, raise `ValueError`."""
        shape = self.reader.shape(self.key)
        form = "(N, 3, dims)" if self.is_triplets else "(N, dims)"
        fits = len(shape) == 2 + self.is_triplets and 0 not in shape and (not self.is_triplets or shape[1] == 3)
        todo = "flatten or pool each row into one vector"
        checks.require(fits, f"the shape of {self.what}", form, shape, todo)
        dtype = self.reader.dtype(self.key)
        checks.require(dtype.kind in "biuf", self.what, "numbers", dtype)
        return shape


@dataclass(frozen=True)
class VectorRows:
    """How a folder's vectors are stored after conversion.

    Attributes:
        dims: number of entries per vector, D.
    """

    dims: int
    dtype: ClassVar[Any] = np.float32

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of one converted row."""
        return (self.dims,)

    def describe(self) -> dict[str, Any]:
        """What was read, in plain types, for ``meta.json``."""
        return {"vectors": self.dims}

    def to_frames(self, block: np.ndarray, what: str, first_row: int = 0) -> np.ndarray:
        """Rows as float32; raises `ValueError` with the first row that is not finite."""
        with np.errstate(over="ignore"):
            rows = block.astype(np.float32)
        return checks.finite(rows, what if first_row == 0 else f"{what} (counted from row {first_row})")


def read_vectors(files: Sequence[StoredVectors]) -> VectorRows:
    """The common length of the vectors of a folder; raises `ValueError` if files differ."""
    first = files[0]
    for file in files[1:]:
        must = f"{first.shape[-1]} numbers long, as {first.what}"
        checks.require(file.shape[-1] == first.shape[-1], f"a row of {file.what}", must, file.shape[-1])
    return VectorRows(first.shape[-1])
