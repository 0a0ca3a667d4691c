"""Scores of an external encoder: any function that returns a vector per frame gets the same report as a run.

Its latents are assigned to variables in one of three ways. "identify": by the closed form, from the interventions of
the training split, without labels; the latents are then mixed linearly. A list: you pass the slot of each latent.
"match": by the correlation with the true factors of the training split; this uses labels, and the report says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np
import torch
from torch import Tensor

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.evaluation.about import data_facts
from trisect.evaluation.evaluation_input import EvaluationInput, EvaluationSettings
from trisect.evaluation.identification import ClosedForm
from trisect.evaluation.matching import match
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.writing import write_report
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import evaluate_latents
from trisect.evaluation.transitions import scored_recordings, transitions_of
from trisect.models.closed_form.statement import Statement
from trisect.models.representations.external import check_repeats
from trisect.models.representations.frozen import as_latents, evaluation_mode, owner
from trisect.rows import by_chunks
from trisect.sealed import read_json

BATCH_ROWS, TRIED_ROWS = 512, 16
IDENTIFY, MATCH, GIVEN = "identify", "match", "given"
SEED = 0
USES_LABELS = (
    "latents were assigned to variables by their correlation with the true factors of split 'train': this assignment "
    "uses labels, so the scores are an upper bound for the encoder alone"
)

Assign: TypeAlias = Sequence[int] | np.ndarray | Literal["identify", "match"] | None


class OutsideOptions(TypedDict, total=False):
    """Options for the scores of an external encoder.

    Attributes:
        assignment: None or "identify": by the closed form, without labels. "match": by the correlation with the true
            factors, with labels. (L,) whole numbers: the slot of each latent, k for the k-th variable of
            ``variables``, the number of variables for the noise slot.
        variables: names of the variables with a slot, in order; by default the targeted variables.
        out: folder for ``report.json`` and ``report.html``, created if it does not exist; by default no files are
            written.
    """

    assignment: Assign
    variables: Sequence[str] | None
    out: str | Path | None


@dataclass(frozen=True)
class _Parts:
    """The training recording, the test sequences and the frames on which R2 is measured; or the latents of each."""

    train: Any
    test: Any
    scored: Any

    def map(self, function: Callable[[Recording], np.ndarray]) -> _Parts:
        """Apply a function to each; test sequences that are also the scored frames are passed only once."""
        test = function(self.test)
        scored = test if self.scored is self.test else function(self.scored)
        return _Parts(function(self.train), test, scored)


def evaluate_outside(
    encode: Callable[[np.ndarray], Any], data: Dataset, settings: EvaluationSettings, options: OutsideOptions
) -> dict[str, Any]:
    """Score an external encoder.

    Args:
        encode: arrays of stored frames (N, height, width, channels) uint8, or of vectors (N, D) float32 -> (N, L),
            tensor or array; called in batches.
        data: a data set with the splits train and test; R2 is measured on ``test_indep`` if it exists, else on test.
        settings: settings of the evaluation.
        options: see `OutsideOptions`.

    Returns:
        The content of ``report.json``.

    Raises:
        TypeError, ValueError: the encoder does not return one finite vector per frame, the assignment has another
            length or an unknown slot, or the data do not have a variable.
    """
    _check(encode, options)
    splits, began = _Parts(*scored_recordings(data)), time.process_time()
    names = _variables(data, options.get("variables"))
    check_repeats(lambda rows: _latents(encode, rows), np.array(splits.train.observations[:TRIED_ROWS]))
    raw = splits.map(lambda recording: encode_all(encode, recording.observations))
    found = _assigned(raw, splits, names, options.get("assignment"))
    inputs, how = _input(found, splits), found.how
    evaluation = evaluate_latents(inputs, ClosedForm(), np.random.default_rng(SEED), settings)
    report = Report(
        title=f"{_name_of(encode)}, an outside encoder",
        variables=data.variables.names,
        evaluation=evaluation,
        recipe={"encode": _name_of(encode), "assignment": how, "assignment_uses_labels": how == MATCH},
        cost={"evaluation_cpu_seconds": time.process_time() - began},
        warnings=(USES_LABELS,) if how == MATCH else (),
        about=data_facts(data, settings.max_samples),
    )
    return _written(report, options.get("out"))


def _check(encode: object, options: Mapping[str, Any]) -> None:
    for name in options:
        checks.one_of(name, list(OutsideOptions.__annotations__), "an option of evaluate(encode=...)")
    if not callable(encode):
        raise TypeError(checks.sentence("encode", "a function of frames", type(encode).__name__))


def _written(report: Report, out: str | Path | None) -> dict[str, Any]:
    """The content of ``report.json``, after writing it if there is a folder for it."""
    if out is None:
        return report.to_json()
    Path(out).mkdir(parents=True, exist_ok=True)
    return read_json(write_report(report, out)[0])


def encode_all(encode: Callable[[np.ndarray], Any], observations: np.ndarray) -> np.ndarray:
    """Latents (N, L) float32 of stored observations, in batches; every batch of latents is checked."""
    return by_chunks(lambda rows: _latents(encode, np.array(rows)).numpy(), observations, BATCH_ROWS)


def _latents(encode: Callable[[np.ndarray], Any], rows: np.ndarray) -> Tensor:
    with torch.no_grad(), evaluation_mode(owner(encode)):
        return as_latents(encode(rows), len(rows), "the encoder").cpu()


def _name_of(encode: object) -> str:
    return str(getattr(encode, "__qualname__", None) or type(encode).__qualname__)


def _variables(data: Dataset, names: Sequence[str] | None) -> tuple[str, ...]:
    """The variables with a slot."""
    variables = data.targeted if names is None else checks.unique_names(names, "variables")
    todo = "use data with interventions" if names is None else "name at least one variable"
    checks.require(len(variables) > 0, "the variables with a slot", "at least one", "none", todo)
    for name in variables:
        checks.one_of(name, data.variables.names, "a variable with a slot")
    return variables


@dataclass(frozen=True)
class _Assigned:
    """The slots, the latents that they refer to, how the slots were found, and what the closed form says of them."""

    slots: Slots
    latents: _Parts
    how: str
    statements: tuple[Statement, ...] = ()


def _assigned(raw: _Parts, splits: _Parts, names: tuple[str, ...], assign: Assign) -> _Assigned:
    if isinstance(assign, str):
        checks.one_of(assign, (IDENTIFY, MATCH), "assignment")
    if assign is None or (isinstance(assign, str) and assign == IDENTIFY):
        return _identified(raw, splits, names)
    if isinstance(assign, str):
        what, todo = "the factors of split 'train'", "pass the slot of each latent, or assignment=None"
        checks.require(splits.train.factors is not None, what, "known, to match latents with them", "none", todo)
        table = match(raw.train, Truth(splits.train.factors, splits.train.variables), names)
        return _Assigned(Slots(table, (*names, "noise")), raw, MATCH)
    return _Assigned(Slots(_table(assign, raw.train.shape[1], names), (*names, "noise")), raw, GIVEN)


def _identified(raw: _Parts, splits: _Parts, names: tuple[str, ...]) -> _Assigned:
    """Slots by the closed form, identified on the training split and applied to all splits."""
    transitions = transitions_of(raw.train, splits.train, names)
    rows = np.concatenate([raw.train, raw.test, raw.scored])
    found = ClosedForm().identified(rows, transitions.pairs, transitions.targets, names)
    parts = _Parts(*np.split(found.latents, np.cumsum([len(raw.train), len(raw.test)])))
    return _Assigned(Slots(found.assignment, (*names, "noise")), parts, IDENTIFY, found.statements)


def _table(assignment: Any, num_latents: int, names: tuple[str, ...]) -> np.ndarray:
    """One-hot table (L, K + 1) of slot numbers."""
    slots = np.asarray(assignment)
    checks.require(slots.dtype.kind in "iu", "assignment", "a list of whole numbers, 'identify' or 'match'", assignment)
    checks.shape(slots, "assignment", num_latents)
    todo = f"{', '.join(f'{k}: {name}' for k, name in enumerate((*names, 'noise')))}"
    inside = bool((slots >= 0).all() and (slots <= len(names)).all())
    checks.require(inside, "assignment", f"slots from 0 to {len(names)}", slots.tolist(), todo)
    return slots[:, None] == np.arange(len(names) + 1)


def _input(found: _Assigned, splits: _Parts) -> EvaluationInput:
    slots, latents, scored, names = found.slots, found.latents, splits.scored, found.slots.variables
    labelled = scored.factors is not None
    return EvaluationInput(
        slots=slots,
        train=transitions_of(latents.train, splits.train, names),
        test=transitions_of(latents.test, splits.test, names),
        latents=latents.scored if labelled else None,
        truth=Truth.of(scored) if labelled else None,
        observations=(splits.train.observations, scored.observations),
        equal_baselines=("closed form",) if found.how == IDENTIFY else (),
        independent=scored is not splits.test,
        statements=found.statements,
        test_frames=splits.test.observations,
    )
