"""What the columns of a log are: declared by the user, or evident from their names."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.episodes import IDS, LAST, MARKS, PARTIAL, starts_from
from trisect.data.convert.logs.table import Table
from trisect.data.targets import WHY_TARGETS

logger = logging.getLogger(__name__)

MISSING = ("refuse", "hold", "drop")
NOTHING = ("", "none", "nothing", "nan", "-")
"""Texts, in lower case, that say that nothing was intervened on."""
FLAGS = {"yes", "no", "true", "false", "on", "off", "y", "n", "t", "f"}
MOST_VARIABLES = 200
FEW = 20
"""A column numbers episodes, perhaps, if it changes in at most one of this many rows."""
GAP = 3.0
"""A step of time is a gap from this many times the usual one."""
FRAME = ("frame", "frame_index", "frame_number")
TIME = ("time", "timestamp", "seconds", "t")
ORDER = (*TIME, *FRAME, "step", "index", "unnamed: 0", "")
"""Names of columns that count rows, in lower case."""
LISTS = ("targets", "sensors", "factors", "actions")
NAMES = ("image", "episode", "time", "frame")


@dataclass(frozen=True)
class Columns:
    """What the columns of a log are; the name of an array stands for all of its columns.

    Attributes:
        targets: columns that say what was intervened on, 0 or 1 in each row; or one column of texts, that names the
            variable, or is empty. None where every experiment has its own interventions.
        sensors: columns that are observed, where there are no pictures; by default all other columns of numbers.
        factors: columns of true values, in the order of the variables; used for scores only.
        actions: columns of actions.
        image: column of the names of the pictures, or of the film, in a folder; or the name of an array of pictures.
        episode: column that says which episode a row belongs to.
        time: column of times, in seconds or as dates, by which rows belong to the frames of a film.
        frame: column of numbers of frames, from 0, by which rows belong to the frames of a film.
        missing: what to do with empty cells of sensors, factors and actions: "refuse" them, "hold" the value before
            in the same episode, or "drop" the row, after which an episode starts. Empty targets are refused.

    Raises:
        ValueError: a column is named twice, sensors and pictures are both named, or ``missing`` is unknown.
    """

    targets: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    image: str | None = None
    episode: str | None = None
    time: str | None = None
    frame: str | None = None
    missing: str = "refuse"

    def __post_init__(self) -> None:
        checks.one_of(self.missing, MISSING, "the option 'missing' of convert")
        for role in NAMES:
            name = getattr(self, role)
            must = "the name of a column"
            checks.require(name is None or isinstance(name, str), f"the {role} of a table", must, checks.shown(name))
        checks.unique_names(self.named, "the columns that are named")
        both, todo = bool(self.sensors) and self.image is not None, "leave one of them out"
        checks.require(not both, "what is observed", "either sensors or pictures", "both", todo)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns with a role."""
        single = tuple(name for name in (getattr(self, role) for role in NAMES) if name is not None)
        return (*self.targets, *self.sensors, *self.factors, *self.actions, *single)

    def understood(self) -> dict[str, Any]:
        """Role -> its columns, those that there are, in plain types."""
        roles = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "missing"}
        return {role: list(names) if isinstance(names, tuple) else names for role, names in roles.items() if names}


def read_columns(given: Mapping[str, Any]) -> Columns:
    """Make columns from a mapping; an unknown key raises `ValueError` with a suggestion."""
    known = [each.name for each in fields(Columns)]
    for name in given:
        checks.one_of(name, known, "a role of columns")
    many = {name: names_of(given[name], f"the {name} of a table") for name in LISTS if name in given}
    return Columns(**{**given, **many})


def names_of(value: Any, what: str) -> tuple[str, ...]:
    """One name, or several, as a tuple; raises `ValueError` for anything else, which ``what`` names."""
    names = [value] if isinstance(value, str) else value
    listed = isinstance(names, Sequence) and all(isinstance(each, str) for each in names)
    checks.require(listed, what, "names", checks.shown(value))
    return tuple(names)


def require_interventions(targets: Sequence[str], given: Mapping[str, Any] | None) -> None:
    """Raise `ValueError` unless either columns or experiments say what was intervened on."""
    what, must = "what was intervened on", "said either by columns or by experiments"
    todo = "name columns with targets (--targets A,B), or experiments with interventions (--intervention NAME=A,B); "
    got = "both" if given else "neither"
    checks.require(bool(targets) != bool(given), what, must, got, todo + WHY_TARGETS)


def check_named(columns: Columns, table: Table, elsewhere: Sequence[str] = ()) -> None:
    """Raise `ValueError` for a column that is named and is not in the table, nor elsewhere (such as arrays)."""
    for name in columns.named:
        if name in columns.targets and name not in table.known:
            _refuse_value(name, table)
        checks.one_of(name, (*table.known, *elsewhere), f"a column of {table.what}")
    used = list(table.columns_of(name for name in columns.named if name in table.known))
    checks.unique_names(used, f"the columns of {table.what} that are named, alone or with their arrays")


def _refuse_value(name: str, table: Table) -> None:
    """Raise `ValueError` if a target is no column, but a text in one."""
    for column in (each for each in table.names if not table.is_numeric(each)):
        is_value = bool((table.frame[column].astype(str).str.strip() == name).any())
        what, got = f"a column of {table.what}", f"'{name}', which is a text in the column '{column}'"
        must = f"one of {checks.listed(table.known, 280)}"
        todo = f"name the column as the targets (--targets {column}): each of its texts becomes a variable"
        checks.require(not is_value, what, must, got, todo)


def with_sensors(columns: Columns, table: Table) -> Columns:
    """The columns with what is observed where there are no pictures; `ValueError` if nothing is."""
    if columns.sensors:
        return columns
    left = [name for name in left_out(columns, table) if name.lower() not in (*ORDER, *MARKS)]
    sensors = tuple(name for name in left if table.is_numeric(name) and not table.frame[name].isna().all())
    _doubt_counters(sensors, table)
    what, must = f"the table {table.what}", "one with columns of numbers to observe"
    got = f"only texts in {', '.join(left)}" if left else "none"
    todo = "name them with sensors (--sensors A,B); numbers have a point, not a comma"
    checks.require(len(sensors) > 0, what, must, got, todo)
    return replace(columns, sensors=sensors)


def _doubt_counters(sensors: Sequence[str], table: Table) -> None:
    """Warn of columns that are about to be observed, but rather seem to count episodes, or rows."""
    for name in sensors:
        values = table.column(name).astype(np.float64)
        steps = np.diff(values[np.isfinite(values)])
        ascends = len(steps) > 1 and bool((steps >= 0).all()) and bool((values == np.round(values)).all())
        if ascends and 0 < np.count_nonzero(steps) <= len(steps) / FEW:
            text = "the column '%s' of %s only goes up, %d times: if it numbers episodes, say so (--episode %s)"
            logger.warning(text, name, table.what, np.count_nonzero(steps), name)
        elif ascends and len({*steps}) == 1:
            text = "the column '%s' of %s only counts: if it is no reading, name the sensors (--sensors A,B)"
            logger.warning(text, name, table.what)


def left_out(columns: Columns, table: Table) -> list[str]:
    """The columns of a table without a role."""
    used = {*columns.named, *table.columns_of(name for name in columns.named if name in table.known)}
    return [name for name in table.names if name not in used]


def mark_of_episodes(columns: Columns, table: Table) -> Columns:
    """The columns with one that is called after episodes, where the user names none."""
    if columns.episode is not None:
        return columns
    marks = [name for name in left_out(columns, table) if name.lower() in (*IDS, "episode")]
    return replace(columns, episode=marks[0] if marks else None)


def episode_starts(table: Table, columns: Columns) -> np.ndarray:
    """Rows where episodes start, (episodes,) int64, by a column of episodes, or by flags with the names of such."""
    if columns.episode is not None:
        marks = np.array(table.texts(columns.episode))
        starts = np.concatenate([[0], 1 + np.flatnonzero(marks[1:] != marks[:-1])]).astype(np.int64)
        again = len(starts) - len({*marks})
        what, got = f"the column '{columns.episode}' of {table.what}", f"{again} that come again after another one"
        checks.require(not again, what, "one stretch of rows for every episode", got, "sort the rows by episode")
        return starts
    flags = (*LAST, *PARTIAL, "is_first")
    found = {name.lower(): name for name in left_out(columns, table) if name.lower() in flags}
    values = {mark: table.column(name) for mark, name in found.items() if table.is_numeric(name)}
    marked = starts_from(values, len(table), f" of {table.what}")
    return np.zeros(1, np.int64) if marked is None else marked


def with_events(tables: Sequence[Table], columns: Columns) -> tuple[list[Table], Columns]:
    """The tables with a column of 0 and 1 for each variable, as their targets, in place of one that names variables."""
    name = columns.targets[0] if len(columns.targets) == 1 else None
    if name is None or any(name not in table.names for table in tables):
        return list(tables), columns
    numeric = [table.is_numeric(name) and not table.frame[name].isna().all() for table in tables]
    if any(numeric) or all(table.is_numeric(name) for table in tables):
        return list(tables), columns
    named = [table.frame[name].astype(object).fillna("").astype(str).str.strip().to_numpy() for table in tables]
    named = [np.where(np.isin(np.char.lower(cells.astype(str)), NOTHING), "", cells) for cells in named]
    variables = sorted({*np.concatenate(named)} - {""})
    _check_events(variables, f"the column '{name}' of {tables[0].what}")
    free = not {*variables} & {known for table in tables for known in table.known}
    what, must = f"the column '{name}' of {tables[0].what}", "names of variables that are no columns"
    checks.require(free and len(variables) > 0, what, must, checks.listed(variables, 100) or "none")
    marked = [
        table.with_columns({variable: (cells == variable).astype(np.int64) for variable in variables}).without(name)
        for table, cells in zip(tables, named)
    ]
    return marked, replace(columns, targets=tuple(variables))


def _check_events(variables: Sequence[str], what: str) -> None:
    """Raise `ValueError` if texts are flags rather than names of variables, or too many."""
    flags, todo = bool(variables) and {each.lower() for each in variables} <= FLAGS, "write 1 and 0 instead"
    checks.require(not flags, what, "names of variables", checks.listed(variables, 60), todo)
    got, must = f"{len(variables)} different texts", f"names of at most {MOST_VARIABLES} variables"
    checks.require(len(variables) <= MOST_VARIABLES, what, must, got, "name another column")


def check_order(table: Table, starts: np.ndarray) -> None:
    """Check that the rows are in the order of time, as far as columns count it, and warn of gaps.

    Args:
        table: the table.
        starts: rows where episodes start.

    Raises:
        ValueError: a column of time decreases within an episode.
    """
    inside = np.setdiff1d(np.arange(1, len(table)), starts) - 1
    for name in (each for each in table.names if each.lower() in ORDER):
        times = table.with_dates(name).times(name)
        if times is not None:
            _check_steps(np.diff(times)[inside], f"the column '{name}' of {table.what}")


def _check_steps(steps: np.ndarray, what: str) -> None:
    must, todo = "ascending within an episode", "sort the rows by time, or mark where episodes start"
    checks.require(not (steps < 0).any(), what, must, f"a step of {steps.min(initial=0):g}", todo)
    usual, longest = (float(np.median(steps)), float(steps.max())) if len(steps) else (0.0, 0.0)
    if 0 < GAP * usual < longest:
        text = "%s has gaps: a step of %g, where %g is usual; rows are taken as equally far apart"
        logger.warning(text, what, longest, usual)
