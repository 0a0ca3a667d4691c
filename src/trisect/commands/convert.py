"""trisect convert: .npz files as a data set."""

from __future__ import annotations

from pathlib import Path

from trisect.commands.arguments import pairs, parser_for
from trisect.data.description import describe


def run(arguments: list[str]) -> None:
    """Convert a folder, or one file, and describe the result."""
    parser = parser_for("convert", "Convert published .npz files, or your own, into a data set.")
    parser.add_argument("folder", type=Path, help="folder with train.npz, val.npz, ..., or one .npz file")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of the data set to make")
    from trisect.data.convert.alignment import ALIGNMENTS
    from trisect.data.convert.levels import LEVELS
    from trisect.data.convert.pixels import LAYOUTS

    alignment = "if there is one row of targets per frame: row t acts on frame t + 1 (cause) or on frame t (effect)"
    parser.add_argument("--alignment", choices=ALIGNMENTS, help=alignment)
    channels = "position of the channels axis in frames; needed if their shape is ambiguous"
    parser.add_argument("--channels", choices=LAYOUTS, help=channels)
    levels = "range of the pixel values; needed if the values are ambiguous"
    parser.add_argument("--levels", choices=tuple(LEVELS), help=levels)
    group = "join variables A and B into one variable NEW, intervened on whenever A or B is; repeatable"
    rename = "name of an array in your files, such as images=frames for images stored as 'frames'; repeatable"
    for flags, metavar, what in (
        (("--group", "--merge"), "NEW=A,B", group),
        (("--name",), "OURS=THEIRS", rename),
    ):
        parser.add_argument(*flags, action="append", default=[], metavar=metavar, help=what)
    args = parser.parse_args(arguments)
    from trisect.data.convert import convert

    options = {name: getattr(args, name) for name in ("alignment", "channels", "levels")}
    options["group"] = {new: old.split(",") for new, old in pairs(args.group, "--group").items()} or None
    options["names"] = pairs(args.name, "--name") or None
    print(describe(args.out, convert(args.folder, args.out, **options)))
