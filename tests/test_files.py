from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from trisect.files import BLOCK_BYTES, replacing, sha256_of, write_atomically


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
