"""Which logs a file or a folder holds, recognised by what is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trisect.data.convert.logs import (
    beside_tables,
    films,
    hdf5,
    huggingface,
    lerobot,
    minari,
    numpy_files,
    text_files,
    zarr_stores,
)
from trisect.data.convert.logs.log import Found
from trisect.data.convert.logs.pictures import is_visible
from trisect.data.convert.options import Options


def _is_table_or_film(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() in (*text_files.SUFFIXES, *films.SUFFIXES)
    return bool(text_files.tables_in(path)) and not any(path.glob("*.npz"))


DOORS: tuple[tuple[Callable[[Path], bool], Callable[[Path, Options], Found]], ...] = (
    (lerobot.is_lerobot, lerobot.read_lerobot),
    (minari.is_minari, minari.read_minari),
    (huggingface.is_exported, huggingface.read_exported),
    (zarr_stores.is_zarr, zarr_stores.read_zarr),
    (lambda path: bool(hdf5.hdf5_files(path)), hdf5.read_hdf5),
    (_is_table_or_film, beside_tables.read_tables),
    (numpy_files.is_numpy_folder, numpy_files.read_numpy_folder),
)
"""What recognises a family of formats, and what reads it; the first that fits does."""


DATA = (*text_files.SUFFIXES, *films.SUFFIXES, *hdf5.SUFFIXES, ".npy", ".npz")
"""Endings of files that hold recordings."""
READS: dict[Callable[[Path, Options], Found], tuple[str, ...]] = {
    hdf5.read_hdf5: hdf5.SUFFIXES,
    numpy_files.read_numpy_folder: (".npy", ".npz"),
}
"""Reader of one kind of files -> their endings."""


def unread_files(path: Path, read: Callable[[Path, Options], Found]) -> list[str]:
    """Names of files in a folder that hold recordings of another kind than its reader reads."""
    if path.is_file() or read not in READS:
        return []
    files = (each for each in sorted(path.iterdir()) if is_visible(each, path))
    return [each.name for each in files if each.suffix.lower() in DATA and each.suffix.lower() not in READS[read]]


def reader_of(path: Path) -> Callable[[Path, Options], Found] | None:
    """What reads the logs of a file or folder; None if nothing here does."""
    return next((read for fits, read in DOORS if fits(path)), None)
