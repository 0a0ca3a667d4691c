from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import trisect
from trisect.requirements import LOWEST_TORCH, optional

PROJECT = Path(__file__).resolve().parents[1]
SOURCE = Path(trisect.__file__).parents[1]


def import_with(folder: Path) -> subprocess.CompletedProcess[str]:
    """Import the package with the packages of a folder before all others."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{SOURCE}"}
    command = [sys.executable, "-c", "import sys, trisect; print('torch' in sys.modules)"]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(("version", "is_refused"), [("2.5.1+cpu", True), ("1.13.0", True), ("2.6.0", False)])
def test_an_old_torch_is_refused_at_import(version: str, is_refused: bool, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("")
    (tmp_path / "torch" / "version.py").write_text(f"__version__ = '{version}'\ndebug = False\n")
    done = import_with(tmp_path)
    sentence = f"ImportError: the version of torch must be at least 2.6 for trisect; got {version}; pip install 'torch>"
    assert (sentence in done.stderr) is is_refused and (done.returncode != 0) is is_refused
    assert is_refused or done.stdout == "False\n"


def test_the_installed_torch_is_accepted_without_importing_it(tmp_path: Path) -> None:
    assert import_with(tmp_path).stdout == "False\n"


def test_the_lowest_version_is_that_of_the_package() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"torch>={'.'.join(map(str, LOWEST_TORCH))}" in project["dependencies"]


def test_a_missing_optional_package_is_asked_for_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    assert optional("json", "worlds", "to read").loads("1") == 1
    monkeypatch.setitem(sys.modules, "json", None)
    sentence = r"the package json must be installed to read; got: .*; pip install 'trisect\[worlds\]'"
    with pytest.raises(ImportError, match=sentence):
        optional("json", "worlds", "to read")


def test_every_extra_of_users_is_part_of_all() -> None:
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras["all"] == [f"trisect[{','.join(e for e in extras if e not in ('outside', 'docs', 'dev', 'all'))}]"]
