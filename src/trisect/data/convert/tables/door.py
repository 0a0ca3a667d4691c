"""From tables, with or without pictures, to a data set."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data import arrays, store
from trisect.data.convert.options import Options
from trisect.data.convert.tables.columns import Columns, check_order, completed, left_out, names_of
from trisect.data.convert.tables.files import SUFFIXES, Table
from trisect.data.convert.tables.pictures import SUFFIXES as OF_PICTURES
from trisect.data.convert.tables.pictures import pictures_in, pictures_of, read_picture, read_pictures
from trisect.data.dataset import Dataset
from trisect.data.progress import Progress
from trisect.data.writer import require_new
from trisect.files import temporary_folder

UNUSED = ("names", "group", "channels", "levels")
"""Options of convert that say nothing about tables."""


@dataclass(frozen=True)
class Experiment:
    """A table, and what was intervened on in all of its rows.

    Attributes:
        name: of the table's folder or, if several tables lie in one folder, of its file.
        table: the table.
    """

    name: str
    table: Table


def tables_in(path: Path) -> list[Path]:
    """The tables in a folder and in the folders in it; of a file that is a table, itself."""
    if path.is_file():
        return [path] if path.suffix.lower() in SUFFIXES else []
    found = (each for pattern in ("*", "*/*") for each in sorted(path.glob(pattern)))
    return [each for each in found if each.suffix.lower() in SUFFIXES and each.is_file()]


def convert_tables(path: Path, out: Path, options: Options, progress: Progress) -> Dataset:
    """Convert a table, or a folder of tables and pictures, cut it into splits, and write them to ``out``.

    Every table is an experiment of its own: no transition leads from one to the next. Its rows are the frames, in the
    order of time. Pictures lie beside the table or in folders there, named by a column or as many as there are rows.

    Args:
        path: the table or the folder.
        out: the data folder to make.
        options: see `trisect.data.convert.options.Options`.
        progress: called with the number of pictures that are read and of all.

    Raises:
        ImportError: pandas is not installed.
        ValueError: a column, a cell, a picture or an option is wrong or missing.
    """
    require_new(out)
    for name in UNUSED:
        what = f"the option '{name}' of convert"
        checks.require(not getattr(options, name), what, "left out for tables", "one given")
    experiments = _experiments(tables_in(path))
    columns = _columns(experiments, options.columns or Columns(), path.is_dir())
    for each in experiments:
        check_order(each.table, _marks(each.table, columns))
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out) as temporary:
        data = _dataset(experiments, columns, options, lambda paths: _mapped(paths, temporary, progress))
        store.save(data, out)
    return store.load(out)


def _experiments(files: Sequence[Path]) -> list[Experiment]:
    shared = len({file.parent for file in files}) < len(files)
    names = [file.stem if shared or len(files) == 1 else file.parent.name for file in files]
    checks.unique_names(names, "the names of the tables' folders")
    return [Experiment(name, Table(file)) for name, file in zip(names, files)]


def _columns(experiments: Sequence[Experiment], declared: Columns, in_folder: bool) -> Columns:
    """The columns of all tables, which must agree."""
    first = experiments[0].table
    image = declared.image if declared.sensors else declared.image or _names_pictures(first, declared)
    in_order = in_folder and not declared.sensors and bool(pictures_in(first.file.parent))
    has_pictures = image is not None or in_order
    columns = completed(replace(declared, image=image), first, has_pictures)
    for each in experiments[1:]:
        for name in columns.named:
            checks.one_of(name, each.table.names, f"a column of '{each.table.file}'")
    return columns


def _names_pictures(table: Table, declared: Columns) -> str | None:
    """The column without a role that holds names of pictures, if there is one."""
    free = [name for name in left_out(declared, table) if not table.is_numeric(name)]
    ends = tuple(OF_PICTURES)
    return next((name for name in free if table.first(name).lower().endswith(ends)), None)


def _dataset(
    experiments: Sequence[Experiment],
    columns: Columns,
    options: Options,
    read: Callable[[Sequence[Path]], np.ndarray],
) -> Dataset:
    """The data set; ``read`` reads the pictures."""

    hold = columns.missing == "hold"

    def joined(names: Sequence[str]) -> np.ndarray:
        parts = [(each.table, _marks(each.table, columns) if hold else None) for each in experiments]
        return np.concatenate([table.numbers(names, held) for table, held in parts])

    names, targets, alignment = _targets(experiments, columns, options)
    known: dict[str, Any] = {name: getattr(options, name) for name in ("encode", "stack", "stacked")}
    known["episode_ids"] = _episodes(experiments, columns)
    for role in ("factors", "actions"):
        if getattr(columns, role):
            known[role] = joined(getattr(columns, role))
    if columns.sensors:
        observed = joined(columns.sensors)
    else:
        observed = read([path for each in experiments for path in pictures_of(each.table, columns.image)])
    variables = options.variables or names
    data = arrays.from_arrays(observed, targets, variables, alignment=alignment, **known)
    facts: dict[str, Any] = {"made_by": "convert", "tables": [each.table.file.name for each in experiments]}
    facts |= {"columns": columns.understood(), "left_out": left_out(columns, experiments[0].table)}
    return Dataset(dict(data.items()), {**data.source, **facts})


def _targets(
    experiments: Sequence[Experiment], columns: Columns, options: Options
) -> tuple[tuple[str, ...], np.ndarray, Any]:
    """Names of the variables, targets (rows, K) of all tables, and their alignment."""
    given = options.interventions
    what, must = "what was intervened on", "said either by columns or by experiments"
    todo = "name columns with targets (--targets A,B), or experiments with interventions (--intervention NAME=A,B)"
    checks.require(bool(columns.targets) != bool(given), what, must, "both" if given else "neither", todo)
    if not given:
        tables = [each.table.numbers(columns.targets) for each in experiments]
        return columns.targets, np.concatenate(tables), options.alignment
    known = [each.name for each in experiments]
    for name in given:
        checks.one_of(name, known, "an experiment with interventions")
    moved = {name: names_of(value, f"the interventions of '{name}'") for name, value in given.items()}
    names = tuple(dict.fromkeys(variable for variables in moved.values() for variable in variables))
    rows = [np.tile([name in moved.get(each.name, ()) for name in names], (len(each.table), 1)) for each in experiments]
    return names, np.concatenate(rows), "effect"


def _episodes(experiments: Sequence[Experiment], columns: Columns) -> np.ndarray:
    """The episode of every row, counted over all tables."""
    numbers, count = [], 0
    for each in experiments:
        numbers.append(count + _marks(each.table, columns))
        count = int(numbers[-1][-1]) + 1
    return np.concatenate(numbers)


def _marks(table: Table, columns: Columns) -> np.ndarray:
    """The episode of every row of a table, counted from 0."""
    marks = table.texts(columns.episode) if columns.episode else [""] * len(table)
    return np.cumsum([False, *(after != before for before, after in itertools.pairwise(marks))])


def _mapped(paths: Sequence[Path], temporary: Path, progress: Progress) -> np.ndarray:
    """Pictures (T, height, width, channels) uint8, memory-mapped in a folder."""
    file = temporary / "frames.npy"
    frames = np.lib.format.open_memmap(file, "w+", np.uint8, (len(paths), *read_picture(paths[0]).shape))
    read_pictures(paths, frames, progress)
    frames.flush()
    return np.load(file, mmap_mode="r")
