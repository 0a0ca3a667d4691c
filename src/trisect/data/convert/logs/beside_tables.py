"""Tables in files, alone or beside pictures or films: CSV, TSV and Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from trisect import checks
from trisect.data.convert.encoding import by_column
from trisect.data.convert.logs import clock, films, pictures
from trisect.data.convert.logs.clock import Aligned
from trisect.data.convert.logs.films import Film, FilmPictures, films_in, read_film
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.numpy_files import open_array
from trisect.data.convert.logs.parquet import ParquetPictures, picture_columns
from trisect.data.convert.logs.pictures import ArrayPictures, PictureFiles, Pictures, pictures_in, pictures_of
from trisect.data.convert.logs.roles import (
    FRAME,
    TIME,
    Columns,
    check_named,
    left_out,
    require_interventions,
    with_events,
)
from trisect.data.convert.logs.table import Table
from trisect.data.convert.logs.text_files import read_table, tables_in
from trisect.data.convert.logs.trees import is_picture
from trisect.data.convert.options import Options

FILM_TIME = "time_in_film"


def read_tables(path: Path, options: Options) -> Found:
    """The logs of a table, of a folder of tables with what lies beside them, or of a film beside its table.

    Every table is an experiment: no transition leads from one to the next.

    Args:
        path: the table, the folder or the film.
        options: what the user declares.
    """
    films_only = path.is_file() and path.suffix.lower() in films.SUFFIXES
    files = [_table_beside(path)] if films_only else tables_in(path)
    declared = options.columns or Columns()
    require_interventions(declared.targets, options.interventions)
    tables, declared = with_events([read_table(file) for file in files], declared)
    for table in tables:
        check_named(declared, table, [name for file in files for name in _embedded(file)])
    experiments = [_Experiment(name, file, table) for name, file, table in zip(_names(files), files, tables)]
    cameras = [path] if films_only else None
    return _found(experiments, declared, options, path.is_dir() or films_only, cameras)


@dataclass(frozen=True)
class _Experiment:
    """A table, its file, and the name of the experiment."""

    name: str
    file: Path
    table: Table


def _table_beside(film: Path) -> Path:
    found = [each for each in tables_in(film.parent) if each.parent == film.parent]
    same = [each for each in found if each.stem == film.stem] or found
    what, must = f"the film '{film}'", "beside one table that says what was intervened on"
    got = ", ".join(each.name for each in same) or "no CSV, TSV or Parquet file"
    todo = "write a table with a row per frame, or with a column of seconds and one that names what was acted on"
    checks.require(len(same) == 1, what, must, got, todo)
    return same[0]


def _names(files: Sequence[Path]) -> list[str]:
    """The name of every experiment: of its folder or, if several tables lie in one folder, of its file."""
    shared = len({file.parent for file in files}) < len(files)
    names = [file.stem if shared or len(files) == 1 else file.parent.name for file in files]
    checks.unique_names(names, "the names of the tables' folders")
    return names


def _embedded(file: Path) -> list[str]:
    """The columns of pictures in a Parquet file."""
    return picture_columns(file) if file.suffix.lower() == ".parquet" else []


def _found(
    experiments: Sequence[_Experiment],
    declared: Columns,
    options: Options,
    beside: bool,
    cameras: Sequence[Path] | None,
) -> Found:
    """The logs of experiments; ``beside`` says whether files beside the tables belong to them."""
    first = experiments[0]
    if declared.sensors:
        return _plain(experiments, declared)
    embedded = _embedded(first.file)
    if embedded:
        logs = [_with_embedded(each, options) for each in experiments]
        return Found("tables with pictures inside", logs, declared)
    column = declared.image or _names_files(first.table, declared, (*pictures.SUFFIXES, *films.SUFFIXES))
    roles = replace(declared, image=column)
    if column is not None and first.table.first(column).lower().endswith(films.SUFFIXES):
        return _with_films(experiments, roles, options, None)
    if column is not None or (beside and cameras is None and pictures_in(first.file.parent)):
        return Found("tables and pictures", [_with_pictures(each, column, options) for each in experiments], roles)
    if beside and (cameras or films_in(first.file.parent)):
        return _with_films(experiments, roles, options, cameras)
    arrays = [_arrays_beside(each) if beside else {} for each in experiments]
    if all(arrays):
        logs = [Log(each.name, each.table, found) for each, found in zip(experiments, arrays)]
        return Found("tables and arrays of pictures", logs, roles)
    return _plain(experiments, roles)


def _arrays_beside(experiment: _Experiment) -> dict[str, Pictures]:
    """The ``.npy`` arrays of pictures beside a table, by name; each must have a picture for every row."""
    files = {path.stem: path for path in sorted(experiment.file.parent.glob("*.npy"))}
    opened = {name: open_array(path) for name, path in files.items()}
    table = experiment.table
    for name in (each for each, array in opened.items() if is_picture(array)):
        got = f"{opened[name].shape[0]} pictures for {len(table)} rows of {table.what}"
        checks.require(opened[name].shape[0] == len(table), f"the array '{files[name]}'", "one picture per row", got)
    return {
        name: ArrayPictures(array, f"the pictures in '{files[name]}'")
        for name, array in opened.items()
        if is_picture(array)
    }


def _plain(experiments: Sequence[_Experiment], roles: Columns) -> Found:
    return Found("tables", [Log(each.name, each.table) for each in experiments], roles)


def _names_files(table: Table, declared: Columns, endings: tuple[str, ...]) -> str | None:
    """The column without a role that holds names of files, if there is one."""
    free = [name for name in left_out(declared, table) if not table.is_numeric(name)]
    return next((name for name in free if table.first(name).lower().endswith(endings)), None)


def _with_embedded(experiment: _Experiment, options: Options) -> Log:
    columns = _embedded(experiment.file)
    inside = {name: ParquetPictures([experiment.file], name, options.size) for name in columns}
    return Log(experiment.name, experiment.table, inside)


def _with_pictures(experiment: _Experiment, column: str | None, options: Options) -> Log:
    files = pictures_of(experiment.table, experiment.file.parent, column)
    what = f"the pictures of {experiment.table.what}"
    return Log(experiment.name, experiment.table, {"pictures": PictureFiles(files, (), options.size, what)})


def _with_films(
    experiments: Sequence[_Experiment], roles: Columns, options: Options, cameras: Sequence[Path] | None
) -> Found:
    """The logs of tables and films: a film beside each table, or films that a column names."""
    sections = [
        (each.name, table, read_film(file))
        for each in experiments
        for table, file in _sections(each, roles, cameras, len(experiments))
    ]
    roles = _with_clock(roles, sections[0][1], sections[0][2])
    _require_own_clocks(sections, roles)
    logs, said, effect = [], [], []
    for name, table, film in sections:
        aligned = _aligned(table, film, roles, options)
        frames = FilmPictures(film, aligned.numbers, options.size)
        logs.append(Log(name, aligned.table, {"film": frames}))
        said.append(aligned.said)
        effect.append(aligned.is_effect)
    todo = "leave alignment out, or pass 'effect'"
    fits = not (any(effect) and options.alignment == "cause")
    what = "the alignment of a table that is merged onto the frames of a film"
    checks.require(fits, what, "effect: rows led to the next frame", "cause", todo)
    return Found("tables and films", logs, roles, "effect" if all(effect) else None, said)


def _require_own_clocks(sections: Sequence[tuple[str, Table, Film]], roles: Columns) -> None:
    """Raise `ValueError` if the seconds of a table run on from one film to the next."""
    for (_, before, _), (_, table, film) in pairwise(sections):
        if roles.time is None or table.what != before.what or not table.is_numeric(roles.time):
            continue
        first, last = table.numbers([roles.time])[0, 0], before.numbers([roles.time])[-1, 0]
        what, got = f"the column '{roles.time}' of {table.what}", f"{first:g} after {last:g}, at '{film.file.name}'"
        todo = "count the seconds from the first frame of each film, or name the frames' numbers (--frame COLUMN)"
        checks.require(first < last, what, "one that begins anew with every film", got, todo)


def _sections(
    experiment: _Experiment, roles: Columns, cameras: Sequence[Path] | None, number: int
) -> list[tuple[Table, Path]]:
    """The rows of a table that belong to each film, in their order."""
    table, folder = experiment.table, experiment.file.parent
    if roles.image is None:
        beside = cameras or [each for each in films_in(folder) if each.parent == folder or number == 1]
        same = [each for each in beside if each.stem == experiment.file.stem] or beside
        return [(table, films.one_film(same, f"the table {table.what}"))]
    names = np.array(table.texts(roles.image))
    bounds = np.concatenate([[0], 1 + np.flatnonzero(names[1:] != names[:-1]), [len(names)]])
    known = {each.name: each for each in films_in(folder)} | {
        str(each.relative_to(folder)): each for each in films_in(folder)
    }
    for row in bounds[:-1]:
        what, got = f"the films of {table.what}", f"no file '{checks.shown(names[row])}' for row {row}"
        checks.require(names[row] in known, what, f"in '{folder}'", got, "copy it there, or leave the rows out")
    return [(table.rows(np.arange(a, b)), known[names[a]]) for a, b in pairwise(bounds)]


def _with_clock(roles: Columns, table: Table, film: Film) -> Columns:
    """The roles with the column by which rows belong to frames, where the user names none and their numbers differ."""
    if roles.time is not None or roles.frame is not None or len(table) == len(film.times):
        return roles
    free = left_out(roles, table)
    frame = next((name for name in free if name.lower() in FRAME and table.is_numeric(name)), None)
    dated = [name for name in free if not table.is_numeric(name) and table.with_dates(name).times(name) is not None]
    time = next((name for name in free if name.lower() in TIME), next(iter(dated), None))
    first = table.numbers([frame])[0, 0] if frame is not None else 0
    what, must = f"the column '{frame}' of {table.what}", "named, if it counts frames from 0"
    todo = f"say so with frame (--frame {frame}), or subtract 1"
    checks.require(first != 1, what, must, "a column that begins with 1", todo)
    return replace(roles, frame=frame, time=time if frame is None else None)


def _aligned(table: Table, film: Film, roles: Columns, options: Options) -> Aligned:
    """The rows and the frames that belong together."""
    events = _events(table, roles, options)
    if roles.time is not None:
        return clock.aligned_by_time(table, film, roles.time, events, options.rate, options.offset)
    if roles.frame is not None:
        given = clock.aligned_by_number(table, film, roles.frame)
    else:
        given = clock.aligned_in_order(table, film)
    if options.rate is None:
        return given
    todo = "pass alignment='effect' if row t led to frame t (--alignment effect)"
    checks.require(options.alignment is not None, f"the rows of {table.what}", "given a meaning", "none", todo)
    timed = given.table.with_columns({FILM_TIME: film.times[given.numbers]})
    return clock.aligned_by_time(timed, film, FILM_TIME, events, options.rate, None)


def _events(table: Table, roles: Columns, options: Options) -> list[str]:
    """The columns of targets that mark events, rather than levels that are to be encoded."""
    encoded = by_column(options.encode, roles.targets, "the targets") if options.encode is not None else {}
    return [name for name in table.columns_of(roles.targets) if name not in encoded]
