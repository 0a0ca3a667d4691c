"""trisect export: a trained model as files for other users and programs, or a data set in the layout of others."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.commands.arguments import Parser, at_least, parser_for
from trisect.commands.rate_lines import RateLines
from trisect.data.export import LAYOUTS


def run(arguments: list[str]) -> None:
    """Export a run or a data set, and list the files."""
    args = _parser().parse_args(arguments)
    is_run = (args.folder / "run.json").is_file()
    if (args.folder / "meta.json").is_file() or (args.layout is not None and not is_run):
        _check_flags(args, "a data set", {"--onnx": args.onnx, "--data": args.data}, "a run")
        _export_data(args)
    else:
        _check_flags(args, "a run", {"--as": args.layout, "--fps": args.fps}, "a data set")
        _export_run(args)


def _parser() -> Parser:
    description = "Export a trained model (weights, JSON, on request ONNX graphs), or a data set for other libraries."
    parser = parser_for("export", description)
    parser.add_argument("folder", type=Path, help="run folder that trisect train made, or folder of a data set")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to make")
    of_runs, of_data = parser.add_argument_group("runs"), parser.add_argument_group("data sets")
    onnx = "also write encode.onnx and decode.onnx, and check that they give the same outputs as the model"
    of_runs.add_argument("--onnx", action="store_true", help=onnx)
    data = "folder of the data set to check the ONNX graphs on; by default the data of the run, if available"
    of_runs.add_argument("--data", type=Path, default=None, metavar="FOLDER", help=data)
    layout = "layout of the files: LeRobot 3.0, or Hugging Face datasets; trisect convert reads both without loss"
    of_data.add_argument("--as", dest="layout", choices=LAYOUTS, help=layout)
    of_data.add_argument("--fps", type=at_least(1), metavar="N", help="frames per second, 1 by default")
    return parser


def _check_flags(args: argparse.Namespace, kind: str, flags: dict[str, Any], other: str) -> None:
    """Raise `UsageError` for a flag of another kind of folder."""
    for flag, value in flags.items():
        if value:
            raise checks.UsageError(f"{flag} is for {other}, and {args.folder} holds {kind}: leave it out")


def _export_data(args: argparse.Namespace) -> None:
    from trisect.data.export import export_data

    if args.layout is None:
        what, must = f"the layout for the data set {args.folder}", "named with --as"
        raise checks.UsageError(checks.sentence(what, must, "none", f"pass one of --as {', --as '.join(LAYOUTS)}"))
    export_data(args.folder, args.out, layout=args.layout, fps=args.fps or 1, progress=RateLines("frames"))
    files = [file for file in args.out.rglob("*") if file.is_file()]
    print(f"{args.out}: {len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.2f} MB")
    print(f"to read it back: trisect convert {args.out} --out FOLDER")


def _export_run(args: argparse.Namespace) -> None:
    from trisect.runs.export.writing import export

    exported = export(args.folder, args.out, onnx=args.onnx, data=args.data)
    for file in sorted(args.out.iterdir()):
        print(f"{file}: {file.stat().st_size / 1e6:.2f} MB{_agreement(exported['onnx'], file.name)}")
    print(f"to load it in Python: trisect.load_export({str(args.out)!r})")


def _agreement(onnx: dict[str, Any] | None, file: str) -> str:
    """The largest difference between a graph and the model in words; empty for other files."""
    differences = onnx["largest_difference"].get(file, {}) if onnx else {}
    text = ", ".join(f"{difference:.0e} on {kind} inputs" for kind, difference in differences.items())
    return f", differs from the model by at most {text} (as a fraction of the largest value)" if text else ""
