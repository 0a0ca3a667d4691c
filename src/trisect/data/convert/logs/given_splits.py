"""Logs that are splits already: each becomes a recording under its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from trisect.data import arrays
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.roles import Columns
from trisect.data.convert.options import Options
from trisect.data.dataset import Dataset, Split
from trisect.data.export.facts import STATE
from trisect.data.precision import as_single
from trisect.data.stacking import stacked_splits


def split_data(
    found: Found,
    logs: Sequence[Log],
    roles: Columns,
    options: Options,
    known: tuple[Sequence[str], np.ndarray, np.ndarray | None, Alignment | None],
) -> Dataset:
    """A data set with a split for every log.

    Args:
        found: what the files say.
        logs: the logs, of which each has its episodes.
        roles: the roles of the columns.
        options: what the user, and the files, declare.
        known: names of the variables, targets (rows, K) and actions (rows, A) of all logs, and what a row means.

    Returns:
        The data set; in the place of pictures are the rows of all logs that belong to them.
    """
    names, targets, actions, alignment = known
    splits: dict[str, Split] = {}
    encoded: dict[str, str] = {}
    for log, rows in zip(logs, _rows(logs)):
        facts: dict[str, Any] = {"encode": options.encode, "stacked": options.stacked, "episode_starts": log.starts}
        facts["actions"] = None if actions is None or _lacks(found, log, "actions") else actions[rows]
        if roles.factors and not _lacks(found, log, "factors"):
            facts["factors"] = log.table.numbers(roles.factors)
        given = {name: value for name, value in facts.items() if value is not None}
        observed = _observed(found, log, roles, rows, options.stacked)
        variables = options.variables or names
        splits[log.name], done = arrays.recording_of(observed, targets[rows], variables, alignment, given)
        encoded |= done
    stacked = stacked_splits(splits, options.stack)
    return Dataset(stacked, {"alignment": alignment, **({"encoded": encoded} if encoded else {})})


def _rows(logs: Sequence[Log]) -> Iterator[slice]:
    """The rows of each log among those of all."""
    ends = np.cumsum([len(each.table) for each in logs])
    return (slice(int(end) - len(each.table), int(end)) for each, end in zip(logs, ends))


def _lacks(found: Found, log: Log, name: str) -> bool:
    """Whether a split was written without factors, or without actions."""
    return found.facts is not None and not getattr(found.facts.splits[log.name], name)


def _observed(found: Found, log: Log, roles: Columns, rows: slice, stacked: int) -> np.ndarray:
    """The observations of a log: its vectors or, for pictures, their rows."""
    if not roles.sensors:
        return np.repeat(np.arange(rows.start, rows.stop, dtype=np.float64)[:, None], stacked, axis=1)
    values = log.table.numbers(roles.sensors)
    if found.facts is not None and roles.sensors == (STATE,):
        return values.astype(found.facts.splits[log.name].observations)
    return as_single(values)
