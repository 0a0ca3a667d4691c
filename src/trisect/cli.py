"""The command line: every verb is a thin layer over the Python interface. Heavy modules are imported when needed."""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from trisect import checks
from trisect.commands import edge
from trisect.stopping import Terminated, terminable
from trisect.version import __version__

VERBS: dict[str, str] = {
    "demo": "generate data, train a model and write a report, in minutes",
    "generate": "generate a data set from a simulated world",
    "convert": "convert published .npz files, or your own, into a data set",
    "inspect": "show what a data set contains, and its problems",
    "import": "import a checkpoint of the published code as a run",
    "train": "train a model on a data set, into a run folder",
    "evaluate": "score a run and write its report",
    "latents": "write the latents of every frame to a file",
    "export": "export a trained model, or a data set, for other users and programs",
    "verify": "check that no byte of a data set, a run or an exported model has changed",
}

MODULES = {"import": "import_checkpoint"}
"""Verb -> its module in `trisect.commands`, if the module has another name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 for success, 1 for a failure, 2 for wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="trisect",
        description="Learn causal variables from frames or vectors with known interventions.",
        epilog="'trisect VERB --help' describes the options of a verb.",
    )
    parser.add_argument("--version", action="version", version=f"trisect {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for verb, what in VERBS.items():
        verbs.add_parser(verb, help=what, add_help=False)
    if not words or words[0] in ("-h", "--help", "--version"):
        parser.parse_args(words or ["--help"])
        return 0
    return _run(words[0], words[1:])


def _run(verb: str, rest: list[str]) -> int:
    # The networks are small, so a second thread costs more than it gains. Set OMP_NUM_THREADS to use more threads.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("trisect").setLevel(logging.INFO)
    warnings.formatwarning = _in_one_line
    _print_any_name()
    try:
        with checks.usage():
            verb = checks.named(verb, VERBS, "the verb after 'trisect'")
        module = MODULES.get(verb, verb)
        with terminable():
            result: int = importlib.import_module(f"trisect.commands.{module}").run(rest) or 0
        sys.stdout.flush()
        return result
    except BrokenPipeError:  # the reader of a pipe has what it wanted, as in trisect inspect DATA | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return edge.report(verb, rest, error)
    except KeyboardInterrupt as error:
        todo = "run the same command with --resume to continue" if verb == "train" else "run the same command again"
        how, code = ("terminated", 143) if isinstance(error, Terminated) else ("interrupted", 130)
        print(f"trisect {verb}: {how}; nothing is lost: {todo}", file=sys.stderr)
        return code


def _in_one_line(message: Warning | str, *_: object, **__: object) -> str:
    """A warning without the place in the code that it came from."""
    return f"warning: {message}\n"


def _print_any_name() -> None:
    """Print letters that the terminal's locale lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    sys.exit(main())
