from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from tests.killed import left_by_a_killed_process

from trisect.files import BLOCK_BYTES, replacing, sha256_of, temporary_folder, temporary_prefix, write_atomically


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_atomically(file, "old")
    with replacing(file) as beside:
        beside.write_bytes(b"new")
        assert file.read_text() == "old" and beside.parent == tmp_path and beside.suffix == ".json"
    assert file.read_text() == "new" and file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def interrupted_half_way(file: Path) -> None:
    with replacing(file) as beside:
        beside.write_bytes(b"half")
        raise KeyboardInterrupt


def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a"
    write_atomically(file, "old")
    with pytest.raises(KeyboardInterrupt):
        interrupted_half_way(file)
    assert file.read_text() == "old" and list(tmp_path.iterdir()) == [file]


def test_text_is_utf_8_and_bytes_are_kept(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "µ\n")
    write_atomically(tmp_path / "bytes", b"\x00\r\n")
    assert (tmp_path / "text").read_bytes() == b"\xc2\xb5\n" and (tmp_path / "bytes").read_bytes() == b"\x00\r\n"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "a", "")


def test_hashes_read_all_blocks(tmp_path: Path) -> None:
    content = bytes(range(256)) * (2 * BLOCK_BYTES // 256) + b"rest"
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def failing_in(path: Path) -> None:
    with temporary_folder(path) as beside:
        (beside / "half").touch()
        raise ValueError("mine")


def test_a_temporary_folder_goes_with_what_is_in_it_unless_it_is_renamed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"):
        failing_in(tmp_path / "model-1.5")
    assert not list(tmp_path.iterdir())
    with temporary_folder(tmp_path / "model-1.5") as beside:
        (beside / "whole").touch()
        beside.rename(tmp_path / "model-1.5")
    assert [path.name for path in tmp_path.rglob("*")] == ["model-1.5", "whole"]


def test_a_temporary_folder_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    """Also if the name of the folder has a dot in it; one of a living process stays."""
    living = tmp_path / f"{temporary_prefix(tmp_path / 'model-1.5')}abc.5"
    for folder in (living, left_by_a_killed_process(tmp_path / "model-1.5")):
        folder.mkdir()
    with temporary_folder(tmp_path / "model-1.5"):
        pass
    assert list(tmp_path.iterdir()) == [living]
