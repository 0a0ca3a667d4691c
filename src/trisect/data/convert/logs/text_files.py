"""Reading tables from CSV, TSV and Parquet files, with pandas."""

from __future__ import annotations

import csv
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from trisect import checks
from trisect.data.convert.foreign import require_content
from trisect.data.convert.logs.parquet import read_parquet
from trisect.data.convert.logs.pictures import is_visible
from trisect.data.convert.logs.table import Table
from trisect.requirements import optional

if TYPE_CHECKING:
    import pandas

logger = logging.getLogger(__name__)

SUFFIXES = (".csv", ".tsv", ".parquet")
SEPARATORS = ",;\t"
"""What may separate the columns of a text file; the one that is most frequent in its first line does."""


def tables_in(path: Path) -> list[Path]:
    """The tables in a folder and in the folders in it; of a file that is a table, itself."""
    if path.is_file():
        return [path] if path.suffix.lower() in SUFFIXES else []
    found = (each for pattern in ("*", "*/*") for each in sorted(path.glob(pattern)))
    return [each for each in found if each.suffix.lower() in SUFFIXES and is_visible(each, path)]


def read_table(file: Path) -> Table:
    """The columns of a CSV, TSV or Parquet file; a row per frame, in the order of time.

    If the first row below the names holds texts where all others hold numbers, it holds the units, and is left out.

    Raises:
        ImportError: pandas is not installed.
        ValueError: the file cannot be read, is empty, or has two columns of one name.
    """
    pandas = optional("pandas", "tables", "to read tables")
    require_content(file)
    if file.suffix.lower() == ".parquet":
        return read_parquet([file], f"'{file}'")
    try:
        frame = _read_text(file)
    except (ValueError, OSError, pandas.errors.ParserError) as error:
        got = checks.shown(str(error), 100)
        raise ValueError(checks.sentence(f"the table '{file}'", "readable", got, "open it and correct it")) from error
    _check_header(file)
    return Table(frame, f"'{file}'")


def _check_header(file: Path) -> None:
    """Raise `ValueError` if two columns of a text file have one name; pandas would rename the second."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        header = [name.strip() for name in next(csv.reader(opened, delimiter=_separator(file)), [])]
    checks.unique_names([name for name in header if name], f"the columns of '{file}'")


def _read_text(file: Path) -> pandas.DataFrame:
    import pandas

    separator = _separator(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)  # a row has more cells than there are names
        try:
            frame = pandas.read_csv(file, sep=separator, index_col=False, encoding="utf-8-sig")
        except pandas.errors.ParserWarning as error:
            raise ValueError("rows of more cells than there are names (decimals need a point, not a comma)") from error
    return _without_units(frame, file)


def _without_units(frame: pandas.DataFrame, file: Path) -> pandas.DataFrame:
    """The table without a first row of units, such as ``s, V, degC``, with its columns as numbers."""
    import pandas

    if len(frame) < 2 or any(not isinstance(cell, str) and not pandas.isna(cell) for cell in frame.iloc[0]):
        return frame
    rest = frame.iloc[1:].reset_index(drop=True)
    numbers = {name: pandas.to_numeric(rest[name], errors="coerce") for name in frame.columns}
    freed = {name: column for name, column in numbers.items() if column.notna().sum() == rest[name].notna().sum() > 0}
    units = {name: str(frame[name].iloc[0]).strip() for name in freed if not pandas.isna(frame[name].iloc[0])}
    is_event = any(isinstance(frame[name].iloc[0], str) for name in frame.columns if name not in freed)
    if not any(units.values()) or is_event:
        return frame
    text = checks.listed([f"{name} in {unit}" for name, unit in units.items()], 200)
    logger.warning("the first row of '%s' holds the units, and is left out: %s", file, text)
    return rest.assign(**freed)


def _separator(file: Path) -> str:
    with file.open(encoding="utf-8-sig") as opened:
        first = opened.readline()
    return max(SEPARATORS, key=first.count)
