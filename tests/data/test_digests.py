from __future__ import annotations

import hashlib
import multiprocessing
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trisect.data import digests
from trisect.data.digests import ChunkedDigest, checked, map_checked

CHUNK = 1000


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "CHUNK_BYTES", CHUNK)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 3])
@pytest.mark.parametrize("step", [1, 7, 999, 1000, 1001, 10_000])
def test_digests_are_those_of_the_bytes(size: int, step: int) -> None:
    content, digest = bytes(i % 251 for i in range(size)), ChunkedDigest()
    for first in range(0, size, step):
        digest.update(content[first : first + step])
    assert digest.whole() == hashlib.sha256(content).hexdigest()
    pieces = [content[first : first + CHUNK] for first in range(0, size, CHUNK)]
    assert digest.chunks() == [hashlib.sha256(piece).hexdigest() for piece in pieces]


def mapped(folder: Path, damage: int | None = None) -> np.ndarray:
    """100 rows of 60 bytes, after a header of 128; one byte may be changed after the digests were taken."""
    rows = np.arange(6000, dtype=np.uint8).reshape(100, 20, 3)
    np.save(folder / "a.npy", rows)
    content = bytearray((folder / "a.npy").read_bytes())
    digest = ChunkedDigest()
    digest.update(bytes(content))
    if damage is not None:
        content[damage] ^= 1
        (folder / "a.npy").write_bytes(content)
    return map_checked(np.lib.format.open_memmap(folder / "a.npy", mode="r"), digest.chunks())


def touched_bytes(index: Any) -> set[int]:
    """The bytes of the file that an index reads, by brute force."""
    places = np.arange(6000).reshape(100, 20, 3)[index]
    return {int(place) + 128 for place in np.asarray(places).ravel()}


INDICES: list[Any] = [
    0,
    -1,
    99,
    np.int64(40),
    slice(0, 3),
    slice(90, None),
    slice(None, None, -1),
    slice(70, 20, -5),
    slice(5, 5),
    slice(10, 60, 7),
    ...,
    (3, 5),
    (slice(20, 30), 0, 1),
    (slice(None), 3),
    np.array([1, 98]),
    np.array([-1, 0]),
    np.array([[50, 2], [3, 4]]),
    np.arange(100) % 2 == 0,
    [5, 80],
    (np.array([7, 60]), 1),
    None,
]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("damage", [128, 999, 1000, 3500, 6127])
def test_no_index_ever_gives_rows_of_a_damaged_chunk(tmp_path: Path, index: Any, damage: int) -> None:
    whole = np.arange(6000, dtype=np.uint8).reshape(100, 20, 3)
    array = mapped(tmp_path, damage)
    if any(byte // CHUNK == damage // CHUNK for byte in touched_bytes(index)):
        with pytest.raises(ValueError, match=r"a\.npy' must be unchanged since it was written; got other"):
            array[index]
    else:
        assert np.array_equal(array[index], whole[index])


def test_rows_outside_the_damage_are_read(tmp_path: Path) -> None:
    array = mapped(tmp_path, 6127)
    assert array[3].tolist() == np.arange(180, 240).reshape(20, 3).tolist()
    with pytest.raises(ValueError, match="between byte 6000 and 7000"):
        checked(array)


def test_every_chunk_is_read_once(tmp_path: Path) -> None:
    array = mapped(tmp_path)
    assert checked(array) is array and int(array[99, 19, 2]) == 5999 % 256
    (tmp_path / "a.npy").unlink()  # the mapping stays
    assert np.array_equal(array[:], np.arange(6000, dtype=np.uint8).reshape(100, 20, 3))


def test_views_are_plain_and_other_arrays_pass(tmp_path: Path) -> None:
    plain = np.zeros(3)
    assert checked(plain) is plain and checked(mapped(tmp_path)[2:5]).shape == (3, 20, 3)


def test_missing_digests_are_refused(tmp_path: Path) -> None:
    array = mapped(tmp_path)
    with pytest.raises(ValueError, match="must be one per chunk"):
        map_checked(np.lib.format.open_memmap(tmp_path / "a.npy", mode="r"), array.checker.digests[:-1])  # type: ignore[attr-defined]


@pytest.mark.skipif(os.name != "posix", reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("damage", [None, 5900])
def test_forked_processes_check_what_they_read(tmp_path: Path, damage: int | None) -> None:
    """As the worker processes of a data loader do, after this process has read something."""
    array = mapped(tmp_path, damage)
    assert array[0].shape == (20, 3)
    child = multiprocessing.get_context("fork").Process(target=lambda: array[:].sum())
    child.start()
    child.join(30)
    ended = child.exitcode
    child.kill()
    assert ended == (0 if damage is None else 1)
