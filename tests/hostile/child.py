"""Tries every attack in this process, with bounds on memory and time, and prints one line of JSON for each.

Run as ``python -m tests.hostile.child SAMPLES NUMBER EVERY``; see `tests.hostile.attacks`.
"""

from __future__ import annotations

import json
import logging
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from tests.hostile.attack import Attack
from tests.hostile.attacks import all_attacks
from tests.hostile.doors import DOORS, SAMPLES

ROOM = 1 << 30
"""Bytes that an attack may allocate."""
SECONDS = 10
LONGEST = 500
"""Largest number of characters of a sentence, without the path of the file."""


def main(samples: Path, number: int, every: int) -> None:
    """Open the real files, then the hostile ones."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as work:
        right = {door: opened(samples / name, door, Path(work), copy=True) for door, name in SAMPLES.items()}
        _limit_memory()
        signal.signal(signal.SIGALRM, _too_long)
        for attack in all_attacks(samples, number, every):
            print(json.dumps({"begins": f"{attack.kind}: {attack.name}"}), flush=True)
            print(json.dumps(tried(attack, samples, right[attack.door])), flush=True)


def opened(path: Path, door: str, work: Path, *, copy: bool) -> str:
    """What a door gives."""
    target = work / path.name
    if copy:
        shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
    return DOORS[door](target)


def tried(attack: Attack, samples: Path, right: str) -> dict[str, Any]:
    """The outcome of an attack: "sentence", "right value", or what is wrong."""
    with tempfile.TemporaryDirectory() as work:
        target = attack.make(samples, Path(work))
        start, before = time.monotonic(), _memory()
        signal.alarm(SECONDS)
        try:
            outcome, message = ("right value", "") if DOORS[attack.door](target) == right else ("another value", "")
        except Exception as error:
            outcome, message = judged(error, work), f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
        seconds, memory = time.monotonic() - start, _memory() - before
    found = {"kind": attack.kind, "name": attack.name, "outcome": outcome, "message": message.replace(work, "")}
    return {**found, "seconds": round(seconds, 2), "megabytes": memory >> 10}


def judged(error: Exception, work: str) -> str:
    """Whether an error is one clear sentence."""
    if isinstance(error, TimeoutError):
        return "takes too long"
    text = str(error).replace(work, "")
    is_type = isinstance(error, TypeError) and " must be " in text and "; got " in text
    if not isinstance(error, (ValueError, FileNotFoundError)) and not is_type:
        return "traceback"
    if not text.isprintable() or len(text) > LONGEST or " " not in text:
        return "no clear sentence"
    return "out of memory" if "MemoryError" in text or "alloc" in text else "sentence"


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _memory() -> int:
    """Largest memory so far, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
