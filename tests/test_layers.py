from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def lint_imports(folder: Path, source: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts of the folder's ``pyproject.toml`` over the package in ``source``."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the package, to break."""
    shutil.copytree(PROJECT / "src" / "trisect", tmp_path / "trisect", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_are_kept() -> None:
    result = lint_imports(PROJECT, PROJECT / "src")
    assert result.returncode == 0, result.stdout
    assert "3 kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("where", "line", "contract"),
    [
        ("models/broken.py", "import trisect.training", "Data flows one way"),
        ("evaluation/broken.py", "from trisect.training import fit", "Data flows one way"),
        ("models/broken.py", "from trisect.data import loader", "Models know neither worlds nor data"),
        (
            "training/broken.py",
            "from trisect.methods import citris_nf",
            "The training engine and evaluation know no method",
        ),
        (
            "evaluation/broken.py",
            "from trisect.runs.run import Run",
            "The training engine and evaluation know no method",
        ),
    ],
)
def test_an_import_to_the_right_is_found(copied: Path, where: str, line: str, contract: str) -> None:
    (copied / "trisect" / where).write_text(line + "\n")
    result = lint_imports(copied, copied)
    assert result.returncode == 1
    assert f"{contract} BROKEN" in result.stdout
