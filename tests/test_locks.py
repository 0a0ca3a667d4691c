from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trisect import locks
from trisect.locks import LOCK, FolderInUseError, owned

HOLD = """
import sys, time
from pathlib import Path
from trisect.locks import owned
with owned(Path(sys.argv[1])):
    print("owned", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "owned\n"
    return process


def test_the_second_of_two_processes_is_refused_by_name_of_the_first(tmp_path: Path) -> None:
    with holder(tmp_path / "run") as process:
        sentence = rf"free to write into; got in use by process {process.pid} on "
        with pytest.raises(FolderInUseError, match=sentence), owned(tmp_path / "run"):
            pass
        process.kill()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_dead_owner_does_not_keep_it(tmp_path: Path, by: signal.Signals) -> None:
    with holder(tmp_path) as process:
        process.send_signal(by)
        process.wait()
    assert (tmp_path / LOCK).exists()
    with owned(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_the_same_process_cannot_own_a_folder_twice(tmp_path: Path) -> None:
    with owned(tmp_path):
        with pytest.raises(FolderInUseError), owned(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()
    with owned(tmp_path):
        pass


@pytest.mark.parametrize(("pid", "host", "refused"), [("own", "own", True), ("dead", "own", False), (1, "other", True)])
def test_without_locks_of_the_system_the_owner_in_the_file_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: object, host: str, refused: bool
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    number = {"own": os.getpid(), "dead": ended.pid}.get(str(pid), pid)
    name = os.uname().nodename if host == "own" else host
    (tmp_path / LOCK).write_text(json.dumps({"pid": number, "host": name, "start": "2026-01-01 00:00:00"}))
    monkeypatch.setattr(locks, "fcntl", None)
    if refused:
        with pytest.raises(FolderInUseError, match=f"process {number} on {name} since 2026-01-01"), owned(tmp_path):
            pass
    else:
        with owned(tmp_path):
            pass
    assert (tmp_path / LOCK).exists() == refused


def test_what_is_in_the_lock_file_need_not_make_sense(tmp_path: Path) -> None:
    for text in ("", "[]", "{", "\x00" * 5000):
        (tmp_path / LOCK).write_text(text)
        with owned(tmp_path):
            pass
