"""Files of latents: a table as Parquet or CSV, which is written a few rows at a time, or arrays as .npz.

.npz       an array for every field of `trisect.runs.latent_rows.Latents` that is known
tables     columns split, episode, frame, time; SLOT.NUMBER for every latent; target.VARIABLE, factor.NAME
.parquet   the facts on the run besides, as JSON, in the schema's metadata under "trisect"
.csv       UTF-8, with as many digits as single and double precision need
"""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from trisect import checks
from trisect.files import replacing
from trisect.requirements import optional
from trisect.runs.latent_rows import Latents, joined

FILE = "the file to write latents to"
POSITION = ("split", "episode", "frame", "time")
METADATA = "trisect"
"""Key of the facts on the run in a Parquet file."""
DIGITS = {4: 9, 8: 17}
"""Bytes of a float -> the digits that give the same float when they are read."""

Blocks = Iterable[Latents]
Facts = Mapping[str, Any]


def checked_ending(out: str | Path) -> Path:
    """The path of a file to write, if its name ends as one of the formats does.

    Raises:
        TypeError: not a path.
        ValueError: another ending.
    """
    file = checks.path(out, FILE)
    must = f"one that ends with {', '.join(tuple(WRITERS)[:-1])} or {tuple(WRITERS)[-1]}"
    checks.require(file.suffix.lower() in WRITERS, FILE, must, f"'{file}'")
    return file


def check_writable(out: str | Path) -> Path:
    """The path of a file to write, after everything was checked that can be checked before there are latents.

    Raises:
        FileExistsError: the file exists.
        ImportError: a package for the format is missing.
        TypeError, ValueError: not a path, or another ending.
    """
    file = checked_ending(out)
    _require_new(file)
    if file.suffix.lower() == ".parquet":
        _parquet_package()
    return file


def write(file: Path, blocks: Blocks, facts: Facts) -> None:
    """Write latents completely or not at all.

    Args:
        file: path of the file to make; its folder is made if it does not exist.
        blocks: blocks of rows with the same columns, at least one.
        facts: facts on the run in plain types, which a Parquet file holds besides.

    Raises:
        FileExistsError: the file exists.
        ValueError: two columns of a table have the same name.
    """
    _require_new(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as beside:
        with beside.open("wb") as opened:
            WRITERS[file.suffix.lower()](opened, blocks, facts)
        _require_new(file)


def _require_new(file: Path) -> None:
    if file.exists():
        raise FileExistsError(checks.sentence(FILE, "new", f"'{file}', which exists", "choose another one"))


def _npz(file: IO[bytes], blocks: Blocks, facts: Facts) -> None:
    np.savez(file, **joined(list(blocks)).arrays())  # type: ignore[arg-type]


def _parquet(file: IO[bytes], blocks: Blocks, facts: Facts) -> None:
    pyarrow, parquet = _parquet_package()
    writer = None
    try:
        for table in _tables(blocks):
            arrow = pyarrow.table(table)
            if writer is None:
                schema = arrow.schema.with_metadata({METADATA: json.dumps(facts)})
                writer = parquet.ParquetWriter(file, schema)
            writer.write_table(arrow.cast(writer.schema), row_group_size=arrow.num_rows)
    finally:
        if writer is not None:
            writer.close()


def _parquet_package() -> tuple[Any, Any]:
    pyarrow = optional("pyarrow", "tables", "to write Parquet")
    return pyarrow, importlib.import_module("pyarrow.parquet")


def _csv(file: IO[bytes], blocks: Blocks, facts: Facts) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    form = ""
    for table in _tables(blocks):
        if not form:
            csv.writer(text, lineterminator="\n").writerow(table)
            form = ",".join(_form(column) for column in table.values()) + "\n"
        text.writelines(form % row for row in zip(*(column.tolist() for column in table.values())))
    text.flush()
    text.detach()


def _form(column: np.ndarray) -> str:
    """How a value of a column is written: whole numbers and texts as they are, floats so that they can be restored."""
    if column.dtype.kind == "f":
        return f"%.{DIGITS[column.dtype.itemsize]}g"
    return "%s" if column.dtype.kind == "U" else "%d"


def _tables(blocks: Blocks) -> Iterator[dict[str, np.ndarray]]:
    """Column -> its values (rows,), of at most some thousand rows at a time."""
    for block in blocks:
        names = _columns(block)
        for part in block.blocks():
            arrays = [part.latents, part.targets, *([] if part.factors is None else [part.factors])]
            columns = [getattr(part, name) for name in POSITION] + [column for array in arrays for column in array.T]
            yield dict(zip(names, columns, strict=True))


def _columns(block: Latents) -> tuple[str, ...]:
    """Names of the columns of a table."""
    targets = [f"target.{name}" for name in block.variables.tolist()]
    factors = [] if block.factor_names is None else [f"factor.{name}" for name in block.factor_names.tolist()]
    return checks.unique_names((*POSITION, *block.latent_columns, *targets, *factors), "the columns of the table")


WRITERS: dict[str, Callable[[IO[bytes], Blocks, Facts], None]] = {".parquet": _parquet, ".npz": _npz, ".csv": _csv}
"""Ending of the file -> function that writes it."""
