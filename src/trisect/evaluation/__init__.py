"""Scores with and without labels, and the report.

``from trisect.evaluation import analysis, analysis_figures, figures, slider`` imports the modules for the analysis of
a model; they load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

_MODULES = {
    "analysis_figures": "trisect.evaluation.analysis.figures",
    "figures": "trisect.evaluation.report.figures",
    "slider": "trisect.evaluation.analysis.slider",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    raise AttributeError(f"module 'trisect.evaluation' has no attribute '{name}'")
