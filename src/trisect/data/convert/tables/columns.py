"""What the columns of a table are: declared by the user, or evident."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from trisect import checks
from trisect.data.convert.episodes import IDS
from trisect.data.convert.tables.files import Table

logger = logging.getLogger(__name__)

MISSING = ("refuse", "hold")
GAP = 3.0
"""A step of time is a gap from this many times the usual one."""
ORDER = ("time", "timestamp", "frame", "frame_index", "step", "index", "unnamed: 0", "")
"""Names of columns that count rows, in lower case."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        targets: columns that say what was intervened on, 0 or 1 in each row; none where every experiment has its own
            interventions.
        sensors: columns that are observed, where there are no pictures; by default all other columns of numbers.
        factors: columns of true values, in the order of the variables; used for scores only.
        actions: columns of actions.
        image: column of the names of the pictures, in a folder.
        episode: column that says which episode a row belongs to.
        missing: what to do with empty cells of sensors, factors and actions: "refuse" them, or "hold" the value before
            in the same episode. Empty targets are refused.

    Raises:
        ValueError: a column is named twice, sensors and pictures are both named, or ``missing`` is unknown.
    """

    targets: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    image: str | None = None
    episode: str | None = None
    missing: str = "refuse"

    def __post_init__(self) -> None:
        checks.one_of(self.missing, MISSING, "the option 'missing' of convert")
        for role in ("image", "episode"):
            name = getattr(self, role)
            must = "the name of a column"
            checks.require(name is None or isinstance(name, str), f"the {role} of a table", must, checks.shown(name))
        checks.unique_names(self.named, "the columns that are named")
        both, todo = bool(self.sensors) and self.image is not None, "leave one of them out"
        checks.require(not both, "what is observed", "either sensors or pictures", "both", todo)

    @property
    def named(self) -> tuple[str, ...]:
        """All columns with a role."""
        single = tuple(name for name in (self.image, self.episode) if name is not None)
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
    listed = [name for name in ("targets", "sensors", "factors", "actions") if name in given]
    many = {name: names_of(given[name], f"the {name} of a table") for name in listed}
    return Columns(**{**given, **many})


def names_of(value: Any, what: str) -> tuple[str, ...]:
    """One name, or several, as a tuple; raises `ValueError` for anything else, which ``what`` names."""
    names = [value] if isinstance(value, str) else value
    listed = isinstance(names, Sequence) and all(isinstance(each, str) for each in names)
    checks.require(listed, what, "names", checks.shown(value))
    return tuple(names)


def completed(columns: Columns, table: Table, has_pictures: bool) -> Columns:
    """The columns of a table, with what its names and types show.

    Args:
        columns: what the user declares.
        table: the table.
        has_pictures: whether the observations are pictures, so that other columns are left out.

    Raises:
        ValueError: a declared column is not in the table, or nothing is observed.
    """
    for name in columns.named:
        checks.one_of(name, table.names, f"a column of '{table.file}'")
    if columns.episode is None:
        marks = [name for name in table.names if name.lower() in (*IDS, "episode") and name not in columns.named]
        columns = replace(columns, episode=marks[0] if marks else None)
    if has_pictures or columns.sensors:
        return columns
    left = [name for name in table.names if name not in columns.named and name.lower() not in ORDER]
    sensors = tuple(name for name in left if table.is_numeric(name))
    what, must = f"the table '{table.file}'", "one with columns of numbers to observe"
    got = f"only texts in {', '.join(left)}" if left else "none"
    todo = "name them with sensors (--sensors A,B); numbers have a point, not a comma"
    checks.require(len(sensors) > 0, what, must, got, todo)
    return replace(columns, sensors=sensors)


def check_order(table: Table, episodes: np.ndarray) -> None:
    """Check that the rows are in the order of time, as far as columns count it, and warn of gaps.

    Args:
        table: the table.
        episodes: the episode of every row, ascending.

    Raises:
        ValueError: a column of time decreases within an episode.
    """
    for name in (each for each in table.names if each.lower() in ORDER):
        times = table.times(name)
        if times is not None:
            _check_steps(np.diff(times)[np.diff(episodes) == 0], f"the column '{name}' of '{table.file}'")


def _check_steps(steps: np.ndarray, what: str) -> None:
    must, todo = "ascending within an episode", "sort the rows by time, or mark where episodes start"
    checks.require(not (steps < 0).any(), what, must, f"a step of {steps.min(initial=0):g}", todo)
    usual, longest = (float(np.median(steps)), float(steps.max())) if len(steps) else (0.0, 0.0)
    if 0 < GAP * usual < longest:
        text = "%s has gaps: a step of %g, where %g is usual; rows are taken as equally far apart"
        logger.warning(text, what, longest, usual)


def left_out(columns: Columns, table: Table) -> list[str]:
    """The columns of a table without a role."""
    return [name for name in table.names if name not in columns.named]
