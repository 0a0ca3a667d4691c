"""Plans: the options of a conversion in plain types, as they are written to a file, changed, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from trisect import checks
from trisect.data.convert.alignment import Alignment
from trisect.data.convert.kind_texts import kind_texts, space_from
from trisect.data.convert.logs.roles import Columns
from trisect.data.convert.options import Options
from trisect.variables import VariableSpace


def plan_of(
    options: Options, variables: VariableSpace, columns: Columns | None = None, alignment: Alignment | None = None
) -> dict[str, Any]:
    """The keywords of `trisect.convert` that say what was understood, in plain types.

    Args:
        options: what the user declares.
        variables: the variables of the data set.
        columns: the roles of the columns of logs.
        alignment: what a row of logs means.
    """
    plain = {each.name: getattr(options, each.name) for each in fields(options)}
    plain["variables"] = kind_texts(variables)
    plain["alignment"] = alignment or options.alignment
    if columns is not None:
        declared = options.columns or Columns()  # a column that names variables has become several
        named = replace(columns, targets=declared.targets or columns.targets)
        plain["columns"] = named.understood() | {"missing": named.missing}
    return {name: _plain(value) for name, value in plain.items() if value is not None}


def _plain(value: Any) -> Any:
    """A value of an option in types that YAML has."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def options_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of `trisect.convert` that a plan says.

    Raises:
        ValueError: a name is unknown, or a kind of a variable is.
    """
    known = [each.name for each in fields(Options)]
    for name in plan:
        checks.one_of(name, known, "an option in a plan")
    options = dict(plan)
    if isinstance(options.get("variables"), Mapping):
        options["variables"] = space_from(options["variables"], "the kind of the variable")
    if isinstance(options.get("size"), list):
        options["size"] = tuple(options["size"])
    return options
