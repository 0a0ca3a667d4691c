"""Reading a table from a file, with pandas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trisect import checks
from trisect.requirements import optional

if TYPE_CHECKING:
    import pandas

SUFFIXES = (".csv", ".tsv", ".parquet")
SEPARATORS = ",;\t"
"""What may separate the columns of a text file; the one that is most frequent in its first line does."""


class Table:
    """The columns of a file, by name.

    Args:
        file: a CSV, TSV or Parquet file; a row per frame, in the order of time.

    Raises:
        ImportError: pandas is not installed.
        ValueError: the file cannot be read, is empty, or has two columns of one name.
    """

    def __init__(self, file: Path):
        self.file, self._frame = file, _read(file)
        names = [str(name).strip() for name in self._frame.columns]
        self.names = checks.unique_names(names, f"the columns of '{file}'")
        self._frame.columns = list(self.names)
        checks.require(len(self._frame) > 0, f"the table '{file}'", "one with rows", "an empty one")

    def __len__(self) -> int:
        return len(self._frame)

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers or truth values."""
        return self._frame[name].dtype.kind in "biuf"

    def numbers(self, names: Sequence[str], held: np.ndarray | None = None) -> np.ndarray:
        """Columns (rows, names) float64.

        Args:
            names: names of columns.
            held: the episode of every row (rows,), to repeat the last value of the episode in an empty cell; None
                refuses empty cells.

        Raises:
            ValueError: a column does not exist, holds texts, or has empty cells that are not held.
        """
        return np.stack([self._numbers(name, held) for name in names], axis=1)

    def times(self, name: str) -> np.ndarray | None:
        """A column of numbers (rows,), or of dates in seconds, without empty cells; None for any other."""
        column = self._column(name)
        if column.isna().any():
            return None
        if column.dtype.kind == "M":
            return np.asarray((column - column.iloc[0]).dt.total_seconds(), dtype=np.float64)
        return self.numbers([name])[:, 0] if self.is_numeric(name) else None

    def first(self, name: str) -> str:
        """The first cell of a column that is not empty, as a text; an empty text if there is none."""
        filled = self._column(name).dropna()
        return str(filled.iloc[0]).strip() if len(filled) else ""

    def texts(self, name: str) -> list[str]:
        """A column as texts; `ValueError` if a cell is empty."""
        column = self._column(name)
        self._require_whole(column, name, "fill it, or leave the row out")
        return [str(value).strip() for value in column]

    def _numbers(self, name: str, held: np.ndarray | None) -> np.ndarray:
        column = self._column(name)
        if not self.is_numeric(name):
            row = next((row for row, value in enumerate(column) if not _is_number(value)), 0)
            what, todo = f"the column '{name}' of '{self.file}'", "correct it, or leave the column out"
            raise ValueError(
                checks.sentence(what, "numbers", f"{checks.quoted(str(column.iloc[row]))} in row {row}", todo)
            )
        if held is not None:
            column = column.groupby(held).ffill()
        self._require_whole(column, name, "fill them, or repeat the value before with missing='hold' (--missing hold)")
        return np.asarray(column.to_numpy(dtype=np.float64))

    def _column(self, name: str) -> pandas.Series:
        checks.one_of(name, self.names, f"a column of '{self.file}'")
        return self._frame[name]

    def _require_whole(self, column: pandas.Series, name: str, todo: str) -> None:
        empty = np.flatnonzero(column.isna().to_numpy())
        if len(empty):
            what, must = f"the column '{name}' of '{self.file}'", "without empty cells"
            raise ValueError(checks.sentence(what, must, f"{len(empty)}, the first in row {empty[0]}", todo))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_))


def _read(file: Path) -> pandas.DataFrame:
    pandas = optional("pandas", "tables", "to read tables")
    try:
        if file.suffix.lower() == ".parquet":
            return pandas.read_parquet(file)
        return pandas.read_csv(file, sep=_separator(file), index_col=False, encoding="utf-8-sig")
    except (ValueError, OSError, pandas.errors.ParserError) as error:
        got = checks.shown(str(error), 100)
        raise ValueError(checks.sentence(f"the table '{file}'", "readable", got, "open it and correct it")) from error


def _separator(file: Path) -> str:
    with file.open(encoding="utf-8-sig") as opened:
        first = opened.readline()
    return max(SEPARATORS, key=first.count)
