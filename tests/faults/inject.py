"""Kills this process at a chosen call of the file system: the n-th rename, mkdir, fsync, unlink or open for writing."""

from __future__ import annotations

import builtins
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = ("replace", "rename", "mkdir", "fsync", "unlink", "rmdir")


class Counter:
    """Counts the calls below a folder, and kills the process before or after one of them.

    Args:
        at: number of the call to be killed at, from 1; 0: only count.
        after: kill after the call instead of before it.
        file: the names of the calls are written here, one per line, to know afterwards what there was.
        below: only files below this folder count.
    """

    def __init__(self, at: int, after: bool, file: str, below: str):
        self.at, self.after, self.below, self.number = at, after, os.path.realpath(below), 0
        self.owner = os.getpid()
        self.names = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def around(self, name: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Do a call that counts."""
        self.number += 1
        os.write(self.names, f"{name}\n".encode())
        is_it = self.number == self.at
        if is_it and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            return call(*args, **kwargs)
        finally:
            if is_it:
                os.kill(os.getpid(), signal.SIGKILL)

    def counts(self, path: Any) -> bool:
        """Whether calls on this path count; by handles all do, in worker processes none."""
        if os.getpid() != self.owner:
            return False
        return isinstance(path, int) or os.path.abspath(os.fsdecode(path)).startswith(self.below)


def install(counter: Counter) -> None:
    """Wrap the calls of `os`, and `open` for writing, in this process."""
    for name in CALLS:
        setattr(os, name, _wrapped(name, getattr(os, name), counter))
    opened = _opening(builtins.open, counter)
    builtins.open = io.open = opened  # type: ignore[assignment]
    Path.open = _path_open(opened)  # type: ignore[method-assign]
    os.open = _opening_by_flags(os.open, counter)


def _wrapped(name: str, call: Callable[..., Any], counter: Counter) -> Callable[..., Any]:
    def wrapper(path: Any, *args: Any, **kwargs: Any) -> Any:
        if not counter.counts(path):
            return call(path, *args, **kwargs)
        return counter.around(name, call, path, *args, **kwargs)

    return wrapper


def _opening(call: Callable[..., Any], counter: Counter) -> Callable[..., Any]:
    def wrapper(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if not set(mode) & set("wax+") or isinstance(file, int) or not counter.counts(file):
            return call(file, mode, *args, **kwargs)
        return counter.around("open", call, file, mode, *args, **kwargs)

    return wrapper


def _path_open(call: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        return call(self, mode, *args, **kwargs)

    return wrapper


def _opening_by_flags(call: Callable[..., Any], counter: Counter) -> Callable[..., Any]:
    def wrapper(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
        if not flags & (os.O_CREAT | os.O_TRUNC) or not counter.counts(path):
            return call(path, flags, *args, **kwargs)
        return counter.around("open", call, path, flags, *args, **kwargs)

    return wrapper
