"""Processes that compute parts of a data set, and that any script can start.

A new process of Python's ``spawn`` method runs the script of its parent again, except for what stands below
``if __name__ == "__main__":``. Our processes only need the package, so they do not run it, unless the world, or
what makes an environment, is defined in the script.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any, TypeVar

Result = TypeVar("Result")

DIED = (
    "the worker processes ended early: they were killed, perhaps for want of memory, or the script that defines the "
    "world or the environment makes the data set outside of `if __name__ == '__main__':`; guard the call, or pass "
    "workers=1 (--workers 1)"
)


def executor(workers: int, *tasks: object) -> Any:
    """A context manager for an executor with this number of processes, or for None if it is 1.

    Args:
        workers: number of processes, at least 1.
        tasks: objects and functions that are sent to them; if the running script defines one, or the class of one,
            they run the script too.
    """
    if workers == 1:
        return nullcontext()
    in_script = any(getattr(task, "__module__", "") == "__main__" for task in tasks)
    context = get_context("spawn") if in_script else _Context()
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)


def in_order(
    function: Callable[..., Result], calls: Iterable[tuple[Any, ...]], executor: Executor | None, workers: int
) -> Generator[Result]:
    """Results of a function, one for each of the calls, in their order.

    Args:
        function: defined at the top of a module.
        calls: the arguments of each call; there may be endlessly many, as long as the caller stops to iterate.
        executor: processes that compute a few results ahead; None: this process computes each when it is asked for.
        workers: number of processes of the executor.

    Example:
        >>> list(in_order(max, [(1, 2), (4, 3)], None, 1))
        [2, 4]
    """
    if executor is None:
        yield from (function(*arguments) for arguments in calls)
        return
    waiting: deque[Future[Result]] = deque()
    try:
        for arguments in calls:
            waiting.append(executor.submit(function, *arguments))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


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
