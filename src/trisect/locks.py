"""One owner at a time for a folder that is being written.

The lock is the system's own, on the file ``.lock`` in the folder, so a process that dies in any way gives it back. The
file says who has it: process, machine and the time since when.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.files import is_alive

try:
    import fcntl
except ImportError:  # a system without it; the owner in the file decides
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


class FolderInUseError(ValueError):
    """Another process is writing into the folder."""


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own a folder while the block runs; it is made if it does not exist.

    Raises:
        FolderInUseError: a living process owns it.

    Example:
        >>> import tempfile
        >>> with owned(Path(tempfile.mkdtemp())):
        ...     pass
    """
    handle = acquire(folder)
    try:
        yield
    finally:
        release(folder / LOCK, handle)


def acquire(folder: Path) -> int:
    """Take the lock of a folder, which is made if it does not exist; returns the handle for `release`."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(handle, folder)
            if _is_still(handle, folder / LOCK):  # else its former owner has just removed it
                _sign(handle)
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def release(file: Path, handle: int) -> None:
    """Remove the lock file, which may have moved with its folder, and give the lock back."""
    with suppress(OSError):
        file.unlink()
    os.close(handle)


def _take(handle: int, folder: Path) -> None:
    if fcntl is None:
        _refuse_living(handle, folder)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _in_use(folder, _owner(handle)) from error
    except OSError:  # a file system without locks; the owner in the file decides
        _refuse_living(handle, folder)


def _refuse_living(handle: int, folder: Path) -> None:
    owner = _owner(handle)
    if owner and (owner.get("host") != socket.gethostname() or is_alive(int(owner.get("pid", 0)))):
        raise _in_use(folder, owner)


def _in_use(folder: Path, owner: dict[str, Any]) -> FolderInUseError:
    who = f"process {owner.get('pid', '?')} on {owner.get('host', '?')} since {owner.get('start', '?')}"
    todo = f"wait until it ends or stop it; if there is no such process, delete {folder / LOCK}"
    return FolderInUseError(checks.sentence(f"the folder {folder}", "free to write into", f"in use by {who}", todo))


def _owner(handle: int) -> dict[str, Any]:
    with suppress(ValueError, OSError):
        owner = json.loads(os.pread(handle, 1000, 0))
        if isinstance(owner, dict):
            return owner
    return {}


def _is_still(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


def _sign(handle: int) -> None:
    start = time.strftime("%Y-%m-%d %H:%M:%S")
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "start": start}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(owner).encode(), 0)
