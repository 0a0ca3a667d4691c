"""A process that has imported everything and forks once per task, so that a task starts in milliseconds.

It reads jobs from standard input, one JSON object per line: a list of tasks that run at the same time. It answers with
one line: a list of what became of them. It starts no thread, so that a fork is a whole process.
"""

from __future__ import annotations

import json
import os
import pkgutil
import resource
import selectors
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

HEAVY = (
    *("torch", "scipy.optimize", "scipy.stats", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "PIL.Image"),
    *("jsonargparse", "docstring_parser", "attrs", "pytorch_lightning", "safetensors.torch", "tests.faults.uses"),
)
NOBODY = 65534


def main() -> None:
    """Serve jobs until the input ends."""
    import importlib
    import warnings

    warnings.simplefilter("ignore")
    os.environ["MPLBACKEND"] = "agg"
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name in (*HEAVY, *_modules()):
        try:
            importlib.import_module(name)
        except ImportError as error:
            print(f"not there: {error}", file=sys.stderr)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(Job(json.loads(line)).run()), file=answers, flush=True)


def _modules() -> Iterator[str]:
    """All modules of the package."""
    import trisect

    for module in pkgutil.walk_packages(trisect.__path__, "trisect."):
        if not module.name.endswith("__main__"):
            yield module.name


class Job:
    """Tasks that run at the same time."""

    def __init__(self, tasks: list[dict[str, Any]]):
        self.tasks = [Task(task) for task in tasks]

    def run(self) -> list[dict[str, Any]]:
        """Start all tasks, wait for them, and say what became of each."""
        for task in self.tasks:
            task.start()
        while any(task.status is None for task in self.tasks):
            for task in self.tasks:
                task.look()
            time.sleep(0.002)
        return [task.result() for task in self.tasks]


class Task:
    """One forked process; see `tests.faults.processes.task` for what may be asked of it."""

    def __init__(self, task: dict[str, Any]):
        self.task, self.status, self.signalled = task, None, False
        self.text = {"out": b"", "err": b""}
        self.cpu = 0.0

    def start(self) -> None:
        pipes = {name: os.pipe() for name in self.text}
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            _be(self.task, pipes["out"][1], pipes["err"][1])
        self.selector = selectors.DefaultSelector()
        for name, (read, write) in pipes.items():
            os.close(write)
            os.set_blocking(read, False)
            self.selector.register(read, selectors.EVENT_READ, name)

    def look(self) -> None:
        """Read its output, signal it if it is time, see whether it has ended."""
        if self.status is not None:
            return
        self._read()
        self._signal()
        pid, status, used = os.wait4(self.pid, os.WNOHANG)
        if pid:
            self._read()
            self.status = os.waitstatus_to_exitcode(status)
            self.cpu = used.ru_utime + used.ru_stime
            for key in list(self.selector.get_map().values()):
                os.close(key.fd)
        elif time.monotonic() - self.began > self.task["timeout"]:
            os.kill(self.pid, signal.SIGKILL)
            self.text["err"] += b"TIMEOUT"

    def _read(self) -> None:
        for key, _ in self.selector.select(0):
            while True:
                try:
                    block = os.read(key.fd, 65536)
                except BlockingIOError:
                    break
                if not block:
                    self.selector.unregister(key.fd)
                    os.close(key.fd)
                    break
                self.text[key.data] += block

    def _signal(self) -> None:
        wanted = self.task.get("signal")
        if not wanted or self.signalled:
            return
        number, moment, by = wanted
        now = _cpu_of(self.pid) if by == "cpu" else time.monotonic() - self.began
        if now >= moment:
            self.signalled = True
            os.kill(self.pid, number)

    def result(self) -> dict[str, Any]:
        text = {name: value.decode(errors="replace") for name, value in self.text.items()}
        wall = time.monotonic() - self.began
        return {"rc": self.status, "cpu": self.cpu, "wall": wall, "signalled": self.signalled, **text}


def _cpu_of(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _be(task: dict[str, Any], out: int, err: int) -> None:
    """What the forked process does, and how it ends."""
    code = 70
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        _prepare(task)
        code = _do(task)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _prepare(task: dict[str, Any]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "kill" in task:
        from tests.faults.inject import Counter, install

        install(Counter(**task["kill"]))
    if task.get("file_bytes") is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (task["file_bytes"], resource.RLIM_INFINITY))
    if task.get("nobody") and os.geteuid() == 0:
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def _do(task: dict[str, Any]) -> int:
    if "use" in task:
        from tests.faults import uses

        print(json.dumps(getattr(uses, task["use"])(*task["arguments"])))
        return 0
    from trisect.cli import main as command

    return int(command(task["arguments"]))


if __name__ == "__main__":
    main()
