from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from trisect import archives


@pytest.fixture
def archive(tmp_path) -> Path:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", b"1" * 1000)
        archive.writestr("two", b"2" * 1000)
    return tmp_path / "a.zip"


def entry(data: bytes, number: int) -> int:
    """Where an entry of the directory begins."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"PK\1\2", at + 1)
    return at


def patch(path: Path, number: int, offset: int, form: str, value: int) -> None:
    data = path.read_bytes()
    at = entry(data, number) + offset
    path.write_bytes(data[:at] + struct.pack(form, value) + data[at + struct.calcsize(form) :])


def names(path: Path) -> list[str]:
    with archives.opened(path, "a zip archive") as opened:
        return opened.namelist()


def test_a_whole_archive_opens(archive) -> None:
    assert names(archive) == ["one", "two"]


def test_bytes_in_front_are_allowed_as_in_any_zip(archive) -> None:
    archive.write_bytes(b"#!/bin/sh\n" + archive.read_bytes())
    assert names(archive) == ["one", "two"]


@pytest.mark.parametrize(
    ("offset", "form", "value", "message"),
    [
        (8, "<H", 1, "the member 'two' of file .* must be readable without a password; got an encrypted one"),
        (10, "<H", 14, "must be stored or packed with deflate; got packing method 14; save it with numpy.savez"),
        (24, "<L", 2**32 - 2, "must be of the size that its packing can hold; got 4294967294 bytes in "),
        (20, "<L", 2**31, "must be apart from the others and inside the file; got one that overlaps"),
        (42, "<L", 2**31, "must be apart from the others and inside the file; got one that overlaps"),
        (6, "<H", 99, "must be a zip archive; got zip file version 9.9; copy the file again"),
    ],
)
def test_a_wrong_entry_of_the_directory_is_refused(archive, offset, form, value, message) -> None:
    patch(archive, 1, offset, form, value)
    with pytest.raises(archives.DamagedFile, match=message):
        names(archive)


def test_members_at_one_place_are_refused(archive) -> None:
    patch(archive, 1, 42, "<L", 0)
    with pytest.raises(archives.DamagedFile, match="got one that overlaps"):
        names(archive)


def test_two_members_of_one_name_are_refused(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("one", b"2")
    with pytest.raises(archives.DamagedFile, match="members with different names; got 2 named 'one'"):
        names(tmp_path / "a.zip")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\5\6"])
def test_other_files_are_refused(tmp_path, content) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(archives.DamagedFile, match="must be a zip archive; got a file that is not a zip"):
        names(tmp_path / "a.zip")


def test_a_directory_beyond_the_file_is_refused(archive) -> None:
    data = archive.read_bytes()
    archive.write_bytes(data[:-10] + struct.pack("<L", 2**31) + data[-6:])
    with pytest.raises(archives.DamagedFile, match="got a directory beyond the end of the file"):
        names(archive)


def test_a_large_directory_is_refused_before_it_is_read(tmp_path, monkeypatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(100):
            archive.writestr(str(i), b"")
    monkeypatch.setattr(archives, "LARGEST_DIRECTORY", 1000)
    with pytest.raises(archives.DamagedFile, match=r"got a directory of \d+ bytes"):
        names(tmp_path / "a.zip")


def test_a_piece_may_be_large_if_the_file_is() -> None:
    archives.check_piece(archives.LARGEST_PIECE, 10, "the array")
    archives.check_piece(1 << 40, 1 << 34, "the array")
    with pytest.raises(archives.DamagedFile, match="the array must be at most 268435456 bytes; got 268435457"):
        archives.check_piece(archives.LARGEST_PIECE + 1, 10, "the array")


def test_errors_of_the_file_system_pass(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        names(tmp_path / "none.zip")
