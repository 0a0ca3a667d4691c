"""Files that are written completely or not at all, their hashes, and sentences about files that cannot be read."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trisect import checks

BLOCK_BYTES = 2**20
UNREADABLE = (KeyError, TypeError, AttributeError, IndexError, UnicodeError, RecursionError, OverflowError, MemoryError)
"""Errors by which code reports content that it does not understand."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_TEXTS = ("No space left on device", "File too large", "PytorchStreamWriter failed", "unexpected pos ")
"""Texts in the errors of libraries that do not raise `OSError` when a disk is full."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a new file beside ``path`` to write to; it replaces ``path`` when the block ends without an error.

    A reader finds either the old content or all of the new content, even after a power cut. What killed processes of
    this machine left behind for the same path is removed.

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.
        OSError: the disk is full, whichever library found it out.

    Example:
        >>> with replacing(Path("weights.bin")) as beside:  # doctest: +SKIP
        ...     beside.write_bytes(b"...")
    """
    remove_leftovers(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=temporary_prefix(path), suffix=path.suffix)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        flush(beside)
        os.replace(beside, path)
    except Exception as error:
        if is_disk_full(error):
            raise OSError(errno.ENOSPC, "nothing more can be written, because the disk is full", str(path)) from error
        raise
    finally:
        beside.unlink(missing_ok=True)
    flush(path.parent)


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path``; it is removed when the block ends, unless the block has renamed it.

    What killed processes of this machine left behind for the same path is removed too.

    Raises:
        FileNotFoundError: the folder of ``path`` does not exist.

    Example:
        >>> with temporary_folder(Path("model")) as beside:  # doctest: +SKIP
        ...     beside.rename("model")
    """
    remove_leftovers(path)
    beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=temporary_prefix(path), suffix=path.suffix))
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def appears_whole(out: Path) -> Iterator[Path]:
    """A temporary folder to fill, which is renamed to ``out`` at the end and deleted if an error occurs.

    Raises:
        FileExistsError: ``out`` exists.
    """
    out = out.resolve()
    _require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out) as folder:
        folder.chmod(0o755)
        yield folder
        _require_new(out)
        os.rename(folder, out)
    flush(out.parent)


def _require_new(out: Path) -> None:
    if out.exists():
        got = f"{out}, which exists"
        raise FileExistsError(checks.sentence("the folder to export to", "new", got, "choose another one"))


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes to a file, completely or not at all; see `replacing`.

    Bytes of file names that are not UTF-8 are written as escapes.
    """
    with replacing(path) as beside:
        beside.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


def temporary_prefix(path: Path) -> str:
    """How the name of a temporary file or folder for ``path`` begins; it names its process and machine."""
    return f".{path.name}.{_host()}-{os.getpid()}-"


def remove_leftovers(path: Path) -> None:
    """Remove temporary files and folders for ``path`` whose process, on this machine, has ended."""
    pattern = re.compile(re.escape(f".{path.name}.{_host()}-") + r"(\d+)-\w+" + re.escape(path.suffix))
    for entry in path.parent.glob(f".{_escaped(path.name)}.*"):
        match = pattern.fullmatch(entry.name)
        if match and not is_alive(int(match[1])):
            remove(entry)


def remove(path: Path) -> None:
    """Remove a file, or a folder with everything in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether this machine has a process with this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal; the file is read a block at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def reading(path: Path, todo: str = "restore it or make it again") -> Iterator[None]:
    """Turn the errors of reading a file whose content makes no sense into one sentence.

    Sentences of our own (`ValueError`) and errors of the file system (`OSError`) pass through; but a file that may not
    be read is said to be there.

    Raises:
        ValueError: the block raised one of `UNREADABLE`.
        PermissionError: this user may not read the file.
    """
    try:
        yield
    except PermissionError as error:
        if error.errno is None:  # a sentence already, of a file within the block
            raise
        message = checks.sentence(f"the file '{path}'", "readable", error.strerror, "change its permissions")
        raise PermissionError(message) from error
    except UNREADABLE as error:
        got = f"{type(error).__name__}: {brief(error)}"
        raise ValueError(checks.sentence(f"the file '{path}'", "complete and undamaged", got, todo)) from error


def brief(value: object, most: int = 120) -> str:
    """The first line of a text from elsewhere, see `trisect.checks.shown`."""
    return checks.shown(next(iter(str(value).strip().splitlines()), ""), most)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a write failed for want of space, or an error came of such a failure; libraries report it as they like.

    Example:
        >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
        True
    """
    while error is not None:
        text = "" if isinstance(error, OSError) else str(error)
        if getattr(error, "errno", None) in FULL or any(known in text for known in FULL_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


def has_text_name(path: Path) -> bool:
    """Whether the bytes of a path are UTF-8, which some libraries need.

    Example:
        >>> has_text_name(Path("new")), has_text_name(Path(os.fsdecode(bytes([233]))))
        (True, False)
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def flush(path: Path) -> None:
    """Flush a file's content, or a folder's entries, to the disk."""
    if path.is_dir() and os.name != "posix":
        return  # elsewhere a folder cannot be opened
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)  # some systems flush only what is writable
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _host() -> str:
    return re.sub(r"\W", "", socket.gethostname())[:32] or "host"


def _escaped(name: str) -> str:
    """A name as a pattern of `Path.glob`."""
    return re.sub(r"([*?[])", r"[\1]", name)
