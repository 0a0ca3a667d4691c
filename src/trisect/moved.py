"""Modules that have moved: their former names keep working, for scripts and documents that import them."""

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
"""Former name -> current name."""


class MovedFinder(MetaPathFinder, Loader):
    """Finds a moved module under its former name; the import returns the module itself, not a copy."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = importlib.import_module(MOVED[module.__name__])


def install() -> None:
    """Add the finder behind all other finders; a second call changes nothing."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.append(MovedFinder())
