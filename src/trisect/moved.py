"""Modules that lie elsewhere today: their former names, as documents and scripts of users import them, keep working."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "trisect.evaluation.analysis_figures": "trisect.evaluation.analysis.figures",
    "trisect.evaluation.figures": "trisect.evaluation.report.figures",
    "trisect.evaluation.probe": "trisect.evaluation.probes.probe",
    "trisect.evaluation.slider": "trisect.evaluation.analysis.slider",
    "trisect.training.causal_encoder": "trisect.runs.causal_encoder",
}
"""Former name -> name today."""


class MovedFinder(MetaPathFinder, Loader):
    """Finds a module under its former name: the very module that has another name today."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = importlib.import_module(MOVED[module.__name__])


def install() -> None:
    """Ask the finder for modules that nobody else finds; once, however often it is called."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.append(MovedFinder())
