"""trisect convert: .npz files, or tables and pictures, as a data set."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trisect import checks
from trisect.commands.arguments import Parser, pairs, parser_for
from trisect.commands.rate_lines import RateLines
from trisect.data.description import describe

if TYPE_CHECKING:
    from trisect.variables import Factor, VariableSpace

KINDS = "continuous, continuous:LOW:HIGH, angle or categorical:NUMBER"


def run(arguments: list[str]) -> None:
    """Convert a folder, or one file, and describe the result."""
    args = _parser().parse_args(_joined(arguments))
    from trisect.data.convert import convert

    options = {name: getattr(args, name) for name in ("alignment", "channels", "levels")}
    options |= {"stack": args.stack, "stacked": args.stacked}
    options["group"] = {new: old.split(",") for new, old in pairs(args.group, "--group").items()} or None
    options["names"] = pairs(args.name, "--name") or None
    options["encode"] = _encode(args.encode)
    options |= _of_tables(args)
    options["variables"] = _variables(pairs(args.variable, "--variable"))
    print(describe(args.out, convert(args.folder, args.out, progress=RateLines("pictures"), **options)))


def _parser() -> Parser:
    parser = parser_for("convert", "Convert .npz files, or tables with or without pictures, into a data set.")
    parser.add_argument(
        "folder",
        type=Path,
        help="folder with train.npz, val.npz, ..., one .npz file, a table, or a folder of tables and pictures",
    )
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
    stack = "frames that every observation shall hold along its channels: itself and those before it; 1 by default"
    parser.add_argument("--stack", type=int, default=1, metavar="N", help=stack)
    stacked = "frames that the observations hold already, along their channels, the oldest first; 1 by default"
    parser.add_argument("--stacked", type=int, default=1, metavar="N", help=stacked)
    group = "join variables A and B into one variable NEW, intervened on whenever A or B is; repeatable"
    rename = "name of an array in your files, such as images=frames for images stored as 'frames'; repeatable"
    kind = f"name and kind of a variable, in the order of the columns; KIND is {KINDS}; repeatable"
    encode = "switch: turn targets that are levels or set-points into 1 where they change; level: turn switches into 1 "
    encode += "from one switch to the next; for all columns, or by name, such as --encode valve=switch fan=level"
    _add_flags_of_tables(parser)
    for flags, metavar, what in (
        (("--group", "--merge"), "NEW=A,B", group),
        (("--name",), "OURS=THEIRS", rename),
        (("--variable",), "NAME=KIND", kind),
        (("--encode",), "[NAME=]switch|level", encode),
    ):
        parser.add_argument(*flags, action="append", default=[], metavar=metavar, help=what)
    return parser


def _add_flags_of_tables(parser: Parser) -> None:
    """The flags that say what the columns of a table are."""
    from trisect.data.convert.tables.columns import MISSING

    flags = parser.add_argument_group("tables (CSV, TSV, Parquet)")
    for name, what in (
        ("targets", "columns that say what was intervened on, such as red,green"),
        ("sensors", "columns that are observed; by default all other columns of numbers, if there are no pictures"),
        ("factors", "columns of true values, in the order of the variables"),
        ("actions", "columns of actions"),
    ):
        flags.add_argument(f"--{name}", metavar="A,B", help=what)
    flags.add_argument("--image", metavar="COLUMN", help="column of the names of the pictures")
    flags.add_argument("--episode", metavar="COLUMN", help="column that says which episode a row belongs to")
    flags.add_argument(
        "--missing", choices=MISSING, help="refuse empty cells, or hold the value before; refuse by default"
    )
    interventions = (
        "variables that were intervened on in all rows of an experiment, where no column says it; repeatable"
    )
    flags.add_argument("--intervention", action="append", default=[], metavar="EXPERIMENT=A,B", help=interventions)


def _of_tables(args: argparse.Namespace) -> dict[str, Any]:
    """The options of tables; None where no flag is given."""
    columns: dict[str, Any] = {name: getattr(args, name) for name in ("image", "episode", "missing")}
    for name in ("targets", "sensors", "factors", "actions"):
        text = getattr(args, name)
        columns[name] = None if text is None else [each.strip() for each in text.split(",")]
    given = {name: value for name, value in columns.items() if value is not None}
    per_experiment = {name: text.split(",") for name, text in pairs(args.intervention, "--intervention").items()}
    return {"columns": given or None, "interventions": per_experiment or None}


def _joined(arguments: list[str]) -> list[str]:
    """The arguments with those joined to their flag that argparse would read as flags or as the folder.

    These are a range that begins with a minus, and all encodings that follow one ``--encode``.
    """
    joined: list[str] = []
    for argument in arguments:
        flag = joined[-1].partition("=")[0] if joined else ""
        if argument == "-1..1" and flag == joined[-1] == "--levels":
            joined[-1] = "--levels=-1..1"
        elif flag == "--encode" and re.fullmatch(r"(.+=)?(switch|level)", argument):
            joined[-1:] = [f"--encode={argument}"] if joined[-1] == "--encode" else [joined[-1], f"--encode={argument}"]
        else:
            joined.append(argument)
    return joined


def _encode(texts: list[str]) -> dict[str, str] | None:
    """Column -> its encoding, from ``--encode`` flags; one without a name is for all other columns."""
    from trisect.data.convert.encoding import REST

    named = [text if "=" in text else f"{REST}={text}" for text in texts]
    return dict(each.rsplit("=", 1) for each in named) or None


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
