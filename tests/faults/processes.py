"""Starting processes for the attacks: a client of `tests.faults.zygote`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """What became of a process: its exit code (negative: the signal that killed it), output, CPU and wall seconds."""

    rc: int
    out: str
    err: str
    cpu: float
    wall: float
    signalled: bool

    @property
    def answer(self) -> Any:
        """What a use returned; a text that names the exception if it raised one."""
        return json.loads(self.out.splitlines()[-1]) if self.rc == 0 else {"crash": self.err[-2000:] or f"rc {self.rc}"}


def task(arguments: Sequence[str | Path], **options: Any) -> dict[str, Any]:
    """A task: ``trisect`` with arguments.

    Options: ``use``, a function of `tests.faults.uses` to call instead; ``kill``, arguments of
    `tests.faults.inject.Counter`; ``signal``, (number, seconds, "cpu" or "wall"); ``file_bytes``, the largest file it
    may write; ``nobody``, run without rights; ``timeout`` in seconds.
    """
    return {"timeout": 300, **options, "arguments": [str(each) for each in arguments]}


class Processes:
    """Runs tasks in forks of one warm process."""

    def __init__(self) -> None:
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
        )
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.faults.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **threads, "PYTHONPATH": path},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def together(self, *tasks: dict[str, Any]) -> list[Ended]:
        """Run tasks at the same time."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(tasks) + "\n")
        self.process.stdin.flush()
        return [Ended(**each) for each in json.loads(self.process.stdout.readline())]

    def run(self, arguments: Sequence[str | Path], **options: Any) -> Ended:
        """Run ``trisect`` with these arguments, see `task`."""
        return self.together(task(arguments, **options))[0]

    def use(self, name: str, *arguments: str | Path) -> Any:
        """Call a function of `tests.faults.uses` in a process of its own, and return what it returns."""
        return self.run(arguments, use=name).answer

    def close(self) -> None:
        """End the warm process."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
