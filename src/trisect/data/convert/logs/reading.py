"""What the logs of a file or folder say, before anything is written: the data set without its pictures."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data import arrays
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.encoding import by_column
from trisect.data.convert.levels import Levels
from trisect.data.convert.logs.exported import completed, is_as_written
from trisect.data.convert.logs.find import reader_of, unread_files
from trisect.data.convert.logs.given_splits import split_data
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.pictures import InBlocks, JoinedPictures, Pictures
from trisect.data.convert.logs.roles import (
    Columns,
    check_named,
    check_order,
    episode_starts,
    left_out,
    mark_of_episodes,
    names_of,
    require_interventions,
    with_sensors,
)
from trisect.data.convert.logs.table import FILL
from trisect.data.convert.options import Options
from trisect.data.convert.pixels import Channels, Frames, Pixels, read_pixels
from trisect.data.dataset import Dataset
from trisect.data.resizing import resized

logger = logging.getLogger(__name__)

WRITE = "write 1 where something was intervened on, and 0 elsewhere"
"""Advice about empty cells of targets."""
UNUSED = ("names", "group")
"""Options of convert that say nothing about logs."""


@dataclass(frozen=True)
class Frame:
    """The pictures of a data set, which are still to be written.

    Attributes:
        pictures: all pictures, in the order of the logs.
        pixels: how they are stored.
        size: height and width of the result.
    """

    pictures: JoinedPictures
    pixels: Pixels
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the result."""
        return (*self.size, self.pixels.frame_shape[-1])

    def pictures_of(self, rows: np.ndarray) -> np.ndarray:
        """The pictures of rows (T, n) as observations (T, height, width, n * channels) uint8."""
        needed, place = np.unique(rows, return_inverse=True)
        taken = self.pixels.to_frames(self.pictures.take(needed), self.pictures.what, int(needed[0]))
        if taken.shape[1:3] != self.size:
            taken = np.stack([resized(each, *self.size) for each in taken])
        held = taken[place.reshape(rows.shape)]
        return np.ascontiguousarray(np.moveaxis(held, 1, -2).reshape(len(rows), *self.size, -1))


@dataclass(frozen=True)
class Reading:
    """What was understood.

    Attributes:
        data: the data set. If there are pictures, its observations are the rows of the logs that belong to every frame,
            (T, 1), or (T, n) for stacks of n frames; the pictures come in their place when it is written.
        frame: the pictures, if there are any.
        columns: the roles of the columns.
        alignment: what a row means by the user's word or by the format; None if the lengths of the arrays say it.
        stack: number of pictures in an observation.
    """

    data: Dataset
    frame: Frame | None
    columns: Columns
    alignment: Alignment | None
    stack: int

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """Shape of an observation of the finished data set."""
        if self.frame is None:
            return self.data.observation_shape
        return (*self.frame.shape[:2], self.frame.shape[2] * self.stack)

    def observations(self, rows: np.ndarray) -> np.ndarray:
        """The finished observations (T, ...) that belong to some observations of ``data``, (T, ...)."""
        if self.frame is None:
            return rows
        return self.frame.pictures_of(rows[:, : self.stack].astype(np.int64))


def read_logs(path: Path, options: Options) -> Reading:
    """Read everything but the pictures of a file or folder that holds logs.

    Raises:
        ImportError: a package that reads the format is not installed.
        ValueError: a column, a cell, a picture or an option is wrong or missing.
    """
    read = reader_of(path)
    assert read is not None, path
    for name in UNUSED:
        what = f"the option '{name}' of convert"
        checks.require(not getattr(options, name), what, "left out for tables and other logs", "one given")
    unread = unread_files(path, read)
    if unread:
        logger.warning("files beside the recording that are not read: %s", checks.listed(unread, 200))
    found = read(path, options)
    return reading_of(replace(found, left_out=[*found.left_out, *unread]), options)


def reading_of(found: Found, options: Options) -> Reading:
    """What logs say, by the roles of their columns and the user's options; errors as of `read_logs`."""
    roles = _roles(found)
    options = completed(options, found, roles)
    logs = [_cleared(each, roles) for each in found.logs]
    for each in logs:
        assert each.starts is not None
        check_order(each.table, each.starts)
    _require_used(found, roles, options)
    frame = None if roles.sensors else _frame(logs, roles, options, is_as_written(found, roles, options))
    _require_frames(logs, roles)
    stated = options.alignment or found.alignment
    known = _interventions(logs, roles, options, stated)
    data = split_data(found, logs, roles, options, known) if found.facts else _cut(logs, roles, options, known)
    facts = _facts(found, logs, roles, stated or known[-1], frame)
    return Reading(Dataset(dict(data.items()), {**data.source, **facts}), frame, roles, stated, options.stack)


def _require_used(found: Found, roles: Columns, options: Options) -> None:
    """Raise `ValueError` if an option is given of which there is nothing here: pictures, or a film beside a table."""
    of_pictures = ("size", "channels", "levels") if roles.sensors else ()
    of_films = () if any("film" in log.pictures for log in found.logs) else ("rate", "offset")
    for name in (*of_pictures, *of_films):
        given, must = getattr(options, name), f"left out for {found.form}{' without pictures' if roles.sensors else ''}"
        checks.require(given is None, f"the option '{name}' of convert", must, checks.shown(given))


def _cut(
    logs: Sequence[Log],
    roles: Columns,
    options: Options,
    found: tuple[tuple[str, ...], np.ndarray, np.ndarray | None, Alignment | None],
) -> Dataset:
    """The data set of all logs, cut into splits; arguments as of `trisect.data.convert.logs.given_splits`."""
    names, targets, actions, alignment = found
    known: dict[str, Any] = {name: getattr(options, name) for name in ("encode", "stack", "stacked")}
    known |= {"episode_starts": _starts(logs), "actions": actions}
    known["factors"] = _joined(logs, roles.factors) if roles.factors else None
    observed = _joined(logs, roles.sensors) if roles.sensors else _places(logs, options.stacked)
    return arrays.from_arrays(observed, targets, options.variables or names, alignment=alignment, **known)


def _facts(
    found: Found, logs: Sequence[Log], roles: Columns, alignment: Alignment | None, frame: Frame | None
) -> dict[str, Any]:
    """What was understood, in plain types, for ``meta.json``."""
    facts: dict[str, Any] = {"made_by": "convert", "form": found.form, "alignment": alignment}
    facts |= {"exported": dict(found.facts.source)} if found.facts else {}
    facts |= {"logs": list(dict.fromkeys(each.name for each in logs))[:100], "columns": roles.understood()}
    facts |= {"left_out": [*left_out(roles, logs[0].table), *found.left_out], "said": list(found.said)[:20]}
    return facts if frame is None else facts | {"frames": frame.pixels.describe() | {"size": list(frame.size)}}


def _roles(found: Found) -> Columns:
    """The roles of the columns of all logs, which must agree."""
    first = found.logs[0]
    roles = mark_of_episodes(found.roles, first.table)
    if first.pictures and not roles.sensors:
        roles = replace(roles, image=_camera(first, roles))
    else:
        roles = with_sensors(roles, first.table)
    for each in found.logs:
        check_named(roles, each.table, list(each.pictures))
    return roles


def _camera(log: Log, roles: Columns) -> str | None:
    """The array of pictures that is observed; a column that names files stays what it is."""
    if roles.image is not None or len(log.pictures) == 1:
        single = next(iter(log.pictures))
        return roles.image or (single if single not in ("pictures", "film") else None)
    must, todo = "one, or named", "name one with image (--image NAME)"
    what = f"the pictures of {log.table.what}"
    raise ValueError(checks.sentence(what, must, checks.listed(list(log.pictures)), todo))


def _cleared(log: Log, roles: Columns) -> Log:
    """The log with its episodes, after what the user wishes is done about empty cells."""
    starts = episode_starts(log.table, roles) if log.starts is None else log.starts
    used = (*roles.sensors, *roles.factors, *roles.actions)
    if roles.missing == "hold":
        numbers = np.zeros(len(log.table), np.int64)
        numbers[starts[1:]] = 1
        return replace(log, table=log.table.held(used, np.cumsum(numbers)), starts=starts)
    if roles.missing == "drop" and used:
        empty = log.table.empty_rows(used)
        what, must = f"the table {log.table.what}", "one with rows without empty cells"
        checks.require(not empty.all(), what, must, "none")
        after = np.union1d(starts, np.flatnonzero(empty) + 1)
        rows = np.flatnonzero(~empty)
        kept = np.unique(np.searchsorted(rows, after[after <= rows[-1]]))
        return replace(log.rows(rows), starts=kept.astype(np.int64))
    return replace(log, starts=starts)


def _starts(logs: Sequence[Log]) -> np.ndarray:
    """Rows of all logs where episodes start."""
    before = np.cumsum([0, *(len(each.table) for each in logs[:-1])])
    return np.concatenate([first + each.starts for first, each in zip(before, logs) if each.starts is not None])


def _joined(logs: Sequence[Log], names: Sequence[str]) -> np.ndarray:
    return _stored_rows(logs, names, None)


def _places(logs: Sequence[Log], stacked: int) -> np.ndarray:
    """The rows of all logs, in the place of the pictures, (T, stacked)."""
    rows = np.arange(sum(len(each.table) for each in logs), dtype=np.float64)
    return np.repeat(rows[:, None], stacked, axis=1)


def _frame(logs: Sequence[Log], roles: Columns, options: Options, as_written: bool) -> Frame:
    joined = JoinedPictures([_camera_of(each, roles) for each in logs])
    for part in joined.parts:
        same, must = part.dtype == joined.dtype, f"{joined.dtype}, as {joined.what}"
        checks.require(same, part.what, must, part.dtype, "store the pictures of all episodes in the same way")
    if as_written:
        pixels = Pixels(joined.shape[1:], "last", "0..255", joined.shape[-1])
        return Frame(joined, pixels, options.size or pixels.frame_shape[:2])
    known: tuple[Channels | None, Levels | None] = ("last", "0..255") if joined.is_decoded else (None, None)
    channels, levels = options.channels or known[0], options.levels or known[1]
    pixels = read_pixels([Frames(InBlocks(joined))], True, channels, levels, options.stacked)
    return Frame(joined, pixels, options.size or pixels.frame_shape[:2])


def _camera_of(log: Log, roles: Columns) -> Pictures:
    """The pictures that are observed: those that the role names or, where it names a column of files, the only ones."""
    named = [pictures for name, pictures in log.pictures.items() if name == roles.image]
    return [*named, *log.pictures.values()][0]


def _interventions(
    logs: Sequence[Log], roles: Columns, options: Options, stated: Alignment | None
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None, Alignment | None]:
    """Names of the variables, targets (rows, K) and actions (rows, A) of all logs, and what their rows mean.

    Args:
        stated: what a row means by the user's word or by the format.
    """
    given = options.interventions
    require_interventions(roles.targets, given)
    others = logs[0].table.columns_of(roles.actions)
    if given:
        names, targets = _of_experiments(logs, given)
        actions = np.nan_to_num(_moved_rows(logs, others, stated)) if others else None
        return names, targets, actions, "effect"
    columns = logs[0].table.columns_of(roles.targets)
    names = _variables(columns, logs[0])
    mixed = any({*columns, *others} & each.table.late for each in logs)
    alignment: Alignment | None = "effect" if mixed else stated
    rows = _moved_rows if mixed else _stored_rows
    targets, actions = rows(logs, columns, stated, WRITE), rows(logs, others, stated) if others else None
    encoded = by_column(options.encode, names, "the targets") if options.encode is not None else {}
    for place, name in enumerate(names):
        if name not in encoded:
            targets[:, place] = np.nan_to_num(targets[:, place])
    declared = () if options.variables is None else options.variables.names
    if {*declared} == {*names}:
        targets, names = targets[:, [names.index(each) for each in declared]], declared
    return names, targets, None if actions is None else np.nan_to_num(actions), alignment


def _stored_rows(logs: Sequence[Log], columns: Sequence[str], stated: Alignment | None, todo: str = FILL) -> np.ndarray:
    """Columns (rows, columns) of all logs as they are; arguments as of `_moved_rows`."""
    return np.concatenate([each.table.numbers(columns, todo) for each in logs])


def _moved_rows(logs: Sequence[Log], columns: Sequence[str], stated: Alignment | None, todo: str = FILL) -> np.ndarray:
    """Columns (rows, columns) of all logs, where row t led to frame t; NaN where nothing is known of a row.

    Columns that have one row less than there are frames are like that already, others by what is stated of them.

    Args:
        logs: the logs.
        columns: names of columns.
        stated: what a row means by the user's word or by the format.
        todo: advice about empty cells.
    """
    return np.concatenate([_moved(each, columns, stated, todo) for each in logs])


def _moved(log: Log, columns: Sequence[str], stated: Alignment | None, todo: str) -> np.ndarray:
    assert log.starts is not None
    values, late = log.table.numbers(columns, todo), [name for name in columns if name in log.table.late]
    others = [name for name in columns if name not in late]
    what, must = f"the rows of {checks.listed(others, 60)} in {log.table.what}", "given a meaning"
    got = f"as many as frames{f', while {checks.listed(late, 60)} has one less' if late else ''}"
    todo = "pass alignment='cause' if row t led to frame t+1, 'effect' if it led to frame t (--alignment)"
    checks.require(not others or stated is not None, what, must, got, todo)
    if stated == "cause":
        moved = [place for place, name in enumerate(columns) if name not in late]
        values[1:, moved] = values[:-1, moved]
        values[log.starts[:, None], moved] = np.nan
    return values


def _require_frames(logs: Sequence[Log], roles: Columns) -> None:
    """Raise `ValueError` if a sensor or a factor has one row less than there are frames."""
    for log in logs:
        late = {*log.table.columns_of((*roles.sensors, *roles.factors))} & log.table.late
        what, must = f"the sensors and factors of {log.table.what}", "one per frame"
        got, todo = f"one less of {checks.listed(sorted(late))}", "add the missing row, or leave them out"
        checks.require(not late, what, must, got, todo)


def _variables(columns: Sequence[str], log: Log) -> tuple[str, ...]:
    """Names of the variables of columns: without the name of their array, where they stay different."""
    arrays = log.table.array_of
    ends = [column.removeprefix(f"{arrays.get(column, '')}.") for column in columns]
    counted = [end.isdecimal() and column in arrays for column, end in zip(columns, ends)]
    named = [f"{arrays[column]}_{end}" if is_number else end for column, end, is_number in zip(columns, ends, counted)]
    last = [name.rpartition("/")[2] for name in named]
    return tuple(last) if len({*last}) == len(last) else tuple(columns)


def _of_experiments(logs: Sequence[Log], given: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the variables, and targets (rows, K): those of a log are the same in all of its rows."""
    for name in given:
        checks.one_of(name, [each.name for each in logs], "an experiment with interventions")
    moved = {name: names_of(value, f"the interventions of '{name}'") for name, value in given.items()}
    names = tuple(dict.fromkeys(variable for variables in moved.values() for variable in variables))
    rows = [np.tile([name in moved.get(each.name, ()) for name in names], (len(each.table), 1)) for each in logs]
    return names, np.concatenate(rows)
