"""Reading what the closed form said of each variable, from the folder of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from trisect import checks
from trisect.files import reading
from trisect.models.closed_form.statement import Statement
from trisect.runs.run import AGAIN
from trisect.sealed import read_json

STATEMENTS = "statements.json"
TEXTS = ("variable", "verdict", "reason")


def stored_statements(folder: Path) -> tuple[Statement, ...]:
    """What the closed form said of each variable when the run was trained.

    Args:
        folder: run folder; without ``statements.json`` the run has none.

    Raises:
        ValueError: the file is damaged, or something in it is no statement.
    """
    file = folder / STATEMENTS
    if not file.exists():
        return ()
    with reading(file, AGAIN):
        return tuple(_statement(each, file) for each in read_json(file, "statements", todo=AGAIN)["statements"])


def _statement(stored: Mapping[str, Any], file: Path) -> Statement:
    """A statement that may come from a stranger: its texts are texts, and all else is a number or missing."""
    for name, value in stored.items():
        fits = isinstance(value, str) if name in TEXTS else isinstance(value, int | float | NoneType)
        must = "a text" if name in TEXTS else "a number"
        checks.require(fits, f"'{checks.shown(name)}' of a statement in '{file}'", must, checks.quoted(value), AGAIN)
    return Statement.from_json(stored)
