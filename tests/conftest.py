"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .shape_checks import install

install()  # before any test imports trisect


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first, so that no process is left with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with files made by the published code: ``$TRISECT_SHARED``, or ``shared`` beside the project."""
    variable = os.environ.get("TRISECT_SHARED")
    folder = Path(variable) if variable else Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip(f"no golden files: {folder}/golden is not there; set TRISECT_SHARED")
    return folder
