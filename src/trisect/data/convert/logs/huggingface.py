"""Data sets of Hugging Face that `trisect.export_data` wrote: Parquet files whose schema has the key ``"trisect"``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data.convert.logs.exported import TODO, found_exported
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.parquet import ParquetPictures, picture_columns, read_parquet
from trisect.data.convert.options import Options
from trisect.data.export.facts import FACTOR, KEY, TARGET, Facts
from trisect.files import reading
from trisect.requirements import optional

PART = re.compile(r"\w+-\d{5}-of-\d{5}\.parquet")
SPLIT = "split"


def is_exported(path: Path) -> bool:
    """Whether a folder holds a Hugging Face data set that trisect exported."""
    files = _parts(path)
    return bool(files) and KEY.encode() in _metadata(files[0])


def read_exported(folder: Path, options: Options) -> Found:
    """The data set in a folder; arguments and errors as of `trisect.data.convert.logs.beside_tables.read_tables`."""
    files = _parts(folder)
    with reading(files[0], "copy the data set again"):
        stored = {file: json.loads(_metadata(file)[KEY.encode()]) for file in files}
        facts = Facts.from_json(stored[files[0]])
        of_split = {name: [file for file in files if stored[file][SPLIT] == name] for name in facts.splits}
    for name, parts in of_split.items():
        must = f"there, as the key '{KEY}' of '{files[0].name}' says"
        checks.require(bool(parts), f"the split '{name}' of '{folder}'", must, "no file of it", TODO)
    logs = {name: _log(name, parts, facts, options) for name, parts in of_split.items()}
    return found_exported("a Hugging Face data set", logs, facts, options)


def _parts(path: Path) -> list[Path]:
    return [file for file in sorted((path / "data").glob("*.parquet")) if PART.fullmatch(file.name)]


def _metadata(file: Path) -> dict[bytes, Any]:
    """The metadata of the schema of a Parquet file."""
    parquet = optional("pyarrow.parquet", "tables", "to read Parquet files")
    try:
        return dict(parquet.read_schema(file).metadata or {})
    except (ValueError, OSError) as error:
        got = checks.shown(str(error), 150)
        raise ValueError(checks.sentence(f"the table '{file}'", "readable", got, "copy it again")) from error


def _log(name: str, files: list[Path], facts: Facts, options: Options) -> Log:
    variables = facts.variables
    names = {TARGET: variables.names, FACTOR: variables.factor_names}
    told_apart = {array: each for array, each in names.items() if len({word.strip() for word in each}) == len(each)}
    table = read_parquet(files, f"the split '{name}'", told_apart)
    pictures = {each: ParquetPictures(files, each, options.size) for each in picture_columns(files[0])}
    return Log(name, table, pictures)
