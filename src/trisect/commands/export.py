"""trisect export: a trained model as files for other users and programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trisect.commands.arguments import parser_for


def run(arguments: list[str]) -> None:
    """Export a run, and list the files."""
    description = "Export a trained model for other users: weights and JSON, and ONNX graphs on request."
    parser = parser_for("export", description)
    parser.add_argument("run", type=Path, help="run folder that trisect train made")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to make")
    onnx = "also write encode.onnx and decode.onnx, and check that they give the same outputs as the model"
    parser.add_argument("--onnx", action="store_true", help=onnx)
    data = "folder of the data set to check the ONNX graphs on; by default the data of the run, if available"
    parser.add_argument("--data", type=Path, default=None, metavar="FOLDER", help=data)
    args = parser.parse_args(arguments)
    from trisect.runs.export.writing import export

    exported = export(args.run, args.out, onnx=args.onnx, data=args.data)
    for file in sorted(args.out.iterdir()):
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB{_agreement(exported['onnx'], file.name)}")
    print(f"to load it in Python: trisect.load_export({str(args.out)!r})")


def _agreement(onnx: dict[str, Any] | None, file: str) -> str:
    """The largest difference between a graph and the model in words; empty for other files."""
    differences = onnx["largest_difference"].get(file, {}) if onnx else {}
    text = ", ".join(f"{difference:.0e} on {kind} inputs" for kind, difference in differences.items())
    return f", differs from the model by at most {text} (as a fraction of the largest value)" if text else ""
