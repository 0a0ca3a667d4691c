"""trisect inspect: what a data set holds, what can be identified from it, and what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

from trisect.commands.arguments import parser_for


def run(arguments: list[str]) -> int:
    """Print facts and findings; returns exit code 1 where one is an error."""
    what = "Say what a data set holds, what can be identified from it, and what is wrong with it."
    parser = parser_for("inspect", what)
    parser.add_argument("data", type=Path, help="folder that trisect generate or trisect convert made")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--sheet", type=Path, help="PNG file to draw: frames around interventions, with their targets")
    parser.add_argument("--suggest", action="store_true", help="say what to record to separate variables")
    args = parser.parse_args(arguments)
    from trisect.data.inspect import contact_sheet, inspect
    from trisect.data.store import load
    from trisect.files import write_atomically

    found = inspect(args.data)
    if args.json:
        print(json.dumps(found.to_json(), indent=2))
    else:
        print(found)
        for line in (found.suggestions or ("nothing is inseparable",)) if args.suggest else ():
            print(f"  {line}")
    if args.sheet is not None:
        write_atomically(args.sheet, contact_sheet(load(args.data).recording(found.split)))
    return 1 if found.at("error") else 0
