"""What tests of the outside worlds share."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def outside_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a module of the outside worlds by its name, as it runs: with its folder on the path."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks" / "outside")
    return importlib.import_module
