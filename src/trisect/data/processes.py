"""Processes that compute parts of a data set, and that any script can start.

A new process of Python's ``spawn`` method runs the script of its parent again, except for what stands below
``if __name__ == "__main__":``. Our processes only need the package, so they do not run it, unless the world is defined
in the script.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

DIED = (
    "the worker processes ended early: they were killed, perhaps for want of memory, or the script that defines the "
    "world calls generate outside of `if __name__ == '__main__':`; guard the call, or pass workers=1 (--workers 1)"
)


def executor(workers: int, task: object) -> Any:
    """A context manager for an executor with this number of processes, or for None if it is 1.

    Args:
        workers: number of processes, at least 1.
        task: an object that is sent to them; if the running script defines its class, they run the script too.
    """
    if workers == 1:
        return nullcontext()
    context = get_context("spawn") if type(task).__module__ == "__main__" else _Context()
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)


@contextmanager
def explained() -> Iterator[None]:
    """Say in one sentence why processes of an executor may have died, as a `ValueError`."""
    if getattr(current_process(), "_inheriting", False):
        sys.exit(1)  # a process that is just starting runs an unguarded script; its parent explains that
    try:
        yield
    except BrokenProcessPool as error:
        raise ValueError(DIED) from error


class _Process(SpawnProcess):
    """A new process that does not run the script of its parent."""

    @staticmethod
    def _Popen(process: Any) -> Any:
        with _hidden_script():
            return SpawnProcess._Popen(process)


class _Context(SpawnContext):
    Process = _Process


@contextmanager
def _hidden_script() -> Iterator[None]:
    """Hide the running script, by which a new process would know what to run."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _end_with_parent() -> None:
    """End this worker when the process that started it is killed; else it would wait for work forever."""

    def watch() -> None:
        parent = parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
