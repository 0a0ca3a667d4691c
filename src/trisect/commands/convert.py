"""trisect convert: .npz files as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trisect import checks
from trisect.commands.arguments import Parser, pairs, parser_for
from trisect.data.description import describe

if TYPE_CHECKING:
    from trisect.variables import Factor, VariableSpace

KINDS = "continuous, continuous:LOW:HIGH, angle or categorical:NUMBER"


def run(arguments: list[str]) -> None:
    """Convert a folder, or one file, and describe the result."""
    args = _parser().parse_args(_joined(arguments))
    from trisect.data.convert import convert

    options = {name: getattr(args, name) for name in ("alignment", "channels", "levels")}
    options["group"] = {new: old.split(",") for new, old in pairs(args.group, "--group").items()} or None
    options["names"] = pairs(args.name, "--name") or None
    options["variables"] = _variables(pairs(args.variable, "--variable"))
    print(describe(args.out, convert(args.folder, args.out, **options)))


def _parser() -> Parser:
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
    kind = f"name and kind of a variable, in the order of the columns; KIND is {KINDS}; repeatable"
    for flags, metavar, what in (
        (("--group", "--merge"), "NEW=A,B", group),
        (("--name",), "OURS=THEIRS", rename),
        (("--variable",), "NAME=KIND", kind),
    ):
        parser.add_argument(*flags, action="append", default=[], metavar=metavar, help=what)
    return parser


def _joined(arguments: list[str]) -> list[str]:
    """The arguments with a range that begins with a minus joined to its flag: else it would be read as a flag."""
    text = "\0".join(arguments).replace("--levels\0-1..1", "--levels=-1..1")
    return text.split("\0") if arguments else []


def _variables(kinds: dict[str, str]) -> VariableSpace | None:
    """The variables that ``--variable`` flags declare; None without any."""
    from trisect.variables import VariableSpace

    with checks.usage():
        return VariableSpace([_factor(name, kind) for name, kind in kinds.items()]) if kinds else None


def _factor(name: str, text: str) -> Factor:
    from trisect.variables import Angle, Categorical, Continuous

    kind, *numbers = text.split(":")
    try:
        if kind == "continuous" and len(numbers) in (0, 2):
            return Continuous(name, *map(float, numbers))
        if kind == "categorical" and len(numbers) == 1:
            return Categorical(name, int(numbers[0]))
    except ValueError as error:
        raise ValueError(f"--variable {name}={text}: {error}") from error
    checks.require(text == "angle", f"the kind of --variable {name}", KINDS, repr(text))
    return Angle(name)
