"""Models: representations, transition priors, assignments and objectives, and the models that join them.

``trisect.models.pretrained(NAME)`` returns a trained model that comes with the package, ``available()`` lists the
names, ``card(NAME)`` returns the card of one. All load on first use, so that ``import trisect.models`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trisect.models import published
    from trisect.runs.shipped import available, card, pretrained

__all__ = ["available", "card", "pretrained", "published"]


def __getattr__(name: str) -> Any:
    if name == "published":
        return importlib.import_module("trisect.models.published")
    if name in __all__:
        return getattr(importlib.import_module("trisect.runs.shipped"), name)
    raise AttributeError(f"module 'trisect.models' has no attribute '{name}'")
