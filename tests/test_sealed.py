from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trisect import sealed


def test_what_was_written_is_read_and_any_json_reader_reads_it(tmp_path: Path) -> None:
    content = {"x": 1.5, "name": 'µ } "sha256": ', "deep": {"list": [1, None, True]}, "empty": {}}
    for indent in (None, 2):
        sealed.write_json(tmp_path / "a.json", content, indent=indent)
        assert sealed.read_json(tmp_path / "a.json", "x", "deep") == content and sealed.is_sealed(tmp_path / "a.json")
        assert json.loads((tmp_path / "a.json").read_text())["x"] == 1.5


def test_every_changed_bit_of_every_byte_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    sealed.write_json(file, {"x": [1, 2.5], "name": "ball"}, indent=1)
    content = file.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            file.write_bytes(changed)
            with pytest.raises(ValueError, match=r"the file '.*a\.json' must be "):
                sealed.read_json(file)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    sealed.write_json(file, {"x": [1, 2.5]})
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(ValueError, match="must be "):
            sealed.read_json(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]", "must be a JSON object; got list"),
        (b'{"x": ', "must be JSON; got Expecting value"),
        (b"\xff{}", "must be JSON; got 'utf-8' codec"),
        (b'{"a":' * 100_000, "must be complete and undamaged; got RecursionError"),
        (b'{"x": ' + b"9" * 10_000 + b"}", "must be JSON; got Exceeds the limit"),
        (b'{"y": 1}', "must be an object with x; got none with x; copy it again"),
    ],
)
def test_files_of_others_are_refused_in_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        sealed.read_json(tmp_path / "a.json", "x")
    assert len(str(caught.value)) < 400


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(sealed.MAX_BYTES + 1)  # takes no space on disk
    with pytest.raises(ValueError, match="must be at most 64 MB of JSON; got 67108865 bytes"):
        sealed.read_json(tmp_path / "a.json")


def test_files_without_a_seal_are_read_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"x": 1, "sha256": "of something else"}')
    assert sealed.read_json(tmp_path / "a.json")["x"] == 1 and not sealed.is_sealed(tmp_path / "a.json")


def test_a_file_that_may_not_be_read_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed.write_json(tmp_path / "a.json", {})

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PermissionError, match=r"must be readable; got Permission denied; change its permissions"):
        sealed.read_json(tmp_path / "a.json")
    with pytest.raises(FileNotFoundError):
        sealed.read_json(tmp_path / "b.json")
