"""The file of a plan: what ``trisect convert`` understood, as YAML that one can change."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from trisect import checks
from trisect.commands.config_file import checked_text
from trisect.files import write_atomically

if TYPE_CHECKING:
    from trisect.data.convert.understanding import Understood

FLAG = "--plan"


def write_plan(file: Path, understood: Understood) -> None:
    """Write what was understood, with its description as a comment, to a new file."""
    comment = "".join(f"# {line}\n" for line in str(understood).splitlines())
    plan = yaml.safe_dump(understood.plan, sort_keys=False, allow_unicode=True, width=120)
    write_atomically(file, (comment + plan).encode())
    print(f"plan: {file}; change it, and convert with {FLAG} {file}", file=sys.stderr)


def read_plan(file: Path) -> dict[str, Any]:
    """The options of `trisect.convert` that a file says; wrong ones raise `UsageError`."""
    from trisect.data.convert.plans import options_of

    with checks.usage():
        return options_of(yaml.safe_load(checked_text(file, FLAG)) or {})
