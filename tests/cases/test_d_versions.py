"""A package that is too old is named with the version that is needed, not found out by a missing attribute."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def old_torch(tmp_path: Path) -> dict[str, str]:
    """An environment in which torch is a package of version 2.5.1."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("__version__ = '2.5.1'\n")
    described = tmp_path / "torch-2.5.1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.5.1\n")
    paths = [str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import trisect; trisect.load_run('run')"],
        ["-c", "import trisect; trisect.train"],
        ["-m", "trisect", "evaluate", "run"],
    ],
    ids=["load_run", "train", "command"],
)
def test_an_old_torch_gets_a_sentence_with_both_versions(old_torch: dict[str, str], arguments: list[str]) -> None:
    child = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=old_torch)
    assert child.returncode != 0
    last = child.stderr.strip().splitlines()[-1]
    assert "torch" in last and "2.6" in last and "2.5.1" in last
