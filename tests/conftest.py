"""What every test may use."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from .shape_checks import install

install()  # before any test imports trisect

SLOW_DATA = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True, suppress_health_check=SLOW_DATA)
settings.register_profile("faults", max_examples=400, deadline=None, suppress_health_check=SLOW_DATA)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


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


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a benchmark or a module of the outside worlds by its name, as it runs: with its folder on the path."""
    folder = Path(__file__).resolve().parents[1] / "benchmarks"
    for each in (folder, folder / "outside"):
        monkeypatch.syspath_prepend(each)
    return importlib.import_module
