"""Zip archives and ``.npy`` headers from strangers: what a file claims is compared with its size before it is believed.

A few bytes can claim any number of members, bytes and rows. Everything is read within bounds: the directory of an
archive first, then a header of limited length, and only then the content, which is never unpickled.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from trisect import checks

AGAIN = "copy the file again"
LARGEST_DIRECTORY = 1 << 23
"""Largest size of the directory of an archive, in bytes."""
LARGEST_HEADER = 1 << 12
"""Largest size of the header of an array, in bytes."""
DEEPEST_HEADER = 8
VERSIONS = ((1, 0), (2, 0), (3, 0))
LARGEST_EMPTY = 1 << 31
"""Largest size of an axis of an array without elements."""
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
def opened(path: Path, kind: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive after comparing what its directory claims with the size of the file.

    Args:
        path: the file.
        kind: what the archive should be, such as ``"an .npz archive"``.

    Raises:
        ValueError: the file is no archive; its directory is too large; two members have one name; or a member is
            encrypted, is packed in another way than deflate, overlaps another one, or claims more bytes than any
            packing can hold.
    """
    what = f"the file '{path}'"
    with undamaged(what, kind):
        _check_directory(path, what, kind)
        archive = zipfile.ZipFile(path)
    with archive:
        _check_members(archive, path.stat().st_size, what)
        yield archive


def read_exactly(member: IO[bytes], num_bytes: int, what: str) -> bytes:
    """The next bytes of a member; raises `ValueError` if it is damaged or ends before."""
    with undamaged(what):
        data = member.read(num_bytes)
    require(len(data) == num_bytes, what, "complete", "fewer bytes than its shape needs")
    return data


def _check_directory(path: Path, what: str, kind: str) -> None:
    """Refuse a file whose directory is too large to be read, before it is read."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - (1 << 16) - 22))
        tail = file.read()
        end = tail.rfind(_END)
        require(end >= 0 and len(tail) - end >= 22, what, kind, "a file that is not a zip archive, or half of one")
        length, start = struct.unpack("<2L", tail[end + 12 : end + 20])
        if tail[max(0, end - 20) : end].startswith(_LOCATOR64):
            file.seek(min(size, struct.unpack("<Q", tail[end - 12 : end - 4])[0]))
            record = file.read(56)
            is_record = record.startswith(_END64) and len(record) == 56
            require(is_record, what, kind, "a directory that is not where the file says")
            length, start = struct.unpack("<2Q", record[40:56])
        require(length + start <= size, what, kind, "a directory beyond the end of the file")
        require(length <= LARGEST_DIRECTORY, what, kind, f"a directory of {length} bytes")


def _check_members(archive: zipfile.ZipFile, size: int, what: str) -> None:
    members = sorted(archive.infolist(), key=lambda member: member.header_offset)
    ends = [*(member.header_offset for member in members[1:]), size]
    for member, end in zip(members, ends):
        _check_member(member, end, f"the member '{checks.shown(member.filename)}' of {what.removeprefix('the ')}")
    name, count = Counter(member.filename for member in members).most_common(1)[0] if members else ("", 0)
    require(count < 2, what, "an archive of members with different names", f"{count} named '{name}'")


def _check_member(member: zipfile.ZipInfo, end: int, what: str) -> None:
    require(not member.flag_bits & 0x1, what, "readable without a password", "an encrypted one", "save it unencrypted")
    known = member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    todo = "save it with numpy.savez or numpy.savez_compressed"
    require(known, what, "stored or packed with deflate", f"packing method {member.compress_type}", todo)
    apart = member.header_offset >= 0 and member.header_offset + 30 + member.compress_size <= end
    require(apart, what, "apart from the others and inside the file", "one that overlaps")
    packed = member.compress_size
    fits = member.file_size == packed if member.compress_type == zipfile.ZIP_STORED else True
    fits = fits and member.file_size <= DENSEST_PACKING * (packed + 1)
    require(fits, what, "of the size that its packing can hold", f"{member.file_size} bytes in {packed}")


def check_piece(num_bytes: int, stored: int, what: str) -> None:
    """Raise `ValueError` for a piece that is far larger than the bytes that the file spends on it.

    Args:
        num_bytes: bytes to read at once.
        stored: bytes in the file that they are packed in.
        what: whose bytes they are.
    """
    limit = max(LARGEST_PIECE, TYPICAL_PACKING * stored)
    require(num_bytes <= limit, what, f"at most {limit} bytes", num_bytes, "check what wrote the file")


def read_header(member: IO[bytes], what: str) -> tuple[tuple[int, ...], np.dtype, bool, int]:
    """Read the header of an ``.npy`` array, and nothing after it.

    Args:
        member: an open file at its beginning.
        what: name of the array, for messages.

    Returns:
        Shape, data type, whether it is stored in Fortran order, and the length of the header in bytes.

    Raises:
        ValueError: not an array, a header that is too long, a type other than numbers and text, or a negative size.
    """
    with undamaged(what, "a .npy array"):
        text, version, length = _header_bytes(member, what)
        shape, fortran_order, dtype = _parsed(text, version, what)
        _check_array(shape, dtype, what)
    return tuple(shape), dtype, bool(fortran_order) and len(shape) > 1, length


def _check_array(shape: tuple[int, ...], dtype: np.dtype, what: str) -> None:
    todo = "save it as a plain array"
    require(not dtype.hasobject, what, "numbers or text", "pickled objects", todo)
    is_plain = dtype.kind not in "VmM" and dtype.itemsize > 0
    require(is_plain, what, "numbers or text", f"the type {checks.shown(dtype)}", todo)
    fits = all(type(size) is int and size >= 0 for size in shape)
    fits = fits and (0 not in shape or max(shape) <= LARGEST_EMPTY)
    require(fits, f"the shape of {what}", "of sizes from 0 that a file can hold", checks.quoted(shape), todo)


def _header_bytes(member: IO[bytes], what: str) -> tuple[bytes, tuple[int, int], int]:
    """The bytes that follow the version, the version, and the length of all of the header."""
    version = np.lib.format.read_magic(member)
    require(version in VERSIONS, what, "a .npy array of version 1 to 3", f"version {version}")
    width = 2 if version == (1, 0) else 4
    prefix = member.read(width)
    require(len(prefix) == width, what, "a .npy array", "half a header")
    length = int.from_bytes(prefix, "little")
    require(length <= LARGEST_HEADER, f"the header of {what}", f"at most {LARGEST_HEADER} bytes", length)
    text = member.read(length)
    require(len(text) == length, what, "a .npy array", "half a header")
    return prefix + text, version, len(np.lib.format.magic(1, 0)) + width + length


def _parsed(text: bytes, version: tuple[int, int], what: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    depth = max(text.count(opening) for opening in (b"(", b"[", b"{"))
    require(depth <= DEEPEST_HEADER, f"the header of {what}", "one of a plain array", "nested brackets")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        return read(io.BytesIO(text), max_header_size=LARGEST_HEADER + 4)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        message = checks.sentence(what, "a .npy array", checks.shown(error, LONGEST_DETAIL), AGAIN)
        raise DamagedFile(message) from error


def size_of(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Bytes of an array."""
    return dtype.itemsize * math.prod(shape)
