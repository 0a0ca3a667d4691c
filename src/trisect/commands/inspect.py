"""trisect inspect: the content of a data set, what can be identified from it, and its problems."""

from __future__ import annotations

import json
from pathlib import Path

from trisect.commands.arguments import parser_for


def run(arguments: list[str]) -> int:
    """Print facts and findings; returns exit code 1 if a finding is an error."""
    what = "Show what a data set contains, what can be identified from it, and what is wrong with it."
    parser = parser_for("inspect", what)
    parser.add_argument("data", type=Path, help="data set folder that trisect generate or trisect convert made")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    sheet = "PNG file to write, with the frames before and after some interventions"
    parser.add_argument("--sheet", type=Path, metavar="FILE", help=sheet)
    suggest = "list what to record so that variables which cannot be separated yet become separable"
    parser.add_argument("--suggest", action="store_true", help=suggest)
    args = parser.parse_args(arguments)
    from trisect.data.inspect import contact_sheet, inspect
    from trisect.data.store import load
    from trisect.files import write_atomically

    inspection = inspect(args.data)
    if args.json:
        print(json.dumps(inspection.to_json(), indent=2))
    else:
        print(inspection)
        for line in (inspection.suggestions or ("all variables can be separated",)) if args.suggest else ():
            print(f"  {line}")
    if args.sheet is not None:
        write_atomically(args.sheet, contact_sheet(load(args.data).recording(inspection.split)))
    return 1 if inspection.at("error") else 0
