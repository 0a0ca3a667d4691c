"""Digests of large files by chunk, so that a mapped file is checked where it is read."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.files import BLOCK_BYTES

CHUNK_BYTES = 2**26
"""64 MiB; the last chunk of a file may be shorter."""
TODO = "copy or generate the folder again"


class ChunkedDigest:
    """SHA-256 of a growing file, as a whole and of every chunk."""

    def __init__(self) -> None:
        self._whole, self._chunk, self._in_chunk = hashlib.sha256(), hashlib.sha256(), 0
        self._done: list[str] = []

    def update(self, data: Any) -> None:
        """Add bytes."""
        self._whole.update(data)
        view = memoryview(data)
        while len(view):
            piece = view[: CHUNK_BYTES - self._in_chunk]
            self._chunk.update(piece)
            self._in_chunk += len(piece)
            view = view[len(piece) :]
            if self._in_chunk == CHUNK_BYTES:
                self._done.append(self._chunk.hexdigest())
                self._chunk, self._in_chunk = hashlib.sha256(), 0

    def whole(self) -> str:
        """Digest of all bytes so far, in hexadecimal."""
        return self._whole.hexdigest()

    def chunks(self) -> list[str]:
        """Digests of all chunks so far, in hexadecimal; the last one may be of a shorter chunk."""
        return [*self._done, *([self._chunk.hexdigest()] if self._in_chunk else [])]


class ChunkChecker:
    """Checks the chunks of one file, each once, before they are used; the following chunk is checked meanwhile.

    Args:
        file: the file.
        digests: SHA-256 of its chunks, in hexadecimal.
    """

    def __init__(self, file: Path, digests: list[str]):
        self.file, self.digests = file, digests
        self._checks: dict[tuple[int, int], Future[bool]] = {}

    def require(self, chunk: int) -> None:
        """Check one chunk.

        Raises:
            ValueError: it has other bytes than were written.
        """
        ahead = [self._submitted(each) for each in (chunk, chunk + 1) if each < len(self.digests)]
        if not ahead[0].result():
            first = chunk * CHUNK_BYTES
            what, must = f"the file '{self.file}'", "unchanged since it was written"
            got = f"other bytes between byte {first} and {first + CHUNK_BYTES}"
            raise ValueError(checks.sentence(what, must, got, TODO))

    def _submitted(self, chunk: int) -> Future[bool]:
        process = os.getpid()  # threads, and what they were about to check, do not survive a fork
        if (process, chunk) not in self._checks:
            self._checks[process, chunk] = _pool(process).submit(self._is_intact, chunk)
        return self._checks[process, chunk]

    def _is_intact(self, chunk: int) -> bool:
        digest, rest = hashlib.sha256(), CHUNK_BYTES
        with self.file.open("rb") as file:
            file.seek(chunk * CHUNK_BYTES)
            while rest and (block := file.read(min(BLOCK_BYTES, rest))):
                digest.update(block)
                rest -= len(block)
        return digest.hexdigest() == self.digests[chunk]


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Two threads of this process: hashing releases the interpreter, so that reading ahead costs the reader nothing."""
    return ThreadPoolExecutor(2, thread_name_prefix="trisect-digest")


class CheckedArray(np.memmap):
    """A mapped ``.npy`` file whose chunks are checked when rows are taken by indexing; use `checked` for the whole."""

    checker: ChunkChecker | None = None

    def __getitem__(self, index: Any) -> Any:
        if self.checker is not None and self.size:
            for chunk in _chunks(self._bytes_of(index)):
                self.checker.require(chunk)
        return super().__getitem__(index)

    def _bytes_of(self, index: Any) -> np.ndarray:
        """First and last byte (parts, 2) of the parts of the file that an index may touch."""
        first = index[0] if isinstance(index, tuple) and index else index
        row_bytes = self.nbytes // len(self)
        rows = _rows(first, len(self))
        return np.stack([self.offset + rows[:, 0] * row_bytes, self.offset + (rows[:, 1] + 1) * row_bytes - 1], axis=1)


def checked(array: np.ndarray) -> np.ndarray:
    """The array, after all chunks of its file were checked; any other array as it is.

    Raises:
        ValueError: the file has other bytes than were written.
    """
    if isinstance(array, CheckedArray) and array.checker is not None:
        for chunk in range(len(array.checker.digests)):
            array.checker.require(chunk)
    return array


def map_checked(mapped: np.memmap, digests: list[str]) -> CheckedArray:
    """The same file mapped again, with checks.

    Args:
        mapped: an ``.npy`` file in C order, opened by numpy, read only.
        digests: SHA-256 of its chunks, in hexadecimal.

    Raises:
        ValueError: there is not one digest per chunk.
    """
    assert mapped.filename is not None
    file, num_bytes = Path(mapped.filename), mapped.offset + mapped.nbytes
    must, got = f"one per chunk of {CHUNK_BYTES} bytes", f"{len(digests)} for {num_bytes} bytes"
    checks.require(len(digests) == -(-num_bytes // CHUNK_BYTES), f"the digests of '{file}'", must, got, TODO)
    array = CheckedArray(file, mapped.dtype, "r", mapped.offset, mapped.shape, "C")
    array.checker = ChunkChecker(file, digests)
    return array


def _rows(index: Any, num_rows: int) -> np.ndarray:
    """First and last row (parts, 2) of what an index into rows may touch; everything if the index is not simple."""
    if isinstance(index, slice):
        rows = range(num_rows)[index]
        return np.array([sorted((rows[0], rows[-1]))] if rows else np.empty((0, 2)), dtype=np.int64)
    if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        return np.full((1, 2), int(index) % num_rows, dtype=np.int64)
    if isinstance(index, (np.ndarray, list)) and np.asarray(index).dtype.kind in "iu":
        index = np.asarray(index)
        return np.repeat(index.reshape(-1, 1).astype(np.int64) % num_rows, 2, axis=1)
    return np.array([[0, num_rows - 1]], dtype=np.int64)


def _chunks(parts: np.ndarray) -> list[int]:
    """The chunks (ascending) that hold any of the parts of a file, each given by its first and last byte."""
    spans = np.unique(parts // CHUNK_BYTES, axis=0)
    return sorted({chunk for first, last in spans.tolist() for chunk in range(first, last + 1)})
