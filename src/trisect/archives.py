"""Zip archives from strangers: what an archive claims is compared with its size before it is believed.

A few bytes can claim any number of members and bytes. The directory is checked before it is read, every member before
it is opened, and every piece before it is unpacked.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from trisect import checks

AGAIN = "copy the file again"
LARGEST_DIRECTORY = 1 << 23
"""Largest size of the directory of an archive, in bytes."""
LONGEST_DETAIL = 120
LARGEST_PIECE = 1 << 28
"""Number of bytes that may be read at once, however small the file is that they are packed in."""
TYPICAL_PACKING = 64
"""Ratio of packed bytes to the file's own, up to which more may be read at once."""
DENSEST_PACKING = 1040
"""Ratio that no member can exceed; deflate reaches 1032."""
_END, _END64, _LOCATOR64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    OSError,
    KeyError,
    ValueError,
    OverflowError,
    MemoryError,
)


@runtime_checkable
class Stream(Protocol):
    """Anything that bytes are read from: an open file, or a member of an archive."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, fewer at the end."""


class DamagedFile(ValueError):
    """A file that is not what it says, in one sentence."""


@contextmanager
def undamaged(what: str, must: str = "undamaged", todo: str = AGAIN) -> Iterator[None]:
    """Raise an error of reading a damaged file in the block as a `DamagedFile`, with one sentence."""
    try:
        yield
    except (DamagedFile, FileNotFoundError, PermissionError):
        raise
    except _DAMAGE as error:
        got = error.args[0] if error.args and isinstance(error.args[0], str) else type(error).__name__
        raise DamagedFile(checks.sentence(what, must, checks.shown(got, LONGEST_DETAIL), todo)) from error


def require(condition: bool, what: str, must: str, got: object, todo: str = AGAIN) -> None:
    """Raise `DamagedFile` with the sentence unless the condition holds."""
    if not condition:
        raise DamagedFile(checks.sentence(what, must, checks.shown(got, LONGEST_DETAIL), todo))


@contextmanager
def opened(path: Path, kind: str, what: str = "", todo: str = AGAIN) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive after comparing what its directory claims with the size of the file.

    Args:
        path: the file.
        kind: what the archive should be, such as ``"an .npz archive"``.
        what: name of the file, for messages.
        todo: what to do if it is damaged, for messages.

    Raises:
        ValueError: the file is no archive; its directory is too large; two members have one name; or a member is
            encrypted, is packed in another way than deflate, overlaps another one, or claims more bytes than any
            packing can hold.
    """
    what = what or f"the file '{path}'"
    with undamaged(what, kind, todo):
        _check_directory(path, what, kind, todo)
        archive = zipfile.ZipFile(path)
    with archive:
        _check_members(archive, path.stat().st_size, what, todo)
        yield archive


def read_exactly(member: Stream, num_bytes: int, what: str) -> bytes:
    """The next bytes of a member; raises `ValueError` if it is damaged or ends before."""
    with undamaged(what):
        data = member.read(num_bytes)
    require(len(data) == num_bytes, what, "complete", "fewer bytes than its shape needs")
    return data


def _check_directory(path: Path, what: str, kind: str, todo: str) -> None:
    """Refuse a file whose directory is too large to be read, before it is read."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
        end = tail.rfind(_END)
        require(
            end >= 0 and len(tail) - end >= 22, what, kind, "a file that is not a zip archive, or half of one", todo
        )
        length, start = struct.unpack("<2L", tail[end + 12 : end + 20])
        if tail[max(0, end - 20) : end].startswith(_LOCATOR64):
            file.seek(min(size, struct.unpack("<Q", tail[end - 12 : end - 4])[0]))
            record = file.read(56)
            is_record = record.startswith(_END64) and len(record) == 56
            require(is_record, what, kind, "a directory that is not where the file says", todo)
            length, start = struct.unpack("<2Q", record[40:56])
        require(length + start <= size, what, kind, "a directory beyond the end of the file", todo)
        require(length <= LARGEST_DIRECTORY, what, kind, f"a directory of {length} bytes", todo)


def _check_members(archive: zipfile.ZipFile, size: int, what: str, todo: str) -> None:
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [*(member.header_offset for member in members[1:]), size]
    for member, end in zip(members, ends):
        _check_member(member, end, f"the member '{checks.shown(member.filename)}' of {what.removeprefix('the ')}", todo)
    name, count = Counter(member.filename for member in members).most_common(1)[0] if members else ("", 0)
    require(count < 2, what, "an archive of members with different names", f"{count} named '{name}'", todo)


def _check_member(member: zipfile.ZipInfo, end: int, what: str, again: str) -> None:
    require(not member.flag_bits & 0x1, what, "readable without a password", "an encrypted one", "save it unencrypted")
    known = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    todo = "save it with numpy.savez or numpy.savez_compressed"
    require(known, what, "stored or packed with deflate", f"packing method {member.compress_type}", todo)
    apart = member.header_offset >= 0 and member.header_offset + 30 + member.compress_size <= end
    require(apart, what, "apart from the others and inside the file", "one that overlaps", again)
    packed = member.compress_size
    fits = member.file_size == packed if member.compress_type == zipfile.ZIP_STORED else True
    fits = fits and member.file_size <= DENSEST_PACKING * (packed + 1)
    require(fits, what, "of the size that its packing can hold", f"{member.file_size} bytes in {packed}", again)


def check_piece(num_bytes: int, stored: int, what: str) -> None:
    """Raise `ValueError` for a piece that is far larger than the bytes that the file spends on it.

    Args:
        num_bytes: bytes to read at once.
        stored: bytes in the file that they are packed in.
        what: whose bytes they are.
    """
    limit = max(LARGEST_PIECE, TYPICAL_PACKING * stored)
    require(num_bytes <= limit, what, f"at most {limit} bytes", num_bytes, "check what wrote the file")
