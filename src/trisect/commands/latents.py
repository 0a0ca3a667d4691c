"""trisect latents: the latents of every frame as a file."""

from __future__ import annotations

from pathlib import Path

from trisect import checks
from trisect.commands.arguments import add_external_functions, external_functions, parser_for


def run(arguments: list[str]) -> None:
    """Encode the frames of a data set into a file, and say what it holds."""
    what = "Write what a run says about every frame: its latents by slot, with episode, targets and true values."
    parser = parser_for("latents", what)
    parser.add_argument("run", type=Path, help="run folder that trisect train or trisect import made")
    out = "file to make: a table that ends with .parquet (needs trisect[tables]) or .csv, or arrays, .npz"
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=out)
    data = "folder of the data set to encode; by default the data that the run was trained on"
    parser.add_argument("--data", type=Path, default=None, metavar="FOLDER", help=data)
    split = "splits to encode; by default all recordings"
    parser.add_argument("--split", nargs="+", action="extend", default=None, metavar="NAME", help=split)
    add_external_functions(parser)
    args = parser.parse_args(arguments)
    from trisect.runs.latent_files import checked_ending
    from trisect.runs.latents import write_latents

    with checks.usage():
        checked_ending(args.out)
    print(f"{args.out}: {write_latents(args.run, args.out, args.data, args.split, **external_functions(vars(args)))}")
