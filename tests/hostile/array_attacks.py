"""Hostile ``.npy`` headers and ``.npz`` archives."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests.hostile import doors
from tests.hostile.attack import Attack, cuts, flips, of_bytes
from tests.hostile.samples import arrays

Member = tuple[str, bytes]
GIGABYTES = 1 << 32


def header(text: str | bytes, version: int = 1, length: int | None = None) -> bytes:
    """The header of an array with this description, which may be anything."""
    content = text.encode() if isinstance(text, str) else text
    width = "<H" if version == 1 else "<I"
    size = len(content) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, size % (1 << (16 if version == 1 else 32))) + content


def described(descr: str = "'|u1'", shape: str = "(4,)", order: str = "False", **more: Any) -> bytes:
    """A header with these literals."""
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n", **more)


HEADERS: dict[str, bytes] = {
    "no magic": b"not an array at all",
    "empty": b"",
    "half a magic": b"\x93NUM",
    "version 9": described(version=9),
    "length of 4 GB": described(version=2, length=GIGABYTES - 1),
    "length of 60 KB": described(length=60_000) + bytes(100),
    "length of 100 MB": header(b"{" + b" " * 5000, version=2, length=100 << 20),
    "no dictionary": header("[1, 2]\n"),
    "other keys": header("{'descr': '|u1', 'shape': (4,)}\n"),
    "further keys": header("{'descr': '|u1', 'fortran_order': False, 'shape': (4,), 'code': 1}\n"),
    "expression": header("__import__('os').system('true')\n"),
    "nested brackets": header("(" * 3000 + ")" * 3000),
    "nested minus": header("{'shape': " + "-" * 3500 + "1}"),
    "nested lists": described(shape="[" * 500 + "]" * 500),
    "no text": header(bytes(range(128, 240))),
    "unclosed": header("{'descr': '|u1"),
    "negative shape": described(shape="(-4,)"),
    "negative shapes": described(shape="(-2, -2)"),
    "huge shape": described(shape="(10000000000000,)"),
    "overflowing shape": described(shape="(4294967296, 4294967296, 4294967296)"),
    "shape of 10^400": described(shape=f"({10**400},)"),
    "empty and huge": described(shape="(0, 100000000000)"),
    "shape of truth": described(shape="(True, 4)"),
    "shape of floats": described(shape="(4.0,)"),
    "shape of texts": described(shape="('4',)"),
    "no shape": described(shape="None"),
    "no axes": described(shape="()") + b"\x01",
    "many axes": described(shape="(" + "1, " * 200 + ")") + b"\x01",
    "objects": described("'|O'") + b"\x80\x04N.",
    "text of 4 GB": described("'<U1000000000'", "(1,)"),
    "text of nothing": described("'<U0'", "(1000000000,)"),
    "structure": described("[('a', '<f4'), ('b', '<i4')]", "(1,)") + bytes(8),
    "structure by text": described("'f4,i4'", "(1,)") + bytes(8),
    "nested type": described("('<f4', (1000000, 1000000))", "(1,)"),
    "void": described("'|V8'", "(1,)") + bytes(8),
    "times": described("'<M8[s]'", "(1,)") + bytes(8),
    "unknown type": described("'<q9'", "(1,)") + bytes(8),
    "type of a number": described("3", "(1,)") + bytes(8),
    "type of a Python name": described("'os'", "(1,)") + bytes(8),
    "Fortran": described("'<f4'", "(2, 2)", "True") + bytes(16),
    "order of a text": described("'<f4'", "(2, 2)", "'no'") + bytes(16),
    "bytes missing": described("'<f4'", "(200, 2)") + bytes(16),
    "bytes left": described("'<f4'", "(1, 1)") + bytes(16),
    "not a truth value": described("'|b1'", "(199, 2)") + b"\x07" * 398,
}


def saved(array: np.ndarray) -> bytes:
    """The bytes of an ``.npy`` file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype.hasobject)
    return buffer.getvalue()


def members(**replaced: bytes | np.ndarray | None) -> list[Member]:
    """The members of the sample, with some replaced."""
    content = {**arrays(), **replaced}
    return [
        (f"{name}.npy", value if isinstance(value, bytes) else saved(value))
        for name, value in content.items()
        if value is not None
    ]


def zipped(parts: list[Member], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in parts:
            archive.writestr(name, data)
    return buffer.getvalue()


WRONG: dict[str, dict[str, Any]] = {
    "0-d targets": {"targets": np.array(1)},
    "1-d targets": {"targets": np.ones(199, dtype=np.uint8)},
    "texts as targets": {"targets": np.full((199, 2), "yes")},
    "complex targets": {"targets": np.full((199, 2), 1j)},
    "objects as targets": {"targets": np.full((199, 2), None)},
    "NaN targets": {"targets": np.full((199, 2), np.nan)},
    "no rows of targets": {"targets": np.zeros((0, 2))},
    "no columns of targets": {"targets": np.zeros((199, 0))},
    "0-d images": {"images": np.array(1)},
    "no images": {"images": np.zeros((0, 8, 8, 3), dtype=np.uint8)},
    "empty images": {"images": np.zeros((200, 0, 8, 3), dtype=np.uint8)},
    "complex images": {"images": np.zeros((200, 8, 8, 3), dtype=np.complex64)},
    "infinite images": {"images": np.full((200, 8, 8, 3), np.inf)},
    "huge numbers": {"images": np.full((200, 8, 8, 3), 1e300)},
    "0-d keys": {"keys": np.array("c0")},
    "numbers as keys": {"keys": np.arange(2)},
    "equal keys": {"keys": np.array(["c0", "c0"])},
    "empty keys": {"keys": np.array(["c0", ""])},
    "control characters": {"keys": np.array(["c0", "\x1b[31mred\nline"])},
    "many keys": {"keys": np.arange(100_000).astype(str)},
    "long key": {"keys": np.array(["c0", "x" * 1_000_000])},
    "keys of a bomb": {"keys": np.full(20_000, "x" * 1000)},
    "0-d latents": {"latents": np.array(1.0)},
    "NaN latents": {"latents": np.full((200, 2), np.nan, dtype=np.float32)},
    "short latents": {"latents": np.zeros((20, 2), dtype=np.float32)},
    "nothing": dict.fromkeys(("images", "targets", "latents", "keys")),
    "unknown names": {"images": None, "pic\x1b[31mtures": np.zeros((200, 8, 8, 3), dtype=np.uint8)},
    "path names": {"keys": None, "../../keys": np.array(["c0", "c1"])},
    "bad episodes": {"episode_starts": np.array([0, 10**12])},
    "negative episodes": {"episode_starts": np.array([-5])},
    "NaN episodes": {"episode_ids": np.full(200, np.nan)},
    "dones of texts": {"dones": np.full(200, "no")},
}


def patched(offset: int, form: str, value: int, member: str = "keys") -> Callable[[bytes], bytes]:
    """A change of one field of a member's entry in the directory."""

    def change(data: bytes) -> bytes:
        name = f"{member}.npy".encode()
        at = data.rindex(b"PK\1\2", 0, data.rindex(name)) + offset
        return data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :]

    return change


FIELDS: dict[str, tuple[int, str, int]] = {
    "unknown zip version": (6, "<H", 99),
    "encrypted": (8, "<H", 1),
    "strongly encrypted": (8, "<H", 0x41),
    "patched data": (8, "<H", 0x20),
    "unknown packing": (10, "<H", 77),
    "bzip2": (10, "<H", 12),
    "lzma": (10, "<H", 14),
    "stored": (10, "<H", 0),
    "wrong checksum": (16, "<L", 12345),
    "packed 4 GB": (20, "<L", GIGABYTES - 2),
    "zip64 packed": (20, "<L", GIGABYTES - 1),
    "packed nothing": (20, "<L", 0),
    "claims 4 GB": (24, "<L", GIGABYTES - 2),
    "zip64 size": (24, "<L", GIGABYTES - 1),
    "claims nothing": (24, "<L", 0),
    "claims a byte more": (24, "<L", 500),
    "name of 60 KB": (28, "<H", 60_000),
    "extra of 60 KB": (30, "<H", 60_000),
    "comment of 60 KB": (32, "<H", 60_000),
    "disk 7": (34, "<H", 7),
    "offset 1": (42, "<L", 1),
    "offset of another": (42, "<L", 0),
    "offset beyond": (42, "<L", 10**9),
    "zip64 offset": (42, "<L", GIGABYTES - 1),
}


def end_field(offset: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """A change of a field of the record at the end of an archive."""

    def change(data: bytes) -> bytes:
        at = len(data) - 22 + offset
        return data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :]

    return change


ENDS: dict[str, Callable[[bytes], bytes]] = {
    "many members": end_field(10, "<H", 65_000),
    "directory of 4 GB": end_field(12, "<L", GIGABYTES - 2),
    "directory of nothing": end_field(12, "<L", 0),
    "directory beyond": end_field(16, "<L", 10**9),
    "comment of 60 KB": end_field(20, "<H", 60_000),
    "no end": lambda data: data[:-22],
    "only an end": lambda data: data[-22:],
    "zip64 record of nothing": lambda data: data[:-22] + b"PK\6\7" + struct.pack("<LQL", 0, 10**15, 1) + data[-22:],
    "zip64 directory of 2^60": lambda data: zip64(data, 1 << 60),
    "an archive in front": lambda data: zipped(members(keys=np.arange(3))) + data,
    "text in front": lambda data: b"#!/bin/sh\n" + data,
    "text behind": lambda data: data + b"text" * 10,
    "two archives": lambda data: data + data,
}


def zip64(data: bytes, size: int) -> bytes:
    """An archive with a zip64 record that claims a directory of this size."""
    body, end = data[:-22], data[-22:]
    record = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, 4, 4, size, 0)
    return body + record + b"PK\6\7" + struct.pack("<LQL", 0, len(body), 1) + end


def bomb(_: bytes) -> bytes:
    """400 MB of zeros as targets, in half a megabyte."""
    packer, head = zlib.compressobj(9, zlib.DEFLATED, -15), described("'|u1'", "(200000000, 2)")
    pieces, checksum, zeros = [packer.compress(head)], zlib.crc32(head), bytes(1 << 22)
    total = 400_000_000
    for first in range(0, total, len(zeros)):
        piece = zeros[: min(len(zeros), total - first)]
        checksum = zlib.crc32(piece, checksum)
        pieces.append(packer.compress(piece))
    packed = b"".join([*pieces, packer.flush()])
    facts = struct.pack("<HHHHHLLL", 20, 0, 8, 0, 0, checksum, len(packed), total + len(head))
    local = b"PK\3\4" + facts + struct.pack("<HH", 11, 0) + b"targets.npy" + packed
    entry = b"PK\1\2" + struct.pack("<H", 20) + facts + struct.pack("<HHHHHLL", 11, 0, 0, 0, 0, 0, 0) + b"targets.npy"
    return _with_member(local, entry, zipped(members(targets=None, latents=None)))


def _with_member(local: bytes, central: bytes, archive: bytes) -> bytes:
    """An archive with one more member in front."""
    count, size, start = struct.unpack("<HLL", archive[-12:-2])
    directory = b""
    rest = archive[start : start + size]
    while rest:
        name, extra, comment = struct.unpack("<HHH", rest[28:34])
        entry, rest = rest[: 46 + name + extra + comment], rest[46 + name + extra + comment :]
        moved = struct.unpack("<L", entry[42:46])[0] + len(local)
        directory += entry[:42] + struct.pack("<L", moved) + entry[46:]
    directory = central + directory
    end = b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, count + 1, count + 1, len(directory), len(local) + start, 0)
    return local + archive[:start] + directory + end


def rewritten(**replaced: Any) -> Callable[[Path], object]:
    """The sample with some members replaced."""
    return of_bytes(lambda _: zipped(members(**replaced)))


def attacks(number: int) -> Iterator[Attack]:
    """All attacks on archives; ``number`` flipped bits and as many cuts."""
    door, file = doors.CONVERT, "frames.npz"
    yield from flips("npz: flipped bit", door, file, number)
    yield from cuts("npz: cut", door, file, number)
    for member in ("images", "targets", "keys"):
        for name, content in HEADERS.items():
            yield Attack("npz: header", f"{name} of {member}", door, file, rewritten(**{member: content}))
    for member in ("images", "keys"):
        for name, field in FIELDS.items():
            yield Attack("npz: directory", f"{name} of {member}", door, file, of_bytes(patched(*field, member=member)))
    for name, change in ENDS.items():
        yield Attack("npz: end record", name, door, file, of_bytes(change))
    for name, replaced in WRONG.items():
        yield Attack("npz: content", name, door, file, rewritten(**replaced))
    twice = [*members(), ("keys.npy", saved(np.array(["a", "b"])))]
    yield Attack("npz: end record", "two members of one name", door, file, of_bytes(lambda _: _quietly(twice)))
    yield Attack("npz: bomb", "400 MB of targets", door, file, of_bytes(bomb))
    yield from _folder_attacks(number)


def _quietly(parts: list[Member]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return zipped(parts)


def _folder_attacks(number: int) -> Iterator[Attack]:
    """Attacks on the arrays of a data folder."""
    for array in ("observations", "targets", "episode_starts"):
        file = f"data/train/{array}.npy"
        yield from flips(f"npy: flipped bit in {array}", doors.LOAD, file, number // 3)
        yield from cuts(f"npy: cut {array}", doors.LOAD, file, number // 3)
    for array in ("observations", "targets"):
        for name, content in HEADERS.items():
            change = of_bytes(lambda _, content=content: content)
            yield Attack("npy: header", f"{name} of {array}", doors.LOAD, f"data/train/{array}.npy", change)
