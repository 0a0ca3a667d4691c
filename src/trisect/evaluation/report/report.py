"""The report of one run: ``report.json`` for programs and ``report.html`` for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trisect.evaluation.report import summary
from trisect.evaluation.report.verdicts import verdicts
from trisect.evaluation.score_matrix import Scores, number
from trisect.evaluation.suite import Evaluation
from trisect.version import __version__

if TYPE_CHECKING:
    from trisect.evaluation.triplets import TripletScores

COST = ("cpu_seconds", "wall_seconds", "steps", "peak_memory_mb")


@dataclass(frozen=True)
class Report:
    """A run and its evaluation.

    Attributes:
        title: name of the run.
        variables: names of all variables of the recording, scored or not.
        evaluation: the scores.
        recipe: the run's settings as plain types.
        cost: ``cpu_seconds``, ``wall_seconds``, ``steps``, ``peak_memory_mb``; a missing or NaN value becomes null.
        history: training curves, name -> (steps, values).
        pictures: original and reconstructed frames, both (samples, height, width, channels) uint8, or None.
        warnings: sentences from other sources, such as the inspection of the data.
        findings: all findings of the inspection of the training data, as plain types.
        triplets: distances between mixed frames and true ones, or None.

    Example:
        >>> report = Report("pong", ("ball_x", "ball_y"), evaluation)  # doctest: +SKIP
        >>> write_report(report, "runs/pong")  # doctest: +SKIP
    """

    title: str
    variables: tuple[str, ...]
    evaluation: Evaluation
    recipe: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, float | int | None] = field(default_factory=dict)
    history: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    pictures: tuple[np.ndarray, np.ndarray] | None = None
    warnings: tuple[str, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()
    triplets: TripletScores | None = None

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """The warnings of this report and those of the evaluation, each once."""
        return tuple(dict.fromkeys([*self.warnings, *self.evaluation.warnings]))

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        evaluation, headline = self.evaluation, self.evaluation.headline
        matrix = evaluation.label_free
        return {
            "title": self.title,
            "version": __version__,
            "paragraph": " ".join(summary.sentences(evaluation)),
            "recipe": dict(self.recipe),
            "variables": list(self.variables),
            "targeted": list(evaluation.slots.variables),
            "slots": {name: evaluation.slots.columns(name).tolist() for name in evaluation.slots.names},
            "verdicts": verdicts(headline.r2) if headline else None,
            "probe": headline.probe if headline else None,
            "r2": headline.r2.to_json() if headline else None,
            "spearman": headline.spearman.to_json() if headline else None,
            "probes": {name: _matrices(scores) for name, scores in evaluation.probes.items()},
            "chance": evaluation.chance.to_json() if evaluation.chance else None,
            "baselines": evaluation.baselines.to_json() if evaluation.baselines else None,
            "label_free": matrix.to_json(evaluation.nll) if matrix else None,
            "confidence": dict(evaluation.confidence) if evaluation.confidence else None,
            "active_units": evaluation.active_units.to_json() if evaluation.active_units else None,
            "triplets": self.triplets.to_json() if self.triplets else None,
            "graph": None,
            "warnings": list(self.all_warnings),
            "findings": [dict(finding) for finding in self.findings],
            "cost": {name: _defined(self.cost.get(name)) for name in dict.fromkeys([*COST, *self.cost])},
        }


def _defined(value: float | int | None) -> float | int | None:
    return value if isinstance(value, int) else number(value)


def _matrices(scores: Scores) -> dict[str, Any]:
    return {"r2": scores.r2.to_json(), "spearman": scores.spearman.to_json()}
