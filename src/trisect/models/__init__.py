"""Models: representations, transition priors, assignments and objectives, and what joins them."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["published"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"trisect.models.{name}")
    raise AttributeError(f"module 'trisect.models' has no attribute '{name}'")
