"""trisect learns the causal variables of a world from frames and a record of what was intervened on.

The functions below and the sub-modules load on first use, so that ``import trisect`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trisect import moved, requirements
from trisect.version import __version__

if TYPE_CHECKING:
    from trisect import data, evaluation, models, recipes, training, worlds
    from trisect.data.arrays import from_arrays
    from trisect.data.convert import convert
    from trisect.data.convert.dataframe import from_dataframe
    from trisect.data.export import export_data
    from trisect.data.inspect import inspect
    from trisect.data.store import load
    from trisect.runs.export.reading import load_export
    from trisect.runs.export.writing import export
    from trisect.runs.latents import latents
    from trisect.runs.run import load_run
    from trisect.runs.scoring import evaluate
    from trisect.runs.train import train
    from trisect.runs.verify import verify


__all__ = [
    "__version__",
    "convert",
    "data",
    "evaluate",
    "evaluation",
    "export",
    "export_data",
    "from_arrays",
    "from_dataframe",
    "inspect",
    "latents",
    "load",
    "load_export",
    "load_run",
    "models",
    "recipes",
    "train",
    "training",
    "verify",
    "worlds",
]

_FUNCTIONS = {
    "convert": "trisect.data.convert",
    "evaluate": "trisect.runs.scoring",
    "export": "trisect.runs.export.writing",
    "export_data": "trisect.data.export",
    "from_arrays": "trisect.data.arrays",
    "from_dataframe": "trisect.data.convert.dataframe",
    "inspect": "trisect.data.inspect",
    "latents": "trisect.runs.latents",
    "load": "trisect.data.store",
    "load_export": "trisect.runs.export.reading",
    "load_run": "trisect.runs.run",
    "train": "trisect.runs.train",
    "verify": "trisect.runs.verify",
}
"""Function -> the module that defines it."""

requirements.require_torch()
moved.install()


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(_FUNCTIONS[name]), name)
    if name in __all__:
        return importlib.import_module(f"trisect.{name}")
    raise AttributeError(f"module 'trisect' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
