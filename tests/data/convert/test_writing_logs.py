"""Conversions of logs continue after an interruption, start anew when anything has changed, and stay small."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.data.convert.formats import FORMATS, record, write_arrays, write_pictures

import trisect
from trisect.data.convert.logs import pictures, writing
from trisect.data.convert.logs.writing import digest_of


class Stop:
    """Progress that stops the conversion like Ctrl-C once some frames are written."""

    def __init__(self, after: int):
        self.after, self.told = after, list[int]()

    def __call__(self, done: int, total: int) -> None:
        self.told.append(done)
        if done >= self.after:
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "BLOCK_BYTES", 16 * 24 * 3 * 7)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("after", [1, 100])
def test_an_interrupted_conversion_continues_to_the_same_bytes(name: str, after: int, tmp_path: Path) -> None:
    options: dict[str, Any] = FORMATS[name](record(), tmp_path / "in") | {"stack": 2, "size": (8, 12)}
    trisect.convert(tmp_path / "in", tmp_path / "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        trisect.convert(tmp_path / "in", tmp_path / "out", progress=Stop(after), **options)
    assert not (tmp_path / "out").exists() and (tmp_path / "out.partial").is_dir()
    again = Stop(10**9)
    trisect.convert(tmp_path / "in", tmp_path / "out", progress=again, **options)
    assert after <= again.told[0] < after + 40 and again.told[-1] == 180
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")
    assert not (tmp_path / "out.partial").exists()


@pytest.mark.parametrize("change", ["options", "files"])
def test_unfinished_work_on_something_else_starts_anew(change: str, tmp_path: Path) -> None:
    options = write_pictures(record(), tmp_path / "in")
    with pytest.raises(KeyboardInterrupt):
        trisect.convert(tmp_path / "in", tmp_path / "out", progress=Stop(100), **options)
    if change == "options":
        options["size"] = (8, 12)
    else:
        (tmp_path / "in" / "notes.txt").write_text("new")
    told = Stop(10**9)
    data = trisect.convert(tmp_path / "in", tmp_path / "out", progress=told, **options)
    assert told.told[0] == 0
    assert data.observation_shape == ((8, 12, 3) if change == "options" else (16, 24, 3))


def test_a_wrong_file_found_late_leaves_nothing_behind(tmp_path: Path) -> None:
    options = write_pictures(record(), tmp_path / "in")
    (tmp_path / "in" / "frames" / "150.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match="the picture '.*150.png' must be whole"):
        trisect.convert(tmp_path / "in", tmp_path / "out", **options)
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


def test_the_digest_of_a_folder_changes_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = digest_of(tmp_path)
    (tmp_path / "b").write_text("1")
    assert digest_of(tmp_path) != before
    (tmp_path / "b").unlink()
    assert digest_of(tmp_path) == before
    (tmp_path / "a").write_text("12")
    assert digest_of(tmp_path) != before and digest_of(tmp_path / "a") != digest_of(tmp_path)


def test_a_data_set_that_is_too_large_for_the_disk_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = write_pictures(record(), tmp_path / "in")

    def full(out: Path, num_bytes: int, todo: str) -> None:
        raise ValueError(f"{num_bytes}; {todo}")

    monkeypatch.setattr(writing, "require_space", full)
    with pytest.raises(ValueError, match=rf"{180 * 16 * 24 * 3}; pass a smaller size \(--size 64x64\)"):
        trisect.convert(tmp_path / "in", tmp_path / "out", **options)


def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path: Path) -> None:
    def peak(num: int) -> int:
        folder = tmp_path / str(num)
        folder.mkdir()
        np.lib.format.open_memmap(folder / "camera.npy", "w+", np.uint8, (num, 128, 128, 3))[0] = 9
        np.save(folder / "targets.npy", np.random.default_rng(0).random((num - 1, 1)) < 0.2)
        tracemalloc.start()
        trisect.convert(folder, tmp_path / f"{num}-out", size=(32, 32))
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    assert peak(4000) < peak(500) + 4000 * 200


def test_arrays_may_be_long_and_hold_other_arrays(tmp_path: Path) -> None:
    recorded = record()
    options = write_arrays(recorded, tmp_path / "in")
    for folder in (tmp_path / "in").iterdir():
        np.save(folder / "poses.npy", np.zeros((3, 4)))
    assert "poses" in trisect.convert(tmp_path / "in", tmp_path / "out", **options).source["left_out"]
