"""The report of one run: ``report.json`` for programs and ``report.html`` for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trisect.evaluation.report import summary
from trisect.evaluation.report.headline import label_free_verdicts
from trisect.evaluation.report.verdicts import better_sentences, beyond_own, verdicts
from trisect.evaluation.score_matrix import Scores, number
from trisect.evaluation.suite import Evaluation
from trisect.evaluation.visibility.blame import blames, warnings
from trisect.models.closed_form.statement import Statement
from trisect.version import __version__

if TYPE_CHECKING:
    from trisect.evaluation.decoding import Decoding
    from trisect.evaluation.triplets import TripletScores

COST = ("cpu_seconds", "wall_seconds", "steps", "peak_memory_mb")


@dataclass(frozen=True)
class View:
    """A picture of what a model does.

    Attributes:
        png: the picture.
        caption: what is written above it.
        alt: what it shows, in words.
    """

    png: bytes = field(repr=False)
    caption: str
    alt: str


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
        notes: sentences on what was left out, from other sources.
        about: what was scored, when and how: the data set, the numbers of samples, the command that repeats it.
        training: stage -> ``kept_step``, ``kept_score``, ``best_step``, ``best_score``, ``steps``, ``criterion``.
        views: pictures of what the slots do.
        decoding: errors of decoded observations, or None.

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
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    views: tuple[View, ...] = ()
    decoding: Decoding | None = None

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """The warnings of this report and those of the evaluation, each once."""
        seen = self.evaluation.visibility
        more = [*better_sentences(self.evaluation), *(warnings(seen) if seen is not None else [])]
        more += self.decoding.warnings if self.decoding is not None else ()
        return tuple(dict.fromkeys([*self.warnings, *self.evaluation.warnings, *more]))

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes of this report and those of the evaluation, each once."""
        return tuple(dict.fromkeys([*self.notes, *self.evaluation.notes]))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in words, the most important sentence first: errors in the data come before all scores."""
        errors = (each for each in self.findings if each.get("level") == "error")
        data = [f"Error in the data: {each.get('what')}, so {each.get('consequence')}." for each in errors]
        acting = self.triplets.sentences() if self.triplets else []
        return (*data, *summary.sentences(self.evaluation), *acting)

    def to_json(self) -> dict[str, Any]:
        """Plain types; undefined is None."""
        evaluation, headline = self.evaluation, self.evaluation.headline
        matrix = evaluation.label_free
        return {
            "title": self.title,
            "version": __version__,
            "paragraph": " ".join(self.sentences),
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
            "notes": list(self.all_notes),
            "about": dict(self.about),
            "training": {stage: dict(facts) for stage, facts in self.training.items()},
            "dependence": evaluation.dependence.to_json() if evaluation.dependence else None,
            "intervals": _intervals(headline),
            "findings": [dict(finding) for finding in self.findings],
            "cost": {name: _defined(self.cost.get(name)) for name in dict.fromkeys([*COST, *self.cost])},
            "visibility": _visibility(evaluation),
            "decoding": self.decoding.to_json() if self.decoding is not None else None,
            **_by_interventions(evaluation),
        }


def _visibility(evaluation: Evaluation) -> dict[str, dict[str, Any]] | None:
    """Variable -> what each probe explains of its interventions, the verdict, and the sentence on it."""
    seen = evaluation.visibility
    if seen is None:
        return None
    return {
        each.variable: {"verdict": each.verdict, "sentence": each.sentence, **seen.entry(each.variable)}
        for each in blames(seen)
    }


def _by_interventions(evaluation: Evaluation) -> dict[str, Any]:
    """What interventions show, and what slots predict beyond the dependence of the scored samples."""
    beyond = beyond_own(evaluation)
    return {
        "leakage_beyond": beyond.to_json() if beyond is not None else None,
        "independent_samples": evaluation.independent,
        "statements": [_plain(statement) for statement in evaluation.statements] or None,
        "label_free_verdicts": _label_free_verdicts(evaluation),
    }


def _label_free_verdicts(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """Variable -> what interventions alone show of it: its verdict, why, and how many would settle it."""
    return {
        name: {"verdict": each.verdict, "reason": each.reason, "settling": each.settling}
        for name, each in label_free_verdicts(evaluation).items()
    }


def _plain(statement: Statement) -> dict[str, Any]:
    """The statement in plain types; undefined is None."""
    return {name: number(value) if isinstance(value, float) else value for name, value in statement.to_json().items()}


def _intervals(headline: Scores | None) -> dict[str, list[float | None]] | None:
    """Variable -> ends of the 95 % interval of its R2 in its own slot, over the scored samples."""
    return {name: [number(end) for end in ends] for name, ends in headline.intervals.items()} if headline else None


def _defined(value: float | int | None) -> float | int | None:
    return value if isinstance(value, int) else number(value)


def _matrices(scores: Scores) -> dict[str, Any]:
    return {"r2": scores.r2.to_json(), "spearman": scores.spearman.to_json()}
