"""Parquet files: their tables, with lists of numbers in a cell, and pictures inside, as Hugging Face data sets have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.logs.pictures import PictureFiles, Size
from trisect.data.convert.logs.table import Table
from trisect.requirements import optional


def picture_columns(file: Path) -> list[str]:
    """The columns of a Parquet file that hold pictures."""
    parquet = optional("pyarrow.parquet", "tables", "to read Parquet files")
    schema = parquet.read_schema(file)
    return [each.name for each in schema if str(each.type).startswith("struct<bytes: binary")]


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
        whole = pandas.concat([pandas.read_parquet(file, columns=columns) for file in files], ignore_index=True)
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
        self._held: tuple[int, PictureFiles] | None = None

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
        """Always."""
        return True

    def take(self, rows: np.ndarray) -> np.ndarray:
        owners = np.searchsorted(self._ends, rows, side="right")
        parts = []
        for owner in np.unique(owners):
            group = self._group(int(owner))
            parts.append(group.take(rows[owners == owner] - (self._ends[owner] - len(group.sources))))
        return np.concatenate(parts)

    def release(self) -> None:
        self._held = None

    def _group(self, number: int) -> PictureFiles:
        if self._held is None or self._held[0] != number:
            parquet = optional("pyarrow.parquet", "tables", "to read Parquet files")
            file, group = self._groups[number]
            cells: list[Any] = parquet.ParquetFile(file).read_row_group(group, columns=[self.column])[0].to_pylist()
            first = int(self._ends[number]) - len(cells)
            sources = [self._source(file, each) for each in cells]
            names = [f"{file.name}, row {first + row}" for row in range(len(cells))]
            self._held = (number, PictureFiles(sources, names, self.size, self.what))
        return self._held[1]

    @staticmethod
    def _source(file: Path, cell: dict[str, Any] | None) -> Path | bytes:
        """The bytes of a cell, or the file that it names beside the table."""
        if cell and cell.get("bytes") is not None:
            return bytes(cell["bytes"])
        return file.parent / str((cell or {}).get("path") or "")
