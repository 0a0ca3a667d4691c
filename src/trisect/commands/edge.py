"""The edge of the command line: every exception that a verb lets through becomes one sentence and an exit code.

Errors that the package raises itself are sentences already. Those of other libraries are explained if they have a
well-known cause: no memory, no space on the disk, no permission, a missing package. What is left is a fault of the
package, and the sentence says how to see the traceback.
"""

from __future__ import annotations

import dis
import errno
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from trisect import checks
from trisect.files import is_disk_full

TRACEBACK = "TRISECT_TRACEBACK"
"""Environment variable that, if it is not empty, shows the traceback of any error."""
PACKAGE = Path(__file__).parents[1]
SENTENCES = (ValueError, TypeError, OSError, ImportError, FloatingPointError)
"""Kinds of errors that the package raises with a sentence."""
MEMORY_TEXTS = ("out of memory", "not enough memory", "can't allocate memory", "Cannot allocate memory")
CONTINUES = {
    "train": "then run the same command with --resume, which continues from the last checkpoint",
    "generate": "then run the same command again, which continues where it stopped",
    "demo": "then run the same command again, which continues where it stopped",
}
"""Verb -> the way to continue after a failed write; other verbs start again."""
LONGEST = 300


def report(verb: str, arguments: Sequence[str], error: Exception) -> int:
    """Print an error as one sentence.

    Args:
        verb: the verb that failed.
        arguments: its arguments, which name the folder that it writes to.
        error: the exception.

    Returns:
        The exit code: 2 for wrong usage, 1 for any other error.
    """
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
    print(f"trisect {verb}: {sentence_for(verb, arguments, error)}", file=sys.stderr)
    return 2 if isinstance(error, checks.UsageError) else 1


def sentence_for(verb: str, arguments: Sequence[str], error: Exception) -> str:
    """The sentence for an exception, see `report`."""
    if is_disk_full(error):
        where = _folder_in(arguments) or getattr(error, "filename", None) or "the disk"
        todo = CONTINUES.get(verb, "then run the same command again")
        why = "because its disk, or your share of it, is full"
        return f"nothing more can be written to '{where}', {why}; make room, {todo}"
    if _is_sentence(error):
        return str(error)
    if _is_out_of_memory(error):
        return f"the memory of this machine does not suffice ({_short(error)}); use smaller data or smaller settings"
    if isinstance(error, ModuleNotFoundError):
        return checks.sentence(f"the package {error.name}", "installed", "none", f"pip install {error.name}")
    if isinstance(error, OSError):
        return _of_system(error)
    return _unexpected(error)


def _is_sentence(error: BaseException) -> bool:
    """True if a ``raise`` in this package made the error, and neither Python nor another library did."""
    trace = error.__traceback__
    if not isinstance(error, SENTENCES) or trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    is_raised = code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return is_raised and Path(code.co_filename).is_relative_to(PACKAGE)


def _is_out_of_memory(error: BaseException) -> bool:
    is_named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return is_named or any(text in str(error) for text in MEMORY_TEXTS)


def _folder_in(arguments: Sequence[str]) -> str | None:
    """The folder after ``--out``, or else the first argument, which names the run that `evaluate` writes to."""
    words = [word for argument in arguments for word in argument.split("=", 1)]
    if "--out" in words[:-1]:
        return words[words.index("--out") + 1]
    return words[0] if words and not words[0].startswith("-") else None


def _of_system(error: OSError) -> str:
    """The operating system's reason, and the file."""
    if error.filename is None:
        return f"the system refused to read or write a file ({_short(error)}); check the folders that you passed"
    got = (error.strerror or type(error).__name__).lower()
    if not isinstance(error, PermissionError) and error.errno != errno.EROFS:
        return checks.sentence(f"'{error.filename}'", "readable and writable", got, "check the path")
    path, todo = Path(os.fsdecode(error.filename)), "change its permissions, or choose another folder"
    what = f"the file '{path}'" if os.path.exists(path) else f"the folder '{path.parent}'"
    return checks.sentence(what, "one that you may read and write", got, todo)


def _unexpected(error: Exception) -> str:
    """The error's kind, text and place, and how to see where it came from."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" ({Path(frame.filename).name}, line {frame.lineno})" for frame in last)
    todo = f"to see where, run the same command with {TRACEBACK}=1 before it, and please report it"
    return f"something unexpected failed: {_short(error)}{place}; {todo}"


def _short(error: BaseException) -> str:
    """The error's kind and text in one line."""
    text = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {text[:LONGEST]}" if text else name
