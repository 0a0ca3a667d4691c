"""Episodes in files of their own, as numpy saves them: ``.npz`` archives, or folders of ``.npy`` arrays.

A folder of ``.npz`` files, of which each is an episode; a folder of ``.npy`` arrays; or a folder of such folders. The
arrays of ``.npy`` files are read piece by piece, so that their size does not matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from trisect import array_headers
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.logs.log import Found
from trisect.data.convert.logs.pictures import natural
from trisect.data.convert.logs.trees import Arrays, found_in
from trisect.data.convert.npz import NpzReader
from trisect.data.convert.options import Options
from trisect.files import reading

Held: TypeAlias = dict[tuple[Path, str], np.ndarray]
"""File and name of the array that is in memory -> its values; one entry at most."""


def is_numpy_folder(folder: Path) -> bool:
    """Whether a folder holds arrays of numpy, or folders of them."""
    return folder.is_dir() and bool(_files(folder, ".npz") or _folders(folder))


def _files(folder: Path, ending: str) -> list[Path]:
    return sorted(folder.glob(f"*{ending}"), key=lambda path: natural(Path(path.name)))


def _folders(folder: Path) -> list[Path]:
    """The folders of which each is an episode: this one if it holds ``.npy`` arrays, else those in it with arrays."""
    if _files(folder, ".npy"):
        return [folder]
    found = {path.parent for ending in (".npy", ".npz") for path in folder.glob(f"*/*{ending}")}
    return sorted(found, key=lambda path: natural(Path(path.name)))


def read_numpy_folder(folder: Path, options: Options) -> Found:
    """The episodes of a folder; arguments and errors as of `trisect.data.convert.logs.beside_tables.read_tables`."""
    held: Held = {}
    files = _files(folder, ".npz") if not _files(folder, ".npy") else []
    if files:
        groups = [(each.stem, f"'{each}'", _archived(each, held)) for each in files]
        return found_in("episodes in .npz files", groups, options, _alignment(groups[0][2]))
    groups = [(each.name, f"'{each}'", _in_folder(each, held)) for each in _folders(folder)]
    return found_in("numpy arrays", groups, options, _alignment(groups[0][2]))


def _alignment(arrays: Arrays) -> Alignment | None:
    """What a row means: sequences that name their ``causal_keys`` are of BISCUIT, where row t led to frame t."""
    return "effect" if "causal_keys" in arrays else None


def _archived(file: Path, held: Held) -> dict[str, Any]:
    reader = NpzReader(file)
    return {key: StoredArray(reader, key, held) for key in reader.keys}


def _in_folder(folder: Path, held: Held) -> dict[str, Any]:
    """The arrays of all files of a folder; that of an archive of one is called after its file."""
    arrays: dict[str, Any] = {path.stem: _opened(path) for path in _files(folder, ".npy")}
    for file in _files(folder, ".npz"):
        stored = _archived(file, held)
        single = len(stored) == 1
        arrays |= {file.stem if single else f"{file.stem}/{key}": array for key, array in stored.items()}
    return arrays


def _opened(path: Path) -> np.ndarray | FileArray:
    """An array on disk, which is read piece by piece; one that is stored by columns is mapped."""
    with reading(path, "copy it again"):
        array_headers.check_file(path)
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return FileArray(path, mapped) if mapped.flags.c_contiguous and mapped.ndim else mapped


class FileArray:
    """An ``.npy`` file of which slices are read, so that no more than these are in memory.

    Args:
        path: the file.
        mapped: its array, memory-mapped.
    """

    def __init__(self, path: Path, mapped: np.memmap):
        self.path, self.shape, self.dtype = path, mapped.shape, mapped.dtype
        self._begin = int(mapped.offset)

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, stop, _ = rows.indices(self.shape[0])
        size = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        with self.path.open("rb") as file:
            file.seek(self._begin + first * size)
            data = file.read((stop - first) * size)
        return np.frombuffer(data, self.dtype).reshape(stop - first, *self.shape[1:])


class StoredArray:
    """An array of an ``.npz`` file, which is read whole when a slice is asked for.

    Args:
        reader: the file.
        key: its name.
        held: the array that was read last, which stays in memory; shared by all arrays, so that one does.
    """

    def __init__(self, reader: NpzReader, key: str, held: Held):
        self.reader, self.key, self._held = reader, key, held
        self.shape, self.dtype = reader.shape(key), reader.dtype(key)

    def __getitem__(self, rows: slice) -> np.ndarray:
        place = (self.reader.path, self.key)
        if place not in self._held:
            self._held.clear()
            self._held[place] = self.reader.read(self.key)
        return self._held[place][rows]
