"""Data sets of Minari in its Arrow and Parquet formats; those in HDF5 are read by `trisect.data.convert.logs.hdf5`.

Every episode is a folder with a table of one row per observation. Actions, rewards and ends have one row less; Minari
adds a last row without meaning, which is left out. An action led to the next observation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks, sealed
from trisect.data.convert.logs.log import Found
from trisect.data.convert.logs.pictures import natural
from trisect.data.convert.logs.trees import Arrays, found_in
from trisect.data.convert.options import Options
from trisect.files import reading
from trisect.requirements import optional

AGAIN = "copy the data set again"
SHORT = ("actions", "rewards", "terminations", "truncations")
"""Columns that Minari made one row longer."""
ENDINGS = (".arrow", ".parquet")


def is_minari(folder: Path) -> bool:
    """Whether a folder holds a data set of Minari in Arrow or Parquet format."""
    return folder.is_dir() and any(each.suffix in ENDINGS for each in folder.glob("data/*/part-*"))


def read_minari(folder: Path, options: Options) -> Found:
    """The episodes; arguments and errors as of `trisect.data.convert.logs.beside_tables.read_tables`."""
    files = [each for each in folder.glob("data/*/part-*") if each.suffix in ENDINGS]
    files.sort(key=lambda file: natural(Path(file.parent.name)))
    shapes = _shapes(folder)
    groups = [(file.parent.name, f"'{file.parent}'", _arrays(file, shapes)) for file in files]
    return found_in("Minari episodes", groups, options, "effect", whole=True)


def _shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Path of an observation -> its shape, by the description of the space; the table holds it flat."""
    file = folder / "data" / "metadata.json"
    stored = sealed.read_json(file, "observation_space", todo=AGAIN)
    with reading(file, AGAIN):
        try:
            space = json.loads(stored["observation_space"])
        except ValueError as error:
            raise TypeError(str(error)) from error
        return dict(_boxes(space, "observations"))


def _boxes(space: dict[str, Any], path: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    inner = space.get("subspaces", {})
    for name, each in inner.items() if isinstance(inner, dict) else enumerate(inner):
        yield from _boxes(each, f"{path}/{name}")
    if space.get("type") == "Box" and len(space.get("shape", ())) > 1:
        yield path, tuple(int(length) for length in space["shape"])


def _arrays(file: Path, shapes: dict[str, tuple[int, ...]]) -> Arrays:
    """The columns of an episode, of nested ones with a / in their path."""
    pyarrow = optional("pyarrow", "tables", "to read Arrow files")
    try:
        if file.suffix == ".parquet":
            table = optional("pyarrow.parquet", "tables", "to read Parquet files").read_table(file)
        else:
            table = pyarrow.ipc.open_file(str(file)).read_all()
    except (pyarrow.ArrowInvalid, OSError) as error:
        got = checks.shown(str(error), 100)
        raise ValueError(checks.sentence(f"the file '{file}'", "a whole table", got, "copy it again")) from error
    arrays: dict[str, Any] = {}
    for name in table.column_names:
        for path, cells in _leaves(name, table[name].combine_chunks(), pyarrow):
            values = _values(cells, pyarrow)
            whole = values.reshape(len(values), *shapes[path]) if path in shapes and values.dtype != object else values
            arrays[path] = whole[:-1] if name in SHORT else whole
    return arrays


def _leaves(path: str, column: Any, pyarrow: Any) -> Iterator[tuple[str, Any]]:
    if not pyarrow.types.is_struct(column.type):
        yield path, column
        return
    for place, field in enumerate(column.type):
        yield from _leaves(f"{path}/{field.name}", column.field(place), pyarrow)


def _values(column: Any, pyarrow: Any) -> np.ndarray:
    """A column as an array: (rows,), or (rows, numbers) for lists of one length; files of pictures as bytes."""
    cells = column.to_pylist()
    if pyarrow.types.is_binary(column.type):
        values = np.empty(len(cells), object)
        values[:] = cells
        return values
    return np.array(cells)
