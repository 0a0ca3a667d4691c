from __future__ import annotations

import errno
import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from trisect import checks
from trisect.cli import main
from trisect.commands.edge import TRACEBACK


@pytest.fixture
def failing(monkeypatch) -> Callable[[Callable[[], Any]], int]:
    """Runs ``trisect inspect data`` with a function in place of the verb, and returns the exit code."""

    def run(fail: Callable[[], Any], *arguments: str) -> int:
        module = ModuleType("trisect.commands.inspect")
        module.run = lambda _: fail()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "trisect.commands.inspect", module)
        return main(["inspect", *(arguments or ("data",))])

    return run


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


def in_numpy() -> None:
    np.zeros(3) + np.zeros(4)


def wrongly_unpacked() -> None:
    first, second = [1]  # noqa: F841


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (raising(KeyError("targets")), "something unexpected failed: KeyError: 'targets' (test_edge.py, line "),
        (raising(RecursionError("maximum depth")), "something unexpected failed: RecursionError: maximum depth"),
        (raising(OverflowError("too large")), "something unexpected failed: OverflowError: too large"),
        (raising(AssertionError()), "something unexpected failed: AssertionError (test_edge.py"),
        (raising(RuntimeError("a\nb")), "something unexpected failed: RuntimeError: a b ("),
        (in_numpy, "something unexpected failed: ValueError: operands could not be broadcast"),
        (wrongly_unpacked, "something unexpected failed: ValueError: not enough values to unpack"),
    ],
)
def test_what_is_unexpected_says_how_to_see_its_place(fail, message, failing, capsys) -> None:
    assert failing(fail) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"trisect inspect: {message}") and len(shown.splitlines()) == 1
    assert shown.endswith(f"run the same command with {TRACEBACK}=1 before it, and please report it\n")


def test_the_traceback_is_shown_when_asked_for(failing, capsys, monkeypatch) -> None:
    monkeypatch.setenv(TRACEBACK, "1")
    assert failing(raising(KeyError("targets"))) == 1
    shown = capsys.readouterr().err
    assert "Traceback (most recent call last)" in shown and "in fail" in shown
    assert shown.splitlines()[-1].startswith("trisect inspect: something unexpected failed: KeyError")


def test_sentences_of_the_package_are_shown_as_they_are(failing, capsys) -> None:
    assert failing(lambda: checks.require(False, "a value", "small", 9)) == 1
    assert failing(lambda: checks.refuse("a and b cannot be combined")) == 1
    assert capsys.readouterr().err.splitlines() == [
        "trisect inspect: a value must be small; got 9",
        "trisect inspect: a and b cannot be combined",
    ]


def test_a_full_disk_names_the_folder_and_the_way_on(failing, capsys) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    torch_s = RuntimeError("[enforce fail at inline_container.cc:672] . PytorchStreamWriter failed writing file data/0")
    wrapped = ValueError("unexpected pos 64 vs 0")
    wrapped.__context__ = full
    for error in (full, torch_s, wrapped, OSError(errno.EFBIG, "File too large")):
        assert failing(raising(error), "x", "--out", "runs/a") == 1
        why = "because its disk, or your share of it, is full; make room, then run the same"
        assert f"nothing more can be written to 'runs/a', {why}" in capsys.readouterr().err


def test_little_memory_a_missing_package_and_no_permission_are_explained(failing, capsys) -> None:
    for error in (MemoryError("Unable to allocate 5 GiB"), RuntimeError("DefaultCPUAllocator: not enough memory")):
        assert failing(raising(error)) == 1
        assert "the memory of this machine does not suffice (" in capsys.readouterr().err
    failing(lambda: importlib.import_module("a_package_that_nobody_has"))
    assert "the package a_package_that_nobody_has must be installed; got none; pip install" in capsys.readouterr().err
    failing(raising(PermissionError(errno.EACCES, "Permission denied", "data/meta.json")))
    expected = "the folder 'data' must be one that you may read and write; got permission denied;"
    assert expected in capsys.readouterr().err
    failing(raising(IsADirectoryError(errno.EISDIR, "Is a directory", "data")))
    assert "'data' must be readable and writable; got is a directory; check the path" in capsys.readouterr().err


def test_a_reader_that_has_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    code = "import sys\nfrom trisect.cli import main\nsys.exit(main(['train', '--help']))"
    command = f'{sys.executable} -c "{code}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_names_that_the_locale_lacks_are_printed_as_escapes(tmp_path: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    folder = bytes(tmp_path) + b"/donn\xe9es"
    command = [sys.executable, "-m", "trisect", "inspect", folder]
    done = subprocess.run(command, capture_output=True, env=environment)
    assert done.returncode == 1 and b"donn\\udce9es" in done.stderr
    assert b"must be a folder with a meta.json" in done.stderr
