"""What checking digests costs: load, the start of a training, and evaluate, with the checks and without them.

    python benchmarks/integrity.py --data demo/data --run demo/run            # on the demo's data and run
    python benchmarks/integrity.py --data demo/data --run demo/run --repeats 9

Every repeat does the work twice in one process, with and without the checks, in alternating order. A row shows the
medians in wall-clock seconds (the check of mapped files runs in a second thread) and the difference.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

import trisect
from trisect.recipes import closed_form


class StartedError(Exception):
    """Training would begin now."""


@contextmanager
def without_checks() -> Iterator[None]:
    """Leave out every comparison of a digest; files are read as they are."""
    with (
        patch("trisect.data.digests.ChunkChecker.require", lambda self, chunk: None),
        patch("trisect.sealed._check_seal", lambda *arguments: None),
        patch("trisect.models.weights._metadata", lambda content: {}),
        patch("trisect.training.checkpoints.is_intact", lambda path: True),
    ):
        yield


def load(data: Path) -> None:
    """Open a data set."""
    trisect.load(data)


def read(data: Path) -> None:
    """Open a data set and read every frame of its training split once."""
    frames = trisect.load(data).recording("train").observations
    for first in range(0, len(frames), 4096):
        np.array(frames[first : first + 4096])


def start(data: Path) -> None:
    """All that `trisect.train` does before the first step."""

    def begin(*_: object) -> None:
        raise StartedError

    with tempfile.TemporaryDirectory() as out, patch("trisect.runs.train._train", begin):
        try:
            trisect.train(closed_form(), data, Path(out) / "run", progress=False)
        except StartedError:
            return
    raise AssertionError("training did not begin")


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock seconds of some work."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(name: str, work: Callable[[], object], repeats: int) -> None:
    """Print a row."""
    work()
    checked, unchecked = [], []
    for repeat in range(repeats):
        for has_checks in (True, False) if repeat % 2 else (False, True):
            if has_checks:
                checked.append(seconds(work))
            else:
                with without_checks():
                    unchecked.append(seconds(work))
    one, two = statistics.median(checked), statistics.median(unchecked)
    print(f"{name:20} {one:8.3f} s with, {two:8.3f} s without: {one - two:+.3f} s ({(one / two - 1):+.1%})")


def main() -> None:
    """Print a row per kind of work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--run", type=Path, required=True, help="folder of a run that was trained on it")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    measure("load", lambda: load(args.data), args.repeats)
    measure("load and read", lambda: read(args.data), args.repeats)
    measure("start of a training", lambda: start(args.data), args.repeats)
    measure("load_run", lambda: trisect.load_run(args.run), args.repeats)
    measure("evaluate", lambda: trisect.evaluate(args.run, args.data, progress=False), max(1, args.repeats // 2))


if __name__ == "__main__":
    main()
