"""trisect convert: recordings of any known format as a data set."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trisect import checks
from trisect.commands.arguments import Parser, pairs, parser_for
from trisect.commands.plan_file import read_plan, write_plan
from trisect.commands.rate_lines import RateLines
from trisect.data.convert.kind_texts import KINDS, space_from
from trisect.data.description import describe
from trisect.files import write_atomically

if TYPE_CHECKING:
    from trisect.variables import VariableSpace

LISTS = ("targets", "sensors", "factors", "actions")
NAMES = ("image", "episode", "time", "frame", "missing")


def run(arguments: list[str]) -> None:
    """Convert a folder, or one file, and describe the result; or say only what would be done."""
    args = _parser().parse_args(_joined(arguments))
    if args.out is None and not args.dry_run:
        raise checks.UsageError("trisect convert needs --out FOLDER, or --dry-run to see what it would do")
    if args.plan is not None and args.plan.is_dir():
        raise checks.UsageError(checks.sentence("--plan", "a file", f"the folder '{args.plan}'", "name a YAML file"))
    has_plan = args.plan is not None and args.plan.exists()
    options = _merged(read_plan(args.plan) if has_plan else {}, _options(args))
    if args.dry_run or (args.plan is not None and not has_plan):
        _understand(args, options, not has_plan)
    if not args.dry_run:
        _convert(args, options)


def _understand(args: argparse.Namespace, options: dict[str, Any], is_new_plan: bool) -> None:
    """Write the plan, if there is to be a new one, and for a dry run say what would be done, with its contact sheet."""
    from trisect.data.convert import understand

    understood = understand(args.folder, **options)
    if args.plan is not None and is_new_plan:
        write_plan(args.plan, understood)
    if not args.dry_run:
        return
    print(understood)
    if args.sheet is not None:
        write_atomically(args.sheet, understood.contact_sheet())
    print("nothing is converted: --dry-run", file=sys.stderr)


def _convert(args: argparse.Namespace, options: dict[str, Any]) -> None:
    from trisect.data.convert import convert
    from trisect.data.inspect import contact_sheet

    data = convert(args.folder, args.out, progress=RateLines("frames"), **options)
    print(describe(args.out, data))
    if args.sheet is not None and len(data.observation_shape) == 1:
        print("no contact sheet: the observations are vectors", file=sys.stderr)
    elif args.sheet is not None:
        write_atomically(args.sheet, contact_sheet(data.recording("train")))


def _parser() -> Parser:
    what = "Convert a recording into a data set: .npz files, tables, pictures, films, HDF5, zarr, LeRobot, Minari."
    parser = parser_for("convert", what)
    folder = (
        "the folder or file: train.npz, val.npz, ..., a table, pictures or a film beside a table, arrays, and others"
    )
    parser.add_argument("folder", type=Path, help=folder)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder of the data set to make")
    parser.add_argument("--dry-run", action="store_true", help="say what was understood, and convert nothing")
    plan = "YAML file of all of these options: read if it exists, where flags come first; else written"
    parser.add_argument("--plan", type=Path, metavar="FILE", help=plan)
    sheet = "PNG file to write, with the frames before and after some interventions"
    parser.add_argument("--sheet", type=Path, metavar="FILE", help=sheet)
    _add_flags_of_frames(parser)
    _add_flags_of_logs(parser)
    _add_repeatable_flags(parser)
    return parser


def _add_flags_of_frames(parser: Parser) -> None:
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
    parser.add_argument("--stack", type=int, metavar="N", help=stack)
    stacked = "frames that the observations hold already, along their channels, the oldest first; 1 by default"
    parser.add_argument("--stacked", type=int, metavar="N", help=stacked)


def _add_flags_of_logs(parser: Parser) -> None:
    """The flags that say what the columns of a log are, and what becomes of its pictures."""
    from trisect.data.convert.logs.roles import MISSING

    flags = parser.add_argument_group("logs: tables, films, arrays, HDF5, zarr, LeRobot, Minari")
    for name, what in (
        ("targets", "columns that say what was intervened on, such as red,green; or one that names the variable"),
        ("sensors", "columns that are observed; by default all other columns of numbers, if there are no pictures"),
        ("factors", "columns of true values, in the order of the variables"),
        ("actions", "columns of actions"),
    ):
        flags.add_argument(f"--{name}", metavar="A,B", help=what)
    for name, what in (
        ("image", "column of the names of the pictures or of the film; or array of pictures, or camera"),
        ("episode", "column that says which episode a row belongs to"),
        ("time", "column of times, in seconds or as dates, that belong to the frames of a film"),
        ("frame", "column of the numbers, from 0, of the frames of a film"),
    ):
        flags.add_argument(f"--{name}", metavar="COLUMN", help=what)
    missing = "empty cells: refuse them, hold the value before, or drop the row; refuse by default"
    flags.add_argument("--missing", choices=MISSING, help=missing)
    flags.add_argument("--size", metavar="HxW", help="height and width of the pictures, such as 64x64; or 64 for both")
    flags.add_argument("--rate", type=float, metavar="HZ", help="frames of a film that are kept per second")
    offset = "time of the film's first frame in the table"
    flags.add_argument("--offset", type=float, metavar="SECONDS", help=offset)
    interventions = (
        "variables that were intervened on in all rows of an experiment, where no column says it; repeatable"
    )
    flags.add_argument("--intervention", action="append", default=[], metavar="EXPERIMENT=A,B", help=interventions)


def _add_repeatable_flags(parser: Parser) -> None:
    group = "join variables A and B into one variable NEW, intervened on whenever A or B is; repeatable"
    rename = "name of an array in your files, such as images=frames for images stored as 'frames'; repeatable"
    kind = f"name and kind of a variable, in the order of the columns; KIND is {KINDS}; repeatable"
    encode = (
        "switch: turn targets that are levels or set-points into 1 where they change; jump:X: where they change by "
    )
    encode += (
        "more than X; level: turn switches into 1 from one switch to the next; for all columns, or by name, such as "
    )
    encode += "--encode valve=switch fan=level"
    for flags, metavar, what in (
        (("--group", "--merge"), "NEW=A,B", group),
        (("--name",), "OURS=THEIRS", rename),
        (("--variable",), "NAME=KIND", kind),
        (("--encode",), "[NAME=]switch|jump:X|level", encode),
    ):
        parser.add_argument(*flags, action="append", default=[], metavar=metavar, help=what)


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `trisect.convert` that flags give."""
    given = {name: getattr(args, name) for name in ("alignment", "channels", "levels", "stack", "stacked")}
    given |= {"rate": args.rate, "offset": args.offset, "size": _size(args.size)}
    given["group"] = {new: old.split(",") for new, old in pairs(args.group, "--group").items()}
    given["names"] = pairs(args.name, "--name")
    given["encode"] = _encode(args.encode)
    given["variables"] = _variables(pairs(args.variable, "--variable"))
    columns: dict[str, Any] = {name: getattr(args, name) for name in NAMES}
    for name in LISTS:
        text = getattr(args, name)
        columns[name] = None if text is None else [each.strip() for each in text.split(",")]
    given["columns"] = {name: value for name, value in columns.items() if value is not None}
    split = {name: text.split(",") for name, text in pairs(args.intervention, "--intervention").items()}
    return {**given, "interventions": split}


def _merged(plan: dict[str, Any], flags: dict[str, Any]) -> dict[str, Any]:
    """The options of a plan with those of flags in their place; roles of columns and encodings one by one."""
    merged = dict(plan)
    for name, value in flags.items():
        if value is None or value == {}:
            continue
        both = name in ("columns", "encode") and isinstance(plan.get(name), dict)
        merged[name] = {**plan[name], **value} if both else value
    return merged


def _size(text: str | None) -> tuple[int, int] | None:
    """Height and width from a text such as ``64x48`` or ``64``."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text.strip().lower())
    if found is None:
        must, todo = "height and width in pixels", "such as --size 64x48"
        raise checks.UsageError(checks.sentence("--size", must, checks.quoted(text, 40), todo))
    return int(found[1]), int(found[2] or found[1])


def _joined(arguments: list[str]) -> list[str]:
    """The arguments with those joined to their flag that argparse would read as flags or as the folder.

    These are a range that begins with a minus, and all encodings that follow one ``--encode``.
    """
    joined: list[str] = []
    for argument in arguments:
        flag = joined[-1].partition("=")[0] if joined else ""
        if argument == "-1..1" and flag == joined[-1] == "--levels":
            joined[-1] = "--levels=-1..1"
        elif flag == "--encode" and re.fullmatch(r"(.+=)?(switch|level|jump:[^=]+)", argument):
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
    with checks.usage():
        return space_from(kinds, "the kind of --variable") if kinds else None
