"""trisect learns the causal variables of a world from frames and a record of what was intervened on.

Sub-modules and the verbs below load on first use, so that ``import trisect`` stays light.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

_VERBS = {
    "load": "trisect.data.store",
    "from_arrays": "trisect.data.arrays",
    "convert": "trisect.data.convert",
    "inspect": "trisect.data.inspect",
    "train": "trisect.runs.train",
    "evaluate": "trisect.runs.scoring",
    "load_run": "trisect.runs.run",
    "export": "trisect.runs.export.writing",
    "load_export": "trisect.runs.export.reading",
}
_MODULES = ("data", "evaluation", "models", "recipes", "training", "worlds")

__all__ = ["__version__", *_VERBS, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(importlib.import_module(_VERBS[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"trisect.{name}")
    raise AttributeError(f"module 'trisect' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
