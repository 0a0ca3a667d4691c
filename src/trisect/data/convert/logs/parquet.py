"""Parquet files: their tables, with lists of numbers in a cell, and pictures inside, as Hugging Face data sets have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.logs.pictures import ArrayPictures, PictureFiles, Size
from trisect.data.convert.logs.table import Table
from trisect.data.resizing import resized
from trisect.requirements import optional


def picture_columns(file: Path) -> list[str]:
    """The columns of a Parquet file that hold pictures: as files, or as bytes in lists of lists of lists."""
    parquet = optional("pyarrow.parquet", "tables", "to read Parquet files")
    return [each.name for each in parquet.read_schema(file) if _is_file(each.type) or _is_listed(each.type)]


def _is_file(kind: Any) -> bool:
    return str(kind).startswith("struct<bytes: binary")


def _is_listed(kind: Any) -> bool:
    """Whether a type of Arrow is that of pictures in lists of rows, of columns and of channels."""
    kind = getattr(kind, "storage_type", kind)
    return re.fullmatch(r"(\w*list<\w+: ){3}uint8( not null)?(>(\[\d+\])?){3}", str(kind)) is not None


def read_parquet(files: Sequence[Path], what: str, names: Mapping[str, Sequence[str]] | None = None) -> Table:
    """The columns of one or several files, one after the other, without pictures.

    Args:
        files: the files; all have the same columns.
        what: name of the table in error messages.
        names: column of lists -> the names of their numbers; by default they are counted from 0.

    Raises:
        ValueError: a file cannot be read, or lists of a column differ in length.
    """
    pandas, pyarrow = (
        optional("pandas", "tables", "to read Parquet files"),
        optional("pyarrow", "tables", "to read them"),
    )
    try:
        pictures = {*picture_columns(files[0])}
        columns = [name for name in pyarrow.parquet.read_schema(files[0]).names if name not in pictures]
        whole = pandas.concat(
            [_with_index(pandas.read_parquet(file, columns=columns)) for file in files], ignore_index=True
        )
    except (ValueError, OSError) as error:
        got = checks.shown(str(error), 150)
        raise ValueError(checks.sentence(f"the table {what}", "readable", got, "copy it again")) from error
    single: dict[str, Any] = {}
    arrays: dict[str, list[str]] = {}
    for name in whole.columns:
        if not len(whole) or not isinstance(whole[name].iloc[0], (np.ndarray, list)):
            single[name] = whole[name]
            continue
        values = _lists(whole[name], f"the column '{name}' of {what}")
        arrays[name] = [f"{name}.{each}" for each in (names or {}).get(name, range(values.shape[1]))]
        single |= dict(zip(arrays[name], values.T))
    return Table(pandas.DataFrame(single), what, arrays)


def _with_index(frame: Any) -> Any:
    """A table whose index, if it has names, is made of columns like all others."""
    named = [name for name in frame.index.names if name is not None]
    return frame.reset_index() if named else frame


def _lists(cells: Any, what: str) -> np.ndarray:
    """Lists of numbers as an array (rows, numbers)."""
    try:
        return np.stack([np.asarray(each, dtype=np.float64).reshape(-1) for each in cells])
    except (ValueError, TypeError) as error:
        got = checks.shown(str(error), 100)
        raise ValueError(checks.sentence(what, "lists of numbers of one length", got, "leave it out")) from error


class ParquetPictures:
    """The pictures of a column of several Parquet files; one group of rows is in memory at a time.

    Args:
        files: the files, in the order of their rows.
        column: the column.
        size: size to which pictures are reduced; by default all must have that of the first one.
    """

    def __init__(self, files: Sequence[Path], column: str, size: Size | None):
        parquet = optional("pyarrow.parquet", "tables", "to read Parquet files")
        self.what, self.column, self.size = f"the pictures in '{column}' of '{files[0].name}'", column, size
        self._groups: list[tuple[Path, int]] = []
        lengths: list[int] = []
        for file in files:
            meta = parquet.read_metadata(file)
            self._groups += [(file, group) for group in range(meta.num_row_groups)]
            lengths += [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]
        self._ends = np.cumsum(lengths)
        self._lengths = np.array(lengths)
        self._held: tuple[int, PictureFiles | ArrayPictures] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all pictures, by that of the first one."""
        return (int(self._ends[-1]), *self._group(0).shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Always uint8."""
        return np.dtype(np.uint8)

    @property
    def is_decoded(self) -> bool:
        """Whether the cells hold files of pictures, not lists."""
        return self._group(0).is_decoded

    def take(self, rows: np.ndarray) -> np.ndarray:
        owners = np.searchsorted(self._ends, rows, side="right")
        parts = []
        for owner in np.unique(owners):
            group = self._group(int(owner))
            parts.append(group.take(rows[owners == owner] - (self._ends[owner] - self._lengths[owner])))
        return np.concatenate(parts)

    def release(self) -> None:
        self._held = None

    def _group(self, number: int) -> PictureFiles | ArrayPictures:
        if self._held is None or self._held[0] != number:
            parquet = optional("pyarrow.parquet", "tables", "to read Parquet files")
            file, group = self._groups[number]
            column = parquet.ParquetFile(file).read_row_group(group, columns=[self.column])[0]
            first = int(self._ends[number] - self._lengths[number])
            self._held = (number, self._listed(column) if _is_listed(column.type) else self._files(column, file, first))
        return self._held[1]

    def _files(self, column: Any, file: Path, first: int) -> PictureFiles:
        """Pictures whose cells hold their files."""
        cells = column.to_pylist()
        sources = [self._source(file, each) for each in cells]
        names = [f"{file.name}, row {first + row}" for row in range(len(cells))]
        return PictureFiles(sources, names, self.size, self.what)

    def _listed(self, column: Any) -> ArrayPictures:
        """Pictures whose cells are lists of numbers."""
        flat, shape = column.combine_chunks(), [len(column)]
        flat = getattr(flat, "storage", flat)
        for _ in range(3):
            lengths = np.unique(flat.value_lengths().fill_null(0).to_numpy())
            todo = "leave the others out"
            checks.require(len(lengths) == 1 and lengths[0] > 0, self.what, "of one size", "several sizes", todo)
            shape.append(int(lengths[0]))
            flat = flat.flatten()
        pictures = flat.to_numpy(zero_copy_only=False).reshape(shape)
        if self.size is not None:
            pictures = np.stack([resized(each, *self.size) for each in pictures])
        return ArrayPictures(pictures, self.what)

    @staticmethod
    def _source(file: Path, cell: dict[str, Any] | None) -> Path | bytes:
        """The bytes of a cell, or the file that it names beside the table."""
        if cell and cell.get("bytes") is not None:
            return bytes(cell["bytes"])
        return file.parent / str((cell or {}).get("path") or "")
