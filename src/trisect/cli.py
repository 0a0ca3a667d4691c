"""The command line: every verb is a thin layer over the Python interface. Nothing heavy loads before it is needed."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from trisect import __version__, checks

VERBS: dict[str, str] = {
    "demo": "a world, a model, a report, in minutes on a laptop",
    "generate": "generate a data set from a world",
    "convert": "convert published files, or other .npz files, into a data set",
    "inspect": "say what a data set holds",
    "import": "import a checkpoint of the published code",
    "train": "train a recipe on a data set",
    "evaluate": "score a run and write its report",
    "export": "write a trained model for others to load",
}

MODULES = {"import": "import_checkpoint"}
"""Verb -> its module in `trisect.commands`, where that has another name."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0, 1 for a failure said in one sentence, 2 for wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="trisect", description="Learn causal variables from frames and actions.")
    parser.add_argument("--version", action="version", version=f"trisect {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs")
    for verb, what in VERBS.items():
        verbs.add_parser(verb, help=what, add_help=False)
    if not given or given[0] in ("-h", "--help", "--version"):
        parser.parse_args(given or ["--help"])
        return 0
    return _run(given[0], given[1:])


def _run(verb: str, rest: list[str]) -> int:
    # The networks are small: a second thread spins more than it helps. Set OMP_NUM_THREADS to have more.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with checks.usage():
            checks.one_of(verb, VERBS, "the verb after 'trisect'")
        module = MODULES.get(verb, verb)
        return importlib.import_module(f"trisect.commands.{module}").run(rest) or 0
    except (ValueError, TypeError, OSError, ImportError, FloatingPointError) as error:
        print(f"trisect {verb}: {error}", file=sys.stderr)
        return 2 if isinstance(error, checks.UsageError) else 1
    except KeyboardInterrupt:
        print(f"trisect {verb}: interrupted; the same command with --resume goes on where it can", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
