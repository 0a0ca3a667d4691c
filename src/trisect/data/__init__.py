"""Data: recordings in memory and on disk, generated or converted, and the loader that makes batches from them."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Recorder": "recorder",
    "Recording": "recording",
    "Triplets": "triplets",
    "make_triplets": "triplets",
    "Dataset": "dataset",
    "split": "dataset",
    "stack": "stacking",
    "from_arrays": "arrays",
    "save": "store",
    "load": "store",
    "verify": "store",
    "simulate": "generate",
    "SequenceLoader": "loader",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"trisect.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'trisect.data' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
