"""A table: the named columns of a log, one row per frame, whatever file they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trisect import checks
from trisect.requirements import optional

if TYPE_CHECKING:
    import pandas


FILL = (
    "fill them, or repeat the value before with missing='hold' (--missing hold), or leave the rows out with "
    "missing='drop'"
)
"""Advice about empty cells."""


class Table:
    """Columns by name; several columns may be one array, which has a name of its own.

    Args:
        frame: the columns; a row per frame, in the order of time.
        what: name of the table in error messages, such as ``"'log.csv'"``.
        arrays: name of an array -> its columns, such as ``{"action": ["action.0", "action.1"]}``; an array within
            another one comes first.
        late: columns of which row t led to frame t, whatever the alignment of the others; the first cell may be empty.

    Raises:
        ValueError: the table is empty, or two columns have one name.
    """

    def __init__(
        self,
        frame: pandas.DataFrame,
        what: str,
        arrays: Mapping[str, Sequence[str]] | None = None,
        late: Iterable[str] = (),
    ):
        self.what, self.frame, self.late = what, frame, frozenset(late)
        self.names = checks.unique_names([str(name).strip() for name in frame.columns], f"the columns of {what}")
        self.arrays = {name: tuple(str(each).strip() for each in columns) for name, columns in (arrays or {}).items()}
        self.frame.columns = list(self.names)
        checks.require(len(frame) > 0, f"the table {what}", "one with rows", "an empty one")

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the columns, and of the arrays that they make up."""
        return (*self.names, *self.arrays)

    def columns_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """The columns of names, of which some may be arrays; an unknown name raises `ValueError`."""
        columns: list[str] = []
        for name in names:
            checks.one_of(name, self.known, f"a column of {self.what}")
            columns += self.arrays.get(name, (name,)) if name not in self.names else (name,)
        return tuple(columns)

    @property
    def array_of(self) -> dict[str, str]:
        """Column -> the array that it belongs to, for the columns of arrays; of nested arrays the innermost."""
        innermost: dict[str, str] = {}
        for array, columns in self.arrays.items():
            for column in columns:
                innermost.setdefault(column, array)
        return innermost

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers or truth values."""
        return self.frame[name].dtype.kind in "biuf"

    def numbers(self, names: Sequence[str], todo: str = FILL) -> np.ndarray:
        """Columns or arrays (rows, columns) float64; ``todo`` is the advice about empty cells.

        Raises:
            ValueError: a column does not exist, holds texts, or has empty cells.
        """
        return np.stack([self._numbers(name, todo) for name in self.columns_of(names)], axis=1)

    def column(self, name: str) -> np.ndarray:
        """A column as it is, (rows,)."""
        return self._column(name).to_numpy()

    def times(self, name: str) -> np.ndarray | None:
        """A column of numbers (rows,), or of dates in seconds from the first, without empty cells; None for others."""
        column = self._column(name)
        if column.isna().any():
            return None
        if column.dtype.kind == "M":
            return np.asarray((column - column.iloc[0]).dt.total_seconds(), dtype=np.float64)
        return self.numbers([name])[:, 0] if self.is_numeric(name) else None

    def with_dates(self, name: str) -> Table:
        """The table with a column of texts read as dates; as it is if the texts are none."""
        pandas = optional("pandas", "tables", "to read logs")
        if self.frame[name].dtype.kind in "biufM":
            return self
        try:
            dates = pandas.to_datetime(self._column(name), format="ISO8601", utc=True)
        except ValueError:
            return self
        return self._like(self.frame.assign(**{name: dates}))

    def first_that_is_no_time(self, name: str) -> str:
        """The first cell of a column that is neither a number nor a date, with its row, for error messages."""
        pandas = optional("pandas", "tables", "to read logs")
        column = self._column(name)
        numbers = pandas.to_numeric(column, errors="coerce")
        known = (
            numbers
            if numbers.notna().any()
            else pandas.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
        )
        row = int(np.argmax(known.isna().to_numpy()))
        cell = column.iloc[row]
        return f"{'an empty cell' if pandas.isna(cell) else checks.quoted(str(cell))} in row {row}"

    def first(self, name: str) -> str:
        """The first cell of a column that is not empty, as a text; an empty text if there is none."""
        filled = self._column(name).dropna()
        return str(filled.iloc[0]).strip() if len(filled) else ""

    def texts(self, name: str) -> list[str]:
        """A column as texts; `ValueError` if a cell is empty."""
        column = self._column(name)
        self._require_whole(column, name, "fill it, or leave the row out")
        return [str(value).strip() for value in column]

    def held(self, names: Sequence[str], episodes: np.ndarray) -> Table:
        """The table with the empty cells of some columns filled with the value before, in the same episode."""
        frame = self.frame.copy()
        for name in self.columns_of(names):
            frame[name] = frame[name].groupby(episodes).ffill()
        return self._like(frame)

    def empty_rows(self, names: Sequence[str]) -> np.ndarray:
        """Whether a row has an empty cell in some of the columns, (rows,) bool; see ``late`` for the first row."""
        empty = self.frame[list(self.columns_of(names))].isna()
        empty.loc[0, [name for name in empty.columns if name in self.late]] = False
        return np.asarray(empty.any(axis=1))

    def rows(self, rows: np.ndarray) -> Table:
        """The rows with these numbers."""
        return self._like(self.frame.iloc[rows].reset_index(drop=True))

    def with_columns(self, columns: Mapping[str, np.ndarray]) -> Table:
        """The table with more columns, or others of the same name."""
        return self._like(self.frame.assign(**columns))

    def without(self, name: str) -> Table:
        """The table without a column."""
        return self._like(self.frame.drop(columns=name))

    def _like(self, frame: pandas.DataFrame) -> Table:
        return Table(frame, self.what, self.arrays, self.late)

    def _numbers(self, name: str, fill: str) -> np.ndarray:
        column, what = self._column(name), f"the column '{name}' of {self.what}"
        if not self.is_numeric(name):
            row = next((row for row, value in enumerate(column) if not _is_number(value)), 0)
            got, todo = f"{checks.quoted(str(column.iloc[row]))} in row {row}", "correct it, or leave the column out"
            raise ValueError(checks.sentence(what, "numbers", got, todo))
        self._require_whole(column, name, fill)
        return np.asarray(column.to_numpy(dtype=np.float64))

    def _column(self, name: str) -> pandas.Series:
        checks.one_of(name, self.names, f"a column of {self.what}")
        return self.frame[name]

    def _require_whole(self, column: pandas.Series, name: str, todo: str) -> None:
        first = 1 if name in self.late else 0
        empty = first + np.flatnonzero(column.isna().to_numpy()[first:])
        if len(empty):
            what, must = f"the column '{name}' of {self.what}", "without empty cells"
            raise ValueError(checks.sentence(what, must, f"{len(empty)}, the first in row {empty[0]}", todo))


def table_of(columns: Mapping[str, np.ndarray], what: str, late: Iterable[str] = ()) -> Table:
    """A table of arrays in memory.

    Args:
        columns: name -> (rows,), or (rows, D) for an array, whose columns are called ``name.0``, ``name.1``, ...
        what: name of the table in error messages.
        late: names of the arrays of which row t led to frame t.
    """
    pandas = optional("pandas", "tables", "to read logs")
    single: dict[str, np.ndarray] = {}
    arrays: dict[str, list[str]] = {}
    for name, values in columns.items():
        if values.ndim == 1:
            single[name] = values
            continue
        arrays[name] = [f"{name}.{column}" for column in range(values.shape[1])]
        single |= dict(zip(arrays[name], values.T))
    of_late = [column for name in late for column in arrays.get(name, [name])]
    return Table(pandas.DataFrame(single), what, arrays, of_late)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_))
