from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.killed import left_by_a_killed_process

from trisect.training import checkpoints


def content(step: int, best_step: int | None = None) -> dict[str, object]:
    history = {"step": step, "best_step": step if best_step is None else best_step}
    return {"format": checkpoints.FORMAT, "history": history, "module": {"w": torch.full((2,), float(step))}}


def test_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "last.ckpt"
    checkpoints.write(content(3), path)
    assert checkpoints.read(path)["module"]["w"].tolist() == [3.0, 3.0]
    assert os.listdir(path.parent) == ["last.ckpt"]


def test_a_failed_write_keeps_the_former_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    checkpoints.write(content(1), path)

    def half(_: object, file: Path) -> None:
        file.write_bytes(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.write(content(2), path)
    assert checkpoints.read(path)["history"]["step"] == 1
    assert os.listdir(tmp_path) == ["last.ckpt"]


@pytest.mark.parametrize("value", [np.float64(1.0), Path("x"), np.zeros(2), {1, 2}])
def test_objects_are_refused_when_writing(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match=r"checkpoint\['a'\]\[1\] must be a tensor or a plain type; got"):
        checkpoints.write({"a": [0, value]}, tmp_path / "x.ckpt")
    assert not os.listdir(tmp_path)


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (os.environ["TRAP"],)


def test_reading_executes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    torch.save({"format": 1, "x": Trap()}, tmp_path / "x.ckpt")
    checkpoints.seal(tmp_path / "x.ckpt")
    with pytest.raises(ValueError, match="must be a complete file of tensors and plain types"):
        checkpoints.read(tmp_path / "x.ckpt")
    assert not (tmp_path / "sprung").exists()


def test_damaged_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with pytest.raises(FileNotFoundError, match=r"must be a file; got none; check the folder"):
        checkpoints.read(path)
    checkpoints.write(content(1), path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=f"checkpoint {re.escape(str(path))} must be as it was written"):
        checkpoints.read(path)
    torch.save({"state_dict": {}}, path)
    checkpoints.seal(path)
    with pytest.raises(ValueError, match=r"the format of checkpoint .* must be 2; got None"):
        checkpoints.read(path)


def test_any_torch_reads_a_checkpoint(tmp_path: Path) -> None:
    checkpoints.write(content(3), tmp_path / "x.ckpt")
    assert torch.load(tmp_path / "x.ckpt", weights_only=True)["history"] == {"step": 3, "best_step": 3}


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    checkpoints.write(content(1), path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert checkpoints.is_sealed(path) and not checkpoints.is_intact(path)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def test_of_two_checkpoints_the_whole_one_is_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for damaged, other in ((checkpoints.LAST, checkpoints.BEST), (checkpoints.BEST, checkpoints.LAST)):
        checkpoints.write(content(200), tmp_path / checkpoints.LAST)
        checkpoints.write(content(150), tmp_path / checkpoints.BEST)
        damage(tmp_path / damaged)
        newest = checkpoints.newest(tmp_path)
        assert newest is not None and newest[0].name == other and f"{damaged} must be as it was written" in caplog.text
    damage(tmp_path / checkpoints.LAST)
    assert checkpoints.newest(tmp_path) is None


def test_weights_to_keep_that_are_damaged_are_trained_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints.write(content(200, best_step=150), tmp_path / checkpoints.LAST)
    checkpoints.write(content(150), tmp_path / checkpoints.BEST)
    damage(tmp_path / checkpoints.BEST)
    assert checkpoints.newest(tmp_path, needs_best=True) is None and "of step 150; training starts again" in caplog.text
    assert checkpoints.newest(tmp_path) is not None
    checkpoints.write(content(150), tmp_path / checkpoints.LAST)  # the same step: nothing is lost
    newest = checkpoints.newest(tmp_path, needs_best=True)
    assert newest is not None and checkpoints.read(tmp_path / checkpoints.BEST)["history"]["step"] == 150


def test_newest_is_the_one_with_the_most_steps(tmp_path: Path) -> None:
    assert checkpoints.newest(tmp_path) is None
    for last, best, expected in ((200, 150, "last.ckpt"), (200, 250, "best.ckpt")):
        checkpoints.write(content(last), tmp_path / checkpoints.LAST)
        checkpoints.write(content(best), tmp_path / checkpoints.BEST)
        newest = checkpoints.newest(tmp_path)
        assert newest is not None
        assert newest[0].name == expected
        assert newest[1]["history"]["step"] == max(last, best)


def test_a_file_is_flushed_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    flush, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (calls.append("flush"), flush(handle)))
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append("rename"), replace(old, new)))
    checkpoints.write(content(1), tmp_path / "last.ckpt")
    assert calls[:2] == ["flush", "rename"]


def test_checkpoints_that_killed_processes_were_writing_are_removed(tmp_path: Path) -> None:
    for name in (checkpoints.LAST, checkpoints.BEST):
        checkpoints.write(content(1), tmp_path / name)
        left_by_a_killed_process(tmp_path / name).touch()
    checkpoints.tidy(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [checkpoints.BEST, checkpoints.LAST]
