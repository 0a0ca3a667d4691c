"""Facts about the evaluation of a run for its report: the data, and the command that repeats it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from trisect.data.dataset import Dataset
from trisect.evaluation.about import data_facts
from trisect.evaluation.evaluation_input import EvaluationSettings
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.representations.external import ExternalRepresentation
from trisect.runs.run import Run


def run_facts(
    run: Run,
    data: Dataset,
    path: str | Path | None,
    causal_encoder: CausalEncoder | str | Path | None,
    *,
    quick: bool,
) -> dict[str, Any]:
    """What was scored, when, and how to repeat it, in plain types.

    Args:
        run: the run that was scored.
        data: the data set that it was scored on.
        path: its folder, or None for data in memory.
        causal_encoder: the causal encoder that scored triplets, or its folder, or None.
        quick: whether the longest probe was left out.
    """
    flags = ["--quick"] if quick else []
    flags += ["--causal-encoder", str(causal_encoder)] if isinstance(causal_encoder, str | Path) else []
    from_python = path is None or isinstance(causal_encoder, CausalEncoder) or _is_external(run)
    command = shlex.join(["trisect", "evaluate", str(run.folder), "--data", str(path), *flags])
    return {
        "data": "in memory" if path is None else str(path),
        **data_facts(data, EvaluationSettings().max_samples),
        "seed": run.recipe.seed,
        "command": "from Python: trisect.evaluate(run, data)" if from_python else command,
    }


def _is_external(run: Run) -> bool:
    """Whether the run has an external encoder, whose name is not known here."""
    return any(isinstance(part, ExternalRepresentation) for part in run.model.representation.modules())
