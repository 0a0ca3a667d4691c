"""Writing data folders: arrays grow by appending in ``<path>.partial``, which is renamed when complete.

Rows are written with ordinary file writes, so that memory stays flat, and are hashed on the way. After every chunk a
journal notes how many rows of each array are safe, and their hash; a killed call can resume from there.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np

from trisect import checks, sealed
from trisect.data.digests import ChunkedDigest
from trisect.files import flush, remove, remove_leftovers
from trisect.locks import LOCK, acquire, release

logger = logging.getLogger("trisect")

MARKER, JOURNAL, META = "partial.json", "journal.jsonl", "meta.json"
BLOCK_BYTES = 1 << 20
Layout: TypeAlias = Mapping[str, tuple[tuple[int, ...], Any]]
"""Array name -> its shape and type."""


class ArrayWriter:
    """One ``.npy`` file of known shape, written from first row to last.

    Args:
        path: the file; created unless ``kept`` is given.
        shape: shape of the whole array.
        dtype: type of its elements; never object.
        kept: (rows, sha256) of the beginning of an existing file, to keep it.

    Raises:
        ValueError: the kept rows do not have this hash.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any, kept: tuple[int, str] | None = None):
        self.path, self.shape, self.dtype = path, tuple(int(n) for n in shape), np.dtype(dtype)
        self.rows = 0
        self._hash = ChunkedDigest()
        self._file: IO[bytes] = path.open("wb" if kept is None else "r+b")
        if kept is None:
            self._write_header()
        else:
            self._keep(*kept)

    def _write_header(self) -> None:
        description = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self._file, description)
        length = self._file.tell()
        self._file.flush()
        with self.path.open("rb") as header:
            self._hash.update(header.read(length))

    def _keep(self, rows: int, digest: str) -> None:
        _skip_header(self._file)
        end = self._file.tell() + rows * self._row_bytes
        self._file.seek(0)
        hash_file(self._file, self._hash, end)
        if self._hash.whole() != digest:
            self._file.close()
            what, must = f"the first {rows} rows of '{self.path}'", "unchanged since they were written"
            raise ValueError(checks.sentence(what, must, "other bytes"))
        self._file.truncate(end)
        self._file.seek(end)
        self.rows = rows

    @property
    def _row_bytes(self) -> int:
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def append(self, rows: np.ndarray) -> None:
        """Write more rows, (any, *shape[1:]), with exactly the array's type."""
        assert rows.dtype == self.dtype and rows.shape[1:] == self.shape[1:], (rows.dtype, rows.shape, self.shape)
        assert self.rows + len(rows) <= self.shape[0]
        data = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        self._file.write(data)
        self._hash.update(data)
        self.rows += len(rows)

    def digest(self) -> str:
        """sha256 of everything written so far; flushes it to the operating system first."""
        self._file.flush()
        return self._hash.whole()

    def read_row(self, row: int) -> np.ndarray:
        """Read back a written row, (1, *shape[1:])."""
        assert 0 <= row < self.rows
        self._file.flush()
        with self.path.open("rb") as file:
            _skip_header(file)
            file.seek(row * self._row_bytes, os.SEEK_CUR)
            return np.frombuffer(file.read(self._row_bytes), self.dtype).reshape(1, *self.shape[1:])

    def close(self) -> dict[str, Any]:
        """Finish the file and return its entry for ``meta.json``: shape, dtype, sha256 and those of its chunks."""
        assert self.rows == self.shape[0], f"{self.path}: {self.rows} of {self.shape[0]} rows"
        digests = {"sha256": self.digest(), "chunks": self._hash.chunks()}
        os.fsync(self._file.fileno())
        self._file.close()
        return {"shape": list(self.shape), "dtype": self.dtype.str, **digests}

    def abandon(self) -> None:
        """Close the file as it is."""
        self._file.close()


class FolderWriter:
    """A data folder while it is being written.

    Args:
        path: path of the finished folder; must not exist.
        marker: plain types that say what is being written; unfinished work is resumed only if its marker is equal.
        resume: continue the unfinished work of a killed call instead of starting again.

    Raises:
        FileExistsError: ``path`` exists, or a ``.partial`` folder that this library did not make.
        ValueError: the unfinished work has another marker, and some of it is safe.
    """

    def __init__(self, path: str | Path, marker: Mapping[str, Any], resume: bool = False):
        self.path = Path(path)
        self.folder = self.path.parent / f"{self.path.name}.partial"
        self._check_free()
        self._lock = acquire(self.folder)
        try:
            self._check_free()  # its former owner may have finished meanwhile
            if not resume:
                self._empty()
            self._journal = self._read_journal(marker) if (self.folder / MARKER).is_file() else {}
            if not (self.folder / MARKER).is_file():
                self._write_marker(marker)
        except BaseException:
            self._let_go()
            raise
        self._open: dict[str, dict[str, ArrayWriter]] = {}
        self._entries: dict[str, dict[str, Any]] = {}

    def _check_free(self) -> None:
        require_new(self.path)
        if self.folder.exists() and not (self.folder / MARKER).is_file() and self._has_foreign_files():
            what, must = f"the folder '{self.folder}'", "free for unfinished work"
            raise FileExistsError(checks.sentence(what, must, "files of another program", "move it away"))

    def _has_foreign_files(self) -> bool:
        """Whether a folder without a marker holds more than a call leaves that was killed at its very beginning."""
        if not self.folder.is_dir():
            return True
        own = (LOCK, f".{MARKER}.")
        return any(not path.name.startswith(own) for path in self.folder.iterdir())

    def _empty(self) -> None:
        """Remove unfinished work, but not our lock; the marker goes last, so that a kill leaves a folder of ours."""
        for path in sorted(self.folder.iterdir(), key=lambda each: each.name == MARKER):
            if path.name != LOCK:
                remove(path)

    def _write_marker(self, marker: Mapping[str, Any]) -> None:
        sealed.write_json(self.folder / MARKER, marker, indent=1)

    def _read_journal(self, marker: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """What is safe of the unfinished work; with another marker it is refused, or removed if nothing is safe."""
        old = sealed.read_json(self.folder / MARKER, todo="delete the .partial folder and start again")
        new = json.loads(json.dumps(marker))
        lines = (self.folder / JOURNAL).read_bytes().splitlines() if (self.folder / JOURNAL).is_file() else []
        if old != new and not any(lines):
            self._empty()  # nothing is lost
            return {}
        what, todo = f"the settings of the unfinished folder '{self.folder}'", "repeat the first call to finish it"
        checks.require(old == new, what, "those of this call", _difference(old, new), f"{todo}, or delete it")
        journal: dict[str, dict[str, Any]] = {}
        for line in filter(None, lines):
            entry = _entry(line)
            if entry is not None:
                journal[entry["split"]] = _continued(entry, journal.get(entry["split"]))
        return {split: entry for split, entry in journal.items() if _counts_its_episodes(entry)}

    def done(self, split: str) -> int:
        """Number of chunks of a split that an earlier call has finished."""
        return int(self._journal[split]["chunks"]) if split in self._journal else 0

    def episodes(self, split: str) -> list[int]:
        """Lengths of the episodes of a split that an earlier call has finished, as it noted them."""
        return list(self._journal[split]["episodes"]) if split in self._journal else []

    def open(self, split: str, arrays: Layout) -> dict[str, ArrayWriter]:
        """Open writers for the arrays of a split, array name -> (shape, dtype); rows that are already safe are kept."""
        (self.folder / split).mkdir(exist_ok=True)
        try:
            self._open_arrays(split, arrays, self._journal.get(split, {}).get("kept", {}))
        except (ValueError, KeyError, OSError) as error:  # what was safe is damaged or gone
            logger.warning("the split %s starts again: %s", split, error)
            self._abandon(split)
            self._journal.pop(split, None)
            self._open_arrays(split, arrays, {})
        return self._open[split]

    def _open_arrays(self, split: str, arrays: Layout, kept: Mapping[str, Any]) -> None:
        self._open[split] = {}
        for name, (shape, dtype) in arrays.items():
            path, safe = self.folder / split / f"{name}.npy", tuple(kept[name]) if kept else None
            self._open[split][name] = ArrayWriter(path, shape, dtype, safe)

    def open_more(self, split: str, arrays: Layout) -> dict[str, ArrayWriter]:
        """Open writers for further arrays of an open split; these arrays always start empty."""
        more = {
            name: ArrayWriter(self.folder / split / f"{name}.npy", shape, dtype)
            for name, (shape, dtype) in arrays.items()
        }
        self._open[split].update(more)
        return more

    def note(self, split: str, chunks: int, episodes: Sequence[int] = ()) -> None:
        """Note in the journal that the first ``chunks`` chunks of a split are safe.

        Args:
            split: name of the split.
            chunks: number of chunks.
            episodes: lengths of the episodes that were written since the last note, if they cannot be computed.
        """
        kept = {name: [writer.rows, writer.digest()] for name, writer in self._open[split].items()}
        lengths = {"episodes": [int(length) for length in episodes]} if len(episodes) else {}
        entry = json.dumps({"split": split, "chunks": chunks, "kept": kept, **lengths})
        with (self.folder / JOURNAL).open("a") as journal:
            journal.write(f"\n{_digest(entry.encode())} {entry}\n")

    def close(self, split: str, kind: str) -> None:
        """Finish the arrays of a split; ``kind`` is ``"recording"`` or ``"triplets"``."""
        arrays = {name: writer.close() for name, writer in self._open.pop(split).items()}
        self._entries[split] = {"kind": kind, "arrays": arrays}

    def finish(self, meta: Mapping[str, Any]) -> Path:
        """Write ``meta.json`` last and give the folder its final name."""
        sealed.write_json(self.folder / META, {**meta, "splits": self._entries}, indent=1)
        self.folder.rename(self.path)
        flush(self.path.parent)
        tidy(self.path)
        return self.path

    def __enter__(self) -> FolderWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for split in self._open:
            self._abandon(split)
        self._let_go()

    def _abandon(self, split: str) -> None:
        for writer in self._open[split].values():
            writer.abandon()

    def _let_go(self) -> None:
        """Give the lock back; an empty folder goes."""
        release(self.folder / LOCK, self._lock)
        with suppress(OSError):
            self.folder.rmdir()


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Which parts of two markers differ.

    Example:
        >>> _difference({"source": {"seed": 0, "id": "pong"}, "made": 1}, {"source": {"seed": 1, "id": "pong"}})
        'other made (1, now None), source (seed)'
    """
    return "other " + ", ".join(_in_words(key, old.get(key), new.get(key)) for key in _differing(old, new))


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return sorted(key for key in {*old, *new} if old.get(key) != new.get(key))


def _in_words(key: str, old: object, new: object) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        return f"{key} ({checks.listed(_differing(old, new))})"
    return f"{key} ({checks.shown(old)}, now {checks.shown(new)})"


def require_space(out: Path, num_bytes: int, todo: str) -> None:
    """Refuse a data set that is larger than the free space on its disk, before anything is written.

    Args:
        out: the folder to make; what is there of its unfinished work counts as free space.
        num_bytes: size of the data set.
        todo: advice in the error message.
    """
    existing = next(folder for folder in out.resolve().parents if folder.is_dir())
    partial = out.with_name(out.name + ".partial")
    free = shutil.disk_usage(existing).free + sum(file.stat().st_size for file in partial.rglob("*.npy"))
    must, got = f"at most the free space in {existing}, {free / 1e9:.1f} GB", f"{num_bytes / 1e9:.1f} GB"
    checks.require(out.exists() or num_bytes <= free, "the size of the data set", must, got, todo)


def is_unfinished(path: Path, marker: Mapping[str, Any]) -> bool:
    """Whether there is unfinished work on a folder that has this marker, so that it can be continued."""
    file = path.with_name(f"{path.name}.partial") / MARKER
    try:
        return bool(sealed.read_json(file) == json.loads(json.dumps(marker)))
    except (OSError, ValueError):
        return False


def require_new(path: Path) -> None:
    """Raise `FileExistsError` if a data folder to make exists; what killed writers of a whole one left is removed."""
    if (path / META).is_file():
        tidy(path)
        remove_leftovers(path)
    if path.exists():
        message = checks.sentence("the output folder", "new", f"'{path}', which exists", "name another one")
        raise FileExistsError(message)


def tidy(folder: Path) -> None:
    """Remove from a finished data folder what was needed to write it, in case the process died before it did so."""
    for name in (JOURNAL, LOCK, MARKER):
        (folder / name).unlink(missing_ok=True)


def _entry(line: bytes) -> dict[str, Any] | None:
    """A line of the journal; None for one that was being written when the process was killed, or is damaged."""
    digest, _, content = line.partition(b" ")
    if digest != _digest(content).encode():
        return None
    try:
        entry = json.loads(content)
        kept = {name: (int(rows), str(sha)) for name, (rows, sha) in entry["kept"].items()}
        episodes = [int(length) for length in entry.get("episodes", [])]
        return {"split": str(entry["split"]), "chunks": int(entry["chunks"]), "kept": kept, "episodes": episodes}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _continued(entry: dict[str, Any], before: Mapping[str, Any] | None) -> dict[str, Any]:
    """An entry with the episodes of the entries before it; none of them if the split had started again."""
    if before is None or before["chunks"] >= entry["chunks"]:
        return entry
    return entry | {"episodes": before["episodes"] + entry["episodes"]}


def _counts_its_episodes(entry: Mapping[str, Any]) -> bool:
    """Whether the noted episodes, if any, make up all rows; they do not where a line of the journal is lost."""
    return not entry["episodes"] or all(rows == sum(entry["episodes"]) for rows, _ in entry["kept"].values())


def _digest(entry: bytes) -> str:
    return hashlib.sha256(entry).hexdigest()


def hash_file(file: IO[bytes], digest: Any, num_bytes: int) -> None:
    """Feed the next ``num_bytes`` bytes of an open file, or all that remain, to a hash object."""
    remaining = num_bytes
    while remaining > 0 and (block := file.read(min(BLOCK_BYTES, remaining))):
        digest.update(block)
        remaining -= len(block)


def _skip_header(file: IO[bytes]) -> None:
    np.lib.format.read_magic(file)
    np.lib.format.read_array_header_1_0(file)
