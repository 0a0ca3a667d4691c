"""Our docstrings as Sphinx reads them: Google style with Markdown tables, which are not quite reStructuredText."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from api_names import MEMBERS
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject

ROW = re.compile(r"\s*\|.*\|\s*$")
RULE = re.compile(r"\s*\|[\s|:-]+\|\s*$")
UNPACKING = re.compile(r"(?<!\*)\*(?=\w+[),\]])")
SEVERAL = re.compile(r"(?P<indent> +)(?P<names>\w+(?:, \w+)+): (?P<text>.*)")
BUILDING = ("Args:", "Raises:")
INLINE = ("attribute", "data", "property")
HIDDEN = "\ue000"
BEFORE_NAPOLEON, AFTER_NAPOLEON = 400, 600


def converted(lines: list[str]) -> list[str]:
    """The lines of a docstring, with Markdown tables as ``list-table`` and the stars of ``*shape`` escaped."""
    lines = [UNPACKING.sub(r"\\*", line) for line in lines]
    blocks = [(is_table, list(block)) for is_table, block in groupby(lines, lambda line: bool(ROW.match(line)))]
    return one_attribute_each(
        [line for is_table, block in blocks for line in (list_table(block) if is_table else block)]
    )


def list_table(rows: list[str]) -> Iterator[str]:
    """A Markdown table as a directive of reStructuredText."""
    indent = " " * (len(rows[0]) - len(rows[0].lstrip()))
    yield from ("", f"{indent}.. list-table::", f"{indent}   :header-rows: 1", "")
    for row in rows:
        if not RULE.match(row):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]
            yield from (f"{indent}   {'* -' if number == 0 else '  -'} {cell}" for number, cell in enumerate(cells))
    yield ""


def one_attribute_each(lines: list[str]) -> list[str]:
    """In the section of attributes, ``low, high: text`` as two entries: napoleon splits arguments, not attributes."""
    if "Attributes:" not in lines:
        return lines
    start = lines.index("Attributes:") + 1
    stop = next((row for row in range(start, len(lines)) if lines[row] and lines[row][0] != " "), len(lines))
    entries: list[list[str]] = []
    for line in lines[start:stop]:
        if entries and (not line.strip() or line.startswith("     ")):
            entries[-1].append(line)
        else:
            entries.append([line])
    return [*lines[:start], *(line for found in entries for line in split_entry(found)), *lines[stop:]]


def without_constructor(lines: list[str]) -> list[str]:
    """The lines of a docstring without the sections on how to build an object."""
    kept, is_kept = [], True
    for line in lines:
        if line and not line[0].isspace():
            is_kept = line not in BUILDING
        if is_kept:
            kept.append(line)
    return kept


def split_entry(lines: list[str]) -> list[str]:
    """An entry that describes several attributes, once for each."""
    several = SEVERAL.fullmatch(lines[0])
    if several is None:
        return lines
    names = several["names"].split(", ")
    return [line for name in names for line in (f"{several['indent']}{name}: {several['text']}", *lines[1:])]


def convert(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place, before napoleon reads them."""
    lines[:] = converted(lines)
    if what == "class" and name.rpartition(".")[2] in MEMBERS:
        lines[:] = without_constructor(lines)
    if what in INLINE and lines:
        lines[0] = lines[0].replace(":", HIDDEN)


def restore(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Bring back the colons that napoleon must not see (it takes what stands before one for a type); escape axes."""
    shown = [line.replace(HIDDEN, ":") for line in lines]
    lines[:] = [line.replace("*", "\\*") if ":vartype" in line else line for line in shown]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx; call attributes by their name, since a variable is another thing here."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.connect("autodoc-process-docstring", convert, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", restore, priority=AFTER_NAPOLEON)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
