"""A table and a film on one clock: which frames are kept, and what happened between them.

The clock ticks once per frame that is kept. It is that of the table where its rows are evenly spaced and no faster than
the film, unless every row is an intervention, as in a list of events; else it is that of the film, or a rate that the
user gives. In the interval that ends with a tick, a target is 1 if it is 1 in any row of the table; every other column
has its last value up to the tick. So **row t led to frame t**.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.data.convert.logs.films import Film, nearest
from trisect.data.convert.logs.table import Table

EVEN = 1.5
"""Rows are evenly spaced if no step is this many times the median one, and none less than its inverse."""
SLACK = 1e-6


@dataclass(frozen=True)
class Aligned:
    """A table and the frames that belong to its rows.

    Attributes:
        table: a row per frame.
        numbers: (rows,) the number of the film's frame of every row.
        said: what was done, in a sentence.
        is_effect: whether row t led to frame t by the way in which the rows were made; if not, the user says so.
    """

    table: Table
    numbers: np.ndarray
    said: str
    is_effect: bool


def aligned_in_order(table: Table, film: Film) -> Aligned:
    """Row t belongs to frame t; there must be as many of them."""
    got = f"{len(film.times)} frames for {len(table)} rows of {table.what}"
    todo = "name the column of the times in seconds (--time COLUMN), or of the frames' numbers (--frame COLUMN)"
    checks.require(len(film.times) == len(table), f"the film '{film.file}'", "one frame per row", got, todo)
    said = f"row t of {table.what} belongs to frame t of '{film.file.name}', by their order"
    return Aligned(table, np.arange(len(table)), said, False)


def aligned_by_number(table: Table, film: Film, column: str) -> Aligned:
    """Every row names its frame, from 0; frames without a row are left out."""
    numbers, what = table.numbers([column])[:, 0], f"the column '{column}' of {table.what}"
    must = f"numbers of frames, whole and from 0 to {len(film.times) - 1}"
    bad = np.flatnonzero((numbers != np.round(numbers)) | (numbers < 0) | (numbers >= len(film.times)))
    got = f"{numbers[bad[0]]:g} in row {bad[0]}" if len(bad) else ""
    checks.require(not len(bad), what, must, got, f"'{film.file.name}' has {len(film.times)} frames")
    falls = np.flatnonzero(np.diff(numbers) < 0)
    got = f"{numbers[falls[0] + 1]:g} after {numbers[falls[0]]:g} in row {falls[0] + 1}" if len(falls) else ""
    checks.require(not len(falls), what, "ascending", got, "sort the rows by it")
    whole = numbers.astype(np.int64)
    said = f"rows of {table.what} name their frames of '{film.file.name}', {whole[0]} to {whole[-1]}"
    left = len(film.times) - len(np.unique(whole))
    return Aligned(table, whole, said + (f"; {left} frames without a row are left out" if left else ""), False)


def aligned_by_time(
    table: Table, film: Film, column: str, targets: Sequence[str], rate: float | None, offset: float | None
) -> Aligned:
    """Put rows and frames on one clock, see the module.

    Args:
        table: the table.
        film: the film.
        column: the column of the times, in seconds or as dates.
        targets: the columns of targets that mark events; 0 or 1 in every row.
        rate: ticks per second; None: see the module.
        offset: time of the table at the film's first frame, in seconds; by default 0, or the first row's if the column
            holds dates.

    Raises:
        ValueError: times are missing or descend, or no row falls into the film.
    """
    times = _times(table, column, offset)
    inside = (times >= film.times[0] - SLACK) & (times <= film.times[-1] + _step(film.times) / 2)
    span = f"0 to {film.times[-1]:.3g} s, as the film '{film.file.name}' is"
    got = f"{times[0]:.6g} to {times[-1]:.6g}"
    todo = "pass offset=, the time of the film's first frame in the table (--offset SECONDS)"
    checks.require(bool(inside.any()), f"the times of {table.what}", f"partly in {span}", got, todo)
    is_list = bool(targets) and bool(table.numbers(targets).any(axis=1).all())
    ticks, clock = _ticks(times[inside], film.times, rate, is_list)
    merged = table if len(ticks) == len(table) and np.array_equal(ticks, times) else None
    numbers = nearest(film.times, ticks)
    apart = float(np.abs(film.times[numbers] - ticks).max())
    said = (
        f"one frame per {clock}: {len(ticks)} frames of '{film.file.name}' from {ticks[0]:.3f} s to {ticks[-1]:.3f} s"
    )
    said += f", at most {apart * 1000:.0f} ms from their rows' time"
    chosen = np.array_equal(ticks, times[inside])
    outside = int((~inside).sum()) + (0 if chosen else int((times[inside] > ticks[-1] + SLACK).sum()))
    said += f"; {outside} rows of {table.what} lie outside the film and are left out" if outside else ""
    if merged is not None:
        return Aligned(merged, numbers, said, False)
    kept = table.rows(np.flatnonzero(inside))
    if np.array_equal(ticks, times[inside]):
        return Aligned(kept, numbers, said, False)
    said += "; a target is 1 if it is 1 in a row since the frame before, other columns have their last value"
    return Aligned(_merged(kept, times[inside], ticks, targets), numbers, said, True)


def _times(table: Table, column: str, offset: float | None) -> np.ndarray:
    """Seconds since the film's first frame, (rows,) ascending."""
    times, what = table.with_dates(column).times(column), f"the column '{column}' of {table.what}"
    if times is None:
        got = table.first_that_is_no_time(column)
        todo = "give every row a time in seconds, or a date such as 2026-01-31 12:00:00.25"
        raise ValueError(checks.sentence(what, "times", got, todo))
    falls = np.flatnonzero(np.diff(times) < 0)
    got = f"{times[falls[0] + 1]:g} after {times[falls[0]]:g} in row {falls[0] + 1}" if len(falls) else ""
    checks.require(not len(falls), what, "ascending", got, "sort the rows by it")
    return times - (offset or 0.0)


def _step(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _ticks(times: np.ndarray, frames: np.ndarray, rate: float | None, is_list: bool) -> tuple[np.ndarray, str]:
    """The times of the frames that are kept, and what the clock is, in words."""
    even = _even(times) and not is_list
    if rate is not None:
        first, last = (max(times[0], frames[0]), min(times[-1], frames[-1])) if even else (frames[0], frames[-1])
        return first + np.arange(int(np.floor((last - first) * rate + SLACK)) + 1) / rate, f"1/{rate:g} s"
    if even and _step(times) >= _step(frames) * (1 - 1e-3):
        return times, "row of the table"
    if not even:
        return frames, "frame of the film"
    return frames[(frames >= times[0] - SLACK) & (frames <= times[-1] + SLACK)], "frame of the film"


def _even(times: np.ndarray) -> bool:
    """Whether times are evenly spaced."""
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    return usual > 0 and bool((steps <= EVEN * usual).all() and (steps >= usual / EVEN).all())


def _merged(table: Table, times: np.ndarray, ticks: np.ndarray, targets: Sequence[str]) -> Table:
    """The table with a row per tick; before its first row, columns of numbers other than the targets are empty."""
    stops = np.searchsorted(times, ticks + SLACK, side="right")
    merged, columns = table.rows((stops - 1).clip(0)), {}
    for name in (each for each in table.names if table.is_numeric(each)):
        if name not in targets:
            values = merged.column(name).astype(np.float64)
            columns[name] = np.where(stops == 0, np.nan, values)
            continue
        values = checks.indicator(table.numbers([name]), f"the column '{name}' of {table.what}")[:, 0]
        before = np.concatenate([[0], np.cumsum(values)])
        columns[name] = np.diff(before[stops], prepend=0) > 0
    return merged.with_columns(columns)
