"""trisect convert: other people's files as a data set."""

from __future__ import annotations

from pathlib import Path

from trisect.commands.arguments import pairs, parser_for
from trisect.data.description import describe


def run(arguments: list[str]) -> None:
    """Convert a folder, or one file, and say what it holds."""
    parser = parser_for("convert", "Convert published files, or other .npz files, into a data set.")
    parser.add_argument("folder", type=Path, help="folder with train.npz, val.npz, ..., or one .npz file")
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    from trisect.data.convert.alignment import ALIGNMENTS
    from trisect.data.convert.levels import LEVELS
    from trisect.data.convert.pixels import LAYOUTS

    parser.add_argument("--alignment", choices=ALIGNMENTS, help="what a row of targets means, if each frame has one")
    parser.add_argument("--channels", choices=LAYOUTS, help="where the channels stand, if the shape does not tell")
    parser.add_argument("--levels", choices=tuple(LEVELS), help="range of the pixels, if the values do not tell")
    for flags, metavar, what in (
        (("--group", "--merge"), "NEW=A,B", "join variables into one that is a target where one of them is"),
        (("--name",), "OURS=THEIRS", "the name in the files of one of our arrays, such as images=frames"),
    ):
        parser.add_argument(*flags, action="append", default=[], metavar=metavar, help=what)
    args = parser.parse_args(arguments)
    from trisect.data.convert import convert

    options = {name: getattr(args, name) for name in ("alignment", "channels", "levels")}
    options["group"] = {new: old.split(",") for new, old in pairs(args.group, "--group").items()} or None
    options["names"] = pairs(args.name, "--name") or None
    print(describe(args.out, convert(args.folder, args.out, **options)))
