"""Reading ``.npz`` archives row by row: arrays are decompressed while they are read, and never unpickled."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from trisect import checks

BLOCK_BYTES = 1 << 23


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
        try:
            with zipfile.ZipFile(path) as archive:
                self.stored = tuple(name[:-4] for name in archive.namelist() if name.endswith(".npy"))
        except zipfile.BadZipFile as error:
            message = checks.sentence(f"the file '{path}'", "an .npz archive", str(error), "copy it again")
            raise ValueError(message) from error

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
            f"{', '.join(self.stored)}; missing {', '.join(missing)}",
            f"save them under these names, or map the names with names={{{mapping}}}{reasons}",
        )

    def read_names(self, key: str) -> tuple[str, ...]:
        """Read an array of texts (N,).

        Raises:
            ValueError: another shape, or not texts.
        """
        names, what = self.read(key), f"the array '{self._names[key]}' of '{self.path.name}'"
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
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{self._names[key]}.npy") as member:
            return self._read_header(member, key)

    def _read_header(self, member: IO[bytes], key: str) -> tuple[tuple[int, ...], np.dtype, bool]:
        what = f"the array '{self._names[key]}' of '{self.path.name}'"
        try:
            version = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, dtype = read(member)
        except ValueError as error:
            raise ValueError(checks.sentence(what, "a .npy array", str(error), "copy the file again")) from error
        checks.require(not dtype.hasobject, what, "numbers or text", "pickled objects", "save it as a plain array")
        return tuple(shape), dtype, bool(fortran_order) and len(shape) > 1

    def read(self, key: str) -> np.ndarray:
        """Read a whole array; for small arrays."""
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{self._names[key]}.npy") as member:
            shape, dtype, fortran_order = self._read_header(member, key)
            data = self._exactly(member, dtype.itemsize * math.prod(shape), key)
        return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")

    def rows(self, key: str) -> Iterator[np.ndarray]:
        """Read an array in blocks of rows of about 8 MB, first to last.

        Raises:
            ValueError: the file ends early or is damaged.
        """
        with zipfile.ZipFile(self.path) as archive, archive.open(f"{self._names[key]}.npy") as member:
            shape, dtype, fortran_order = self._read_header(member, key)
            what = f"the array '{self._names[key]}' of '{self.path.name}'"
            checks.require(not fortran_order, what, "in C order", "Fortran order", "save np.ascontiguousarray(array)")
            row_bytes = max(1, dtype.itemsize * math.prod(shape[1:]))
            step = max(1, BLOCK_BYTES // row_bytes)
            for first in range(0, shape[0], step):
                num = min(step, shape[0] - first)
                yield np.frombuffer(self._exactly(member, num * row_bytes, key), dtype).reshape(num, *shape[1:])

    def _exactly(self, member: IO[bytes], num_bytes: int, key: str) -> bytes:
        what, todo = f"the array '{self._names[key]}' of '{self.path.name}'", "copy the file again"
        try:
            data = member.read(num_bytes)
        except (zipfile.BadZipFile, zipfile.zlib.error, EOFError) as error:  # type: ignore[attr-defined]
            raise ValueError(checks.sentence(what, "undamaged", str(error), todo)) from error
        checks.require(len(data) == num_bytes, what, "complete", "fewer bytes than its shape needs", todo)
        return data
