"""trisect export: a trained model for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trisect.commands.arguments import parser_for


def run(arguments: list[str]) -> None:
    """Export a run, and say what was made."""
    parser = parser_for("export", "Write a trained model for others: weights and JSON, ONNX if wanted.")
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--onnx", action="store_true", help="write encode.onnx and decode.onnx too, and check them")
    what = "data set to check graphs on; by default the one the run was trained on, if it is there"
    parser.add_argument("--data", type=Path, default=None, help=what)
    args = parser.parse_args(arguments)
    from trisect.runs.export.writing import export

    description = export(args.run, args.out, onnx=args.onnx, data=args.data)
    for file in sorted(args.out.iterdir()):
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB{_agreement(description['onnx'], file.name)}")
    print(f"now, in Python: trisect.load_export({str(args.out)!r})")


def _agreement(onnx: dict[str, Any] | None, file: str) -> str:
    """How well a graph answers as the model does; nothing of other files."""
    found = onnx["largest_difference"].get(file, {}) if onnx else {}
    said = ", ".join(f"{difference:.0e} on {kind} inputs" for kind, difference in found.items())
    return f", differs from the model by at most {said} (of the largest value)" if said else ""
