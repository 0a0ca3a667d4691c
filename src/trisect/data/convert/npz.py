"""Reading ``.npz`` archives row by row: arrays are decompressed while they are read, and never unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from trisect import archives, array_headers, checks

BLOCK_BYTES = 1 << 23
LARGEST_NAMES = 1 << 22
"""Largest size of an array of names, in bytes."""


class NpzReader:
    """The arrays of one ``.npz`` file.

    Args:
        path: the file.
        names: our name of an array -> its name in the file, if they differ.

    Attributes:
        stored: names of the arrays in the file, in its order.
        keys: our names of the arrays.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is not a zip archive, or an array in it is not a plain array.
    """

    def __init__(self, path: Path, names: Mapping[str, str] | None = None):
        self.path = path
        if not path.is_file():
            raise FileNotFoundError(checks.sentence("an .npz file", "there", f"no file '{path}'", "check the path"))
        with archives.opened(path, "an .npz archive") as archive:
            self.stored = tuple(name[:-4] for name in archive.namelist() if name.endswith(".npy"))

        renamed = {ours: theirs for ours, theirs in (names or {}).items() if theirs in self.stored}
        self._names = {key: key for key in self.stored if key not in renamed.values()} | renamed
        self.keys = tuple(self._names)

    def require(self, keys: Sequence[str], optional: Sequence[str] = (), why: Mapping[str, str] | None = None) -> None:
        """Raise `ValueError` unless the file has all these arrays; the message lists those it has and those expected.

        Args:
            keys: our names of the required arrays.
            optional: our names of the optional arrays, for the message.
            why: array -> what the message adds if it is missing.
        """
        missing = [key for key in keys if key not in self.keys]
        mapping = ", ".join(f"'{key}': its name in the file" for key in missing)
        reasons = "".join(f"; {text}" for key, text in (why or {}).items() if key in missing)
        checks.require(
            not missing,
            f"the arrays of '{self.path.name}'",
            "named " + ", ".join(keys) + (f" (and, optionally, {', '.join(optional)})" if optional else ""),
            f"{checks.shown(', '.join(self.stored), 200)}; missing {', '.join(missing)}",
            f"save them under these names, or map the names with names={{{mapping}}}{reasons}",
        )

    def read_names(self, key: str) -> tuple[str, ...]:
        """Read an array of texts (N,).

        Raises:
            ValueError: another shape, or not texts.
        """
        names, what = self.read(key, LARGEST_NAMES), f"the array '{self._names[key]}' of '{self.path.name}'"
        must, got = "texts, one per column", f"{names.dtype} of shape {names.shape}"
        checks.require(names.ndim == 1 and names.dtype.kind in "US", what, must, got)
        return tuple(str(name) for name in names.astype(str))

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an array, read from its header."""
        return self._header(key)[0]

    def dtype(self, key: str) -> np.dtype:
        """Data type of an array, read from its header."""
        return self._header(key)[1]

    def is_fortran(self, key: str) -> bool:
        """Whether an array is stored column by column, so that its rows cannot be read one after the other."""
        return self._header(key)[2]

    def _header(self, key: str) -> tuple[tuple[int, ...], np.dtype, bool]:
        with self._opened(key) as array:
            return array.shape, array.dtype, array.fortran_order

    @contextmanager
    def _opened(self, key: str) -> Iterator[_Opened]:
        """An array whose header fits the size of its member, ready to be read."""
        what = f"the array '{checks.shown(self._names[key])}' of '{self.path.name}'"
        with archives.opened(self.path, "an .npz archive") as archive:
            with archives.undamaged(what):
                info = archive.getinfo(f"{self._names[key]}.npy")
                member = archive.open(info)
            with member:
                shape, dtype, fortran_order, length = array_headers.read_header(member, what)
                size = array_headers.size_of(shape, dtype)
                got = f"{info.file_size} bytes where the shape {checks.quoted(shape)} needs {size + length}"
                archives.require(info.file_size == size + length, what, "complete", got)
                yield _Opened(member, what, info.compress_size, shape, dtype, fortran_order)

    def read(self, key: str, most: int | None = None) -> np.ndarray:
        """Read a whole array; for small arrays.

        Args:
            key: our name of the array.
            most: largest number of bytes; None bounds it by what the file spends on the array.

        Raises:
            ValueError: the array is damaged, or far larger than the bytes that the file spends on it.
        """
        with self._opened(key) as array:
            size = array_headers.size_of(array.shape, array.dtype)
            must, todo = f"at most {most} bytes", "check what wrote the file"
            archives.require(most is None or size <= most, array.what, must, size, todo)
            return array.next(array.shape)

    def rows(self, key: str) -> Iterator[np.ndarray]:
        """Read an array in blocks of rows of about 8 MB, first to last.

        Raises:
            ValueError: the file ends early or is damaged, or a row is far larger than the file.
        """
        with self._opened(key) as array:
            got, todo = "Fortran order", "save np.ascontiguousarray(array)"
            checks.require(not array.fortran_order, array.what, "in C order", got, todo)
            row_bytes = max(1, array_headers.size_of(array.shape[1:], array.dtype))
            step = max(1, BLOCK_BYTES // row_bytes)
            for first in range(0, array.shape[0], step):
                yield array.next((min(step, array.shape[0] - first), *array.shape[1:]))


@dataclass(frozen=True)
class _Opened:
    """An array of an archive while it is read.

    Attributes:
        member: the open file, behind the header.
        what: name of the array, for messages.
        stored: bytes of the array in the archive.
        shape, dtype, fortran_order: as in the header.
    """

    member: IO[bytes]
    what: str
    stored: int
    shape: tuple[int, ...]
    dtype: np.dtype
    fortran_order: bool

    def next(self, shape: tuple[int, ...]) -> np.ndarray:
        """The next elements, in this shape."""
        num_bytes = array_headers.size_of(shape, self.dtype)
        archives.check_piece(num_bytes, self.stored, self.what)
        data = archives.read_exactly(self.member, num_bytes, self.what)
        if self.dtype == bool:
            is_bool = np.frombuffer(data, np.uint8).max(initial=0) < 2
            archives.require(bool(is_bool), self.what, "of bytes 0 and 1, as it is bool", "other bytes")
        return np.frombuffer(data, self.dtype).reshape(shape, order="F" if self.fortran_order else "C")
