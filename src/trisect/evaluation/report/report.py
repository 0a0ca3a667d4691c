"""The report: everything known of one run, for machines (``report.json``) and for people (``report.html``)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trisect import __version__
from trisect.evaluation.correlation import Scores, number
from trisect.evaluation.report import summary
from trisect.evaluation.suite import Evaluation

if TYPE_CHECKING:
    from trisect.evaluation.triplets import TripletScores
from trisect.files import write_atomically

COST = ("cpu_seconds", "wall_seconds", "steps", "peak_memory_mb")


@dataclass(frozen=True)
class Report:
    """A run and its evaluation.

    Attributes:
        title: name of the run.
        variables: names of all variables of the recording, scored or not.
        evaluation: the scores.
        recipe: the run's settings as plain types.
        cost: ``cpu_seconds``, ``wall_seconds``, ``steps``, ``peak_memory_mb``; what is missing or NaN is null.
        history: training curves, name -> (steps, values).
        pictures: original and reconstructed frames, both (samples, height, width, channels) uint8, or None.
        warnings: sentences from elsewhere, such as the inspection of the data.
        findings: all that the inspection of the training data found, in plain types.
        triplets: how far mixed frames are from the true ones, or None.

    Example:
        >>> report = Report("pong", ("ball_x", "ball_y"), evaluation)  # doctest: +SKIP
        >>> report.write("runs/pong")  # doctest: +SKIP
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
        """Those given and those of the evaluation, each once."""
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
            "verdicts": summary.verdicts(headline.r2) if headline else None,
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

    def to_html(self) -> str:
        """One page that holds its pictures and loads nothing."""
        from trisect.evaluation.report.page import render

        return render(self)

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write ``report.json`` and ``report.html`` into a folder; each appears whole or not at all.

        Returns:
            The two paths.

        Raises:
            ValueError: the recipe holds NaN or infinity.
            TypeError: the recipe holds something that is not JSON.
            FileNotFoundError: the folder does not exist.
        """
        text = json.dumps(self.to_json(), indent=2, allow_nan=False)
        json_path, html_path = Path(folder) / "report.json", Path(folder) / "report.html"
        write_atomically(json_path, text + "\n")
        write_atomically(html_path, self.to_html())
        return json_path, html_path


def _defined(value: float | int | None) -> float | int | None:
    return value if isinstance(value, int) else number(value)


def _matrices(scores: Scores) -> dict[str, Any]:
    return {"r2": scores.r2.to_json(), "spearman": scores.spearman.to_json()}
