"""What an installed package holds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def test_a_wheel_holds_all_code_and_the_pretrained_models(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77")
    copy, out = tmp_path / "project", tmp_path / "out"
    source = copy / "src" / "trisect"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(PROJECT / "src", copy / "src", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, copy)
    result = subprocess.run([sys.executable, "-c", BUILD, str(out)], cwd=copy, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (wheel,) = out.glob("trisect-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("trisect/")}
    assert packed == {file.relative_to(copy / "src").as_posix() for file in source.rglob("*") if file.is_file()}
    assert "trisect/models/shipped_models/pong/model.safetensors" in packed
