"""Reading what the closed form said of each variable, from the folder of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.files import reading
from trisect.methods.identifying import STATEMENTS
from trisect.models.closed_form.statement import Statement
from trisect.sealed import read_json

AGAIN = "copy the run again, or train it again"
NUMBER = int | float
KINDS: dict[str, tuple[Any, str]] = {
    **dict.fromkeys(("variable", "verdict", "reason"), (str, "a text")),
    **dict.fromkeys(("expected_r2", "low", "high", "effect", "p_value", "num_interventions"), (NUMBER, "a number")),
    "settling": (NUMBER | None, "a number or null"),
}


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
    """A statement that may come from a stranger: texts are texts, and numbers are numbers."""
    for name in KINDS.keys() & stored.keys():
        (kind, must), value = KINDS[name], stored[name]
        what = f"'{name}' of a statement in '{file}'"
        checks.require(isinstance(value, kind), what, must, checks.quoted(value), AGAIN)
    return Statement.from_json(stored)
