"""Headers of ``.npy`` arrays from strangers: read within bounds, before any element is.

A header is a Python literal of any length, which may claim any type and shape. Only short headers of plain arrays are
parsed, and nothing is unpickled.
"""

from __future__ import annotations

import io
import math
import tokenize
from pathlib import Path

import numpy as np

from trisect import archives, checks

LARGEST_HEADER = 1 << 12
"""Largest size of a header, in bytes."""
DEEPEST_HEADER = 8
"""Largest number of brackets of one kind in a header."""
VERSIONS = ((1, 0), (2, 0), (3, 0))
LARGEST_EMPTY = 1 << 31
"""Largest size of an axis of an array without elements."""


def read_header(member: archives.Stream, what: str) -> tuple[tuple[int, ...], np.dtype, bool, int]:
    """Read the header of an ``.npy`` array, and nothing after it.

    Args:
        member: an open file at its beginning.
        what: name of the array, for messages.

    Returns:
        Shape, data type, whether it is stored in Fortran order, and the length of the header in bytes.

    Raises:
        ValueError: not an array, a header that is too long, a type other than numbers and text, or a negative size.
    """
    with archives.undamaged(what, "a complete .npy array"):
        text, version, length = _header_bytes(member, what)
        shape, fortran_order, dtype = _parsed(text, version, what)
        _check_array(shape, dtype, what)
    return tuple(shape), dtype, bool(fortran_order) and len(shape) > 1, length


def check_file(file: Path) -> None:
    """Check the header of an ``.npy`` file, and that the file is as long as the header says.

    Raises:
        ValueError: as `read_header`, or the file is shorter or longer.
    """
    what = f"the file '{file}'"
    with file.open("rb") as opened:
        shape, dtype, _, length = read_header(opened, what)
    size, needed = file.stat().st_size, length + size_of(shape, dtype)
    archives.require(size == needed, what, "a complete .npy array", f"{size} bytes where its shape needs {needed}")


def _check_array(shape: tuple[int, ...], dtype: np.dtype, what: str) -> None:
    todo = "save it as a plain array"
    archives.require(not dtype.hasobject, what, "numbers or text", "pickled objects", todo)
    is_plain = dtype.kind not in "VmM" and dtype.itemsize > 0
    archives.require(is_plain, what, "numbers or text", f"the type {checks.shown(dtype)}", todo)
    fits = all(type(size) is int and size >= 0 for size in shape)
    fits = fits and (0 not in shape or max(shape) <= LARGEST_EMPTY)
    archives.require(fits, f"the shape of {what}", "of sizes from 0 that a file can hold", checks.quoted(shape), todo)


def _header_bytes(member: archives.Stream, what: str) -> tuple[bytes, tuple[int, int], int]:
    """The bytes that follow the version, the version, and the length of all of the header."""
    version = np.lib.format.read_magic(member)
    archives.require(version in VERSIONS, what, "a complete .npy array of version 1 to 3", f"version {version}")
    width = 2 if version == (1, 0) else 4
    prefix = member.read(width)
    archives.require(len(prefix) == width, what, "a complete .npy array", "half a header")
    length = int.from_bytes(prefix, "little")
    archives.require(length <= LARGEST_HEADER, f"the header of {what}", f"at most {LARGEST_HEADER} bytes", length)
    text = member.read(length)
    archives.require(len(text) == length, what, "a complete .npy array", "half a header")
    return prefix + text, version, len(np.lib.format.magic(1, 0)) + width + length


def _parsed(text: bytes, version: tuple[int, int], what: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    depth = max(text.count(opening) for opening in (b"(", b"[", b"{"))
    archives.require(depth <= DEEPEST_HEADER, f"the header of {what}", "one of a plain array", "nested brackets")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        return read(io.BytesIO(text), max_header_size=LARGEST_HEADER + 4)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError) as error:
        message = checks.sentence(
            what, "a complete .npy array", checks.shown(error, archives.LONGEST_DETAIL), archives.AGAIN
        )
        raise archives.DamagedFile(message) from error


def size_of(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Bytes of an array."""
    return dtype.itemsize * math.prod(shape)
