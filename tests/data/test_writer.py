from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.killed import left_by_a_killed_process

from trisect.data import Dataset, simulate, store
from trisect.data.writer import LOCK, MARKER, FolderWriter
from trisect.worlds import make

LAYOUT = {"observations": ((6, 1), np.uint8), "targets": ((6, 1), np.uint8)}


def test_a_refused_folder_that_is_whole_is_tidied_after_a_kill(tmp_path: Path) -> None:
    """As if the process had been killed after the last rename, before it removed its lock and its marker."""
    data, out = Dataset({"train": simulate(make("linear"), 20, np.random.default_rng(0))}), tmp_path / "out"
    store.save(data, out)
    former = sorted(out.rglob("*"))
    (out / LOCK).touch()
    (out / MARKER).touch()
    left_by_a_killed_process(out).mkdir()
    with pytest.raises(FileExistsError, match="the output folder must be new; got .*which exists; name another one"):
        store.save(data, out)
    assert sorted(out.rglob("*")) == former and list(tmp_path.iterdir()) == [out]


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    data, out = Dataset({"train": simulate(make("linear"), 20, np.random.default_rng(0))}), tmp_path / "out"
    out.mkdir()
    (out / MARKER).touch()
    with pytest.raises(FileExistsError, match="which exists"):
        store.save(data, out)
    assert (out / MARKER).exists()


@pytest.mark.parametrize("bit", range(8))
@pytest.mark.parametrize("text", [b'"chunks": 2', b'"observations": [4', b'"targets": [4'])
def test_damaged_notes_of_what_is_safe_are_not_believed(tmp_path: Path, text: bytes, bit: int) -> None:
    with FolderWriter(tmp_path / "out", {}) as folder:
        writers = folder.open("train", LAYOUT)
        for chunk in range(2):
            for name in LAYOUT:
                writers[name].append(np.full((2, 1), chunk, np.uint8))
            folder.note("train", chunk + 1)
    journal = tmp_path / "out.partial" / "journal.jsonl"
    content = bytearray(journal.read_bytes())
    content[content.rindex(text) + len(text) - 1] ^= 1 << bit
    journal.write_bytes(content)
    with FolderWriter(tmp_path / "out", {}, resume=True) as folder:
        assert folder.done("train") == 1 and folder.open("train", LAYOUT)["observations"].rows == 2


def written(folder: FolderWriter, lengths: list[int], first_chunk: int = 0) -> None:
    """Write one chunk for each of the lengths, an episode each, and note it."""
    for chunk, length in enumerate(lengths, start=first_chunk):
        for writer in folder.open("train", LAYOUT).values() if chunk == 0 else folder._open["train"].values():
            writer.append(np.full((length, 1), chunk, np.uint8))
        folder.note("train", chunk + 1, [length])


def test_noted_lengths_of_episodes_survive_interruptions(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "out", {}) as folder:
        assert folder.episodes("train") == []
        written(folder, [2, 1])
    with FolderWriter(tmp_path / "out", {}, resume=True) as folder:
        assert folder.episodes("train") == [2, 1]
        folder.open("train", LAYOUT)
        written(folder, [3], first_chunk=2)
    with FolderWriter(tmp_path / "out", {}, resume=True) as folder:
        assert folder.episodes("train") == [2, 1, 3] and folder.done("train") == 3


def test_a_split_that_started_again_forgets_its_former_episodes(tmp_path: Path) -> None:
    for lengths in ([2, 1], [1, 1]):
        with FolderWriter(tmp_path / "out", {}, resume=True) as folder:
            written(folder, lengths)
        with (tmp_path / "out.partial" / "train" / "targets.npy").open("r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"x")
    with FolderWriter(tmp_path / "out", {}, resume=True) as folder:
        assert folder.episodes("train") == [1, 1] and folder.done("train") == 2


def test_a_split_with_a_lost_note_of_episodes_starts_again(tmp_path: Path) -> None:
    with FolderWriter(tmp_path / "out", {}) as folder:
        written(folder, [2, 1, 1])
    journal = tmp_path / "out.partial" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"chunks": 2', b'"chunks": 7'))
    with FolderWriter(tmp_path / "out", {}, resume=True) as folder:
        assert folder.done("train") == 0 and folder.episodes("train") == []
