"""Rows from anywhere: an array in an ``.npz`` file or in memory, read a block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from trisect.data.convert.npz import BLOCK_BYTES, NpzReader
from trisect.rows import chunks_of


@runtime_checkable
class Rows(Protocol):
    """An array whose rows can be read in blocks."""

    @property
    def what(self) -> str:
        """Name of the array in error messages."""

    @property
    def variable(self) -> str:
        """Name by which advice in error messages calls the array, such as ``images``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""

    @property
    def dtype(self) -> np.dtype:
        """Data type of the array."""

    def blocks(self) -> Iterator[np.ndarray]:
        """The rows in blocks of some megabytes, first to last."""


@dataclass(frozen=True)
class StoredRows:
    """An array of an ``.npz`` file.

    Attributes:
        reader: the file.
        key: our name of the array.
        variable: its name in error messages.
    """

    reader: NpzReader
    key: str
    variable: str

    @property
    def what(self) -> str:
        """Name of the array in error messages."""
        return f"the {self.variable} of '{self.reader.path.name}'"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array, read from its header."""
        return self.reader.shape(self.key)

    @property
    def dtype(self) -> np.dtype:
        """Data type of the array, read from its header."""
        return self.reader.dtype(self.key)

    def blocks(self) -> Iterator[np.ndarray]:
        """The rows in blocks of about 8 MB, first to last; an array that is stored by columns is read whole first."""
        if self.reader.is_fortran(self.key):
            return RowsInMemory(self.reader.read(self.key)).blocks()
        return self.reader.rows(self.key)


@dataclass(frozen=True)
class RowsInMemory:
    """An array in memory, or memory-mapped.

    Attributes:
        array: at least one axis.
        variable: its name in error messages.
    """

    array: np.ndarray
    variable: str = "observations"

    @property
    def what(self) -> str:
        """Name of the array in error messages."""
        return f"the {self.variable}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole array."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype:
        """Data type of the array."""
        return self.array.dtype

    def blocks(self) -> Iterator[np.ndarray]:
        """The rows in blocks of about 8 MB, first to last."""
        return (self.array[rows] for rows in chunks_of(self.array, BLOCK_BYTES))
