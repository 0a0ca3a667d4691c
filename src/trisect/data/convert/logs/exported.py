"""Data sets that `trisect.export_data` wrote: what they say about themselves gives the data set back as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trisect import checks
from trisect.data.convert.logs.log import Found, Log
from trisect.data.convert.logs.roles import Columns
from trisect.data.convert.options import Options
from trisect.data.export.facts import ACTION, EPISODE, FACTOR, KEY, LISTED, PICTURE, STATE, TARGET, Facts

if TYPE_CHECKING:
    from trisect.data.convert.logs.table import Table

TODO = f"copy the data set again, or remove the key '{KEY}' to read it as one of others"


def found_exported(form: str, logs: Mapping[str, Log], facts: Facts, options: Options) -> Found:
    """The splits of an exported data set, a log for each.

    Args:
        form: what was found, in words.
        logs: split -> its rows.
        facts: what the data set says about itself.
        options: what the user declares, which comes first.

    Raises:
        ValueError: the splits do not have the rows and episodes that the facts say.
    """
    splits = [_split(name, logs, facts) for name in facts.splits]
    roles = _roles(options, splits[0], facts)
    said = [f"exported by trisect, in the splits {checks.listed(list(facts.splits))}"]
    return Found(form, splits, roles, "effect", said, facts=facts)


def _split(name: str, logs: Mapping[str, Log], facts: Facts) -> Log:
    """A split with the rows where its episodes start; what only other splits have is 0."""
    log, split = logs[name], facts.splits[name]
    starts = starts_of(log.table)
    got, must = f"{len(log.table)} rows in {len(starts)} episodes", f"{split.rows} rows in {split.episodes} episodes"
    checks.require(got == must, f"the split '{name}'", f"{must}, as its key '{KEY}' says", got, TODO)
    absent = [each for each, there in ((FACTOR, split.factors), (ACTION, split.actions)) if not there]
    columns = log.table.columns_of(each for each in absent if each in log.table.known)
    filled = log.table.with_columns({column: np.zeros(split.rows) for column in columns})
    return replace(log, name=name, table=filled, starts=starts)


def starts_of(table: Table) -> np.ndarray:
    """Rows where the number of the episode changes, and 0."""
    return np.concatenate([[0], 1 + np.flatnonzero(np.diff(table.column(EPISODE)))]).astype(np.int64)


def _roles(options: Options, first: Log, facts: Facts) -> Columns:
    """The roles that the user declares, with those of the columns that the export wrote."""
    declared = options.columns or Columns()
    free = {*first.table.known, *first.pictures} - {*declared.named}
    roles: dict[str, object] = {}
    if TARGET in free and not declared.targets and not options.interventions:
        roles["targets"] = (TARGET,)
        has_factors = any(split.factors for split in facts.splits.values())
        roles |= {"factors": (FACTOR,)} if has_factors and FACTOR in free and not declared.factors else {}
    if ACTION in free and not declared.actions and any(split.actions for split in facts.splits.values()):
        roles["actions"] = (ACTION,)
    if not declared.sensors and declared.image is None:
        picture = next((each for each in (PICTURE, LISTED) if each in free), None)
        roles |= {"sensors": (STATE,)} if picture is None and STATE in free else {"image": picture}
    return replace(declared, **roles)  # type: ignore[arg-type]


def completed(options: Options, found: Found, roles: Columns) -> Options:
    """The options of the user with what the data set says about variables and frames, where they fit the roles."""
    facts = found.facts
    if facts is None:
        return options
    changes: dict[str, object] = {}
    if options.variables is None and roles.targets == (TARGET,):
        changes["variables"] = facts.variables
    if options.stacked == 1 and (roles.sensors == (STATE,) or roles.image in (PICTURE, LISTED)):
        changes["stacked"] = facts.frames
    return replace(options, **changes)  # type: ignore[arg-type]


def is_as_written(found: Found, roles: Columns, options: Options) -> bool:
    """Whether the pictures are those of the export, which are in our form already."""
    declared = options.channels is not None or options.levels is not None
    return found.facts is not None and roles.image in (PICTURE, LISTED) and not declared
