"""Scoring a run: computes its latents on the splits that evaluation needs, and writes the report into its folder."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any, Unpack

import numpy as np
import torch

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.loader import SequenceLoader
from trisect.data.recording import Recording
from trisect.evaluation.decoding import decoding_of
from trisect.evaluation.encode import base_and_final_latents
from trisect.evaluation.evaluation_input import EvaluationInput, EvaluationSettings
from trisect.evaluation.identification import ClosedForm
from trisect.evaluation.outside import OutsideOptions, evaluate_outside
from trisect.evaluation.progress import listening, part
from trisect.evaluation.report.report import Report
from trisect.evaluation.report.writing import write_report
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import evaluate_latents
from trisect.evaluation.transitions import scored_recordings, transitions_of
from trisect.evaluation.triplets import TripletScores, triplet_scores
from trisect.evaluation.views import reconstructions, views_of
from trisect.files import brief
from trisect.locks import owned
from trisect.methods.table import method_of
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.closed_form.identify import ClosedFormSettings
from trisect.models.representations.reduction import DROPS_MUCH, Reduction, describe
from trisect.models.slot_model import SlotModel
from trisect.runs import about, training_record
from trisect.runs.causal_encoder import load_causal_encoder
from trisect.runs.external_encoder import ExternalFunctions
from trisect.runs.opening import data_for, opened_run
from trisect.runs.run import Run
from trisect.sealed import read_json
from trisect.training.progress import progress_for

KL_BATCH, KL_BATCHES = 128, 16
QUICK = ("ridge", "published")
TRIPLETS = "test_triplets"
PERCENT = 100
OPTIONS = ("encoder", "decoder", "causal_encoder", "assignment", "variables", "out")


class EvaluateOptions(ExternalFunctions, OutsideOptions, total=False):
    """Options of `evaluate`: some apply to a run, some to an outside encoder."""

    causal_encoder: CausalEncoder | str | Path


def evaluate(
    run: Run | str | Path | None = None,
    data: Dataset | str | Path | None = None,
    *,
    quick: bool = False,
    encode: Callable[[np.ndarray], Any] | None = None,
    progress: bool = True,
    **options: Unpack[EvaluateOptions],
) -> dict[str, Any]:
    """Score a run, write ``report.html`` and ``report.json`` into its folder, and return the scores.

    Any other encoder can be scored in the same way: ``evaluate(encode=function, data=...)``.

    Args:
        run: a run, or its folder.
        data: the data set, or its folder; by default the folder that the run was trained on.
        quick: leave out the probe that takes longest to train, and what the frames themselves show.
        encode: instead of a run, a function from stored frames (N, height, width, channels) uint8 or vectors (N, D)
            float32 to latents (N, L), all as arrays.
        progress: show progress and the time left.
        options: for a run: ``encoder=`` and ``decoder=``, if it was trained with an external encoder, and
            ``causal_encoder=``, a causal encoder or its folder, which scores triplets per variable. For ``encode``:
            ``assignment=``, ``variables=``, ``out=`` (see `trisect.evaluation.outside.OutsideOptions`).

    Raises:
        TypeError: a run, data set or causal encoder is none, and no folder either.
        ValueError: neither or both of ``run`` and ``encode``, or an option that does not go with the one passed.
    """
    remaining: dict[str, Any] = dict(options)
    for name in remaining:
        checks.one_of(name, OPTIONS, "an option of evaluate")
    scorer = remaining.pop("causal_encoder", None)
    _require_one_of(data, Dataset, "the data to evaluate on", "a data set or its folder")
    _require_one_of(scorer, CausalEncoder, "causal_encoder of evaluate", "a causal encoder or its folder")
    if encode is None:
        return _evaluate_run(_opened(run, remaining), data, scorer, _Manner(quick, progress))
    if scorer is not None:
        checks.refuse("causal_encoder= cannot be used with encode=, because an outside encoder cannot decode")
    if run is not None:
        checks.refuse("encode= cannot be used with a run; pass one of them")
    return _evaluate_encoder(encode, data, remaining, _Manner(quick, progress))


@dataclass(frozen=True)
class _Manner:
    """How an evaluation is done: quickly or not, with progress shown or not."""

    quick: bool
    progress: bool

    @property
    def settings(self) -> EvaluationSettings:
        return EvaluationSettings(probes=QUICK, frames=False) if self.quick else EvaluationSettings()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress of the block."""
        bar = progress_for("evaluate", 0, PERCENT, show=self.progress)
        with bar, listening(lambda share: bar.update(max(1, int(share * PERCENT)), {})):
            yield


def _require_one_of(value: object, kind: type, what: str, must: str) -> None:
    if not isinstance(value, (kind, str, Path, NoneType)):
        raise TypeError(checks.sentence(what, must, f"{type(value).__name__} {brief(repr(value), 60)}"))


def _opened(run: Run | str | Path | None, external: dict[str, Any]) -> Run:
    """The run itself, or the run in a folder."""
    _require_one_of(run, Run, "the run to evaluate", "a run or its folder")
    if run is None:
        checks.refuse("there is nothing to evaluate; pass a run or encode=")
    return opened_run(run, external, "evaluate")


def _evaluate_run(
    run: Run, data: Dataset | str | Path | None, causal_encoder: CausalEncoder | str | Path | None, manner: _Manner
) -> dict[str, Any]:
    scorer = load_causal_encoder(causal_encoder).model if isinstance(causal_encoder, str | Path) else causal_encoder
    dataset = data_for(run, data, stacklevel=4)
    with owned(run.folder), manner.shown():
        report = _report(run, dataset, scorer, manner)
        path = None if isinstance(data, Dataset) else data or run.data_path
        report = replace(report, about=about.run_facts(run, dataset, path, causal_encoder, quick=manner.quick))
        numbers, _ = write_report(report, run.folder)
    return read_json(numbers)


def _report(run: Run, dataset: Dataset, causal_encoder: CausalEncoder | None, manner: _Manner) -> Report:
    began = time.process_time()
    with part(0.0, 0.1):
        scored = _input(run, dataset)
    rng = np.random.default_rng(run.recipe.seed)
    identify = ClosedForm(getattr(run.recipe, "closed_form", ClosedFormSettings()))  # the baseline of every method
    with part(0.1, 0.85):
        evaluation = evaluate_latents(scored, identify, rng, manner.settings)
    with part(0.85, 1.0):
        triplets = _triplets(run.model, dataset, identify, np.random.default_rng(run.recipe.seed), causal_encoder)
    cost = {**asdict(run.cost), "steps": sum(stage["steps"] for stage in run.history.values())}
    return Report(
        title=f"{run.recipe.method} in {run.folder.absolute().name}",
        variables=dataset.variables.names,
        evaluation=evaluation,
        recipe=run.recipe.to_json(),
        cost={**cost, "evaluation_cpu_seconds": time.process_time() - began},
        history=training_record.curves(run.history),
        pictures=reconstructions(run.model, dataset.recording("test")),
        warnings=(*_data_warnings(run), *training_record.warnings(run.history, run.recipe), *_warnings(run.model)),
        findings=run.findings,
        triplets=triplets,
        training=training_record.facts(run.history, run.recipe),
        views=views_of(run.model, dataset.recording("test")),
        decoding=decoding_of(run.model, dataset.recording("train"), dataset.recording("test")),
    )


def _evaluate_encoder(
    encode: Callable[[np.ndarray], Any], data: Dataset | str | Path | None, options: Any, manner: _Manner
) -> dict[str, Any]:
    checks.require(data is not None, "the data of an outside encoder", "a data set", "None", "pass data=...")
    dataset = data if isinstance(data, Dataset) else store.load(str(data))
    with manner.shown():
        return evaluate_outside(encode, dataset, manner.settings, options)


def _input(run: Run, dataset: Dataset) -> EvaluationInput:
    """Latents of all splits; without an independent test set, the test sequences are scored, never training data."""
    model = run.model
    train, test, truth = scored_recordings(dataset)
    labelled = truth.factors is not None
    base, latents = base_and_final_latents(model, train.observations)
    base_scored, scored = base_and_final_latents(model, truth.observations) if labelled else (None, None)
    return EvaluationInput(
        slots=Slots(model.assignment().numpy().astype(bool), model.slot_names),
        train=transitions_of(latents, train, model.variables),
        test=transitions_of(base_and_final_latents(model, test.observations)[1], test, model.variables),
        latents=scored,
        truth=Truth.of(truth) if labelled else None,
        observations=(train.observations, truth.observations),
        base=(base, base_scored) if base_scored is not None else None,
        probs=model.probs().numpy(),
        nll=_nll(run),
        latent_kl=_latent_kl(run, test),
        equal_baselines=method_of(run.recipe).equal_baselines,
        independent=truth is not test,
        statements=run.statements,
        test_frames=test.observations,
    )


def _triplets(
    model: SlotModel[Any],
    dataset: Dataset,
    identify: ClosedForm,
    rng: np.random.Generator,
    causal_encoder: CausalEncoder | None,
) -> TripletScores | None:
    """The scores of the test triplets; None if there are no triplets or the model cannot decode."""
    can_score = TRIPLETS in dataset and model.representation.decodes
    if causal_encoder is not None and not can_score:
        needs = f"data with a split {TRIPLETS} and a model that decodes"
        checks.refuse(f"a causal encoder needs {needs}; evaluate without causal_encoder= (--causal-encoder)")
    if not can_score:
        return None
    return triplet_scores(model, dataset.triplets(TRIPLETS), dataset.recording("train"), identify, rng, causal_encoder)


def _latent_kl(run: Run, recording: Recording) -> np.ndarray | None:
    """Mean KL of every latent's posterior over the first windows of a recording; None without a posterior."""
    loader = SequenceLoader(recording, run.model.variables, min(KL_BATCH, max(1, len(recording.windows(2)))))
    batches = itertools.islice(loader.sequential(KL_BATCH), KL_BATCHES)
    kl = run.model.latent_kl(batches, torch.Generator().manual_seed(run.recipe.seed))
    return None if kl is None else kl.numpy()


def _nll(run: Run) -> float | None:
    """The held-out negative log-likelihood of the flow's weights that were kept; None if no flow was trained."""
    kept = training_record.facts(run.history, run.recipe).get("flow")
    return None if kept is None else kept["kept_score"]


def _data_warnings(run: Run) -> tuple[str, ...]:
    """The warnings and errors that the inspection found in the data that the run was trained on."""
    worrying = (each for each in run.findings if each.get("level") != "note")
    return tuple(f"In the data: {each.get('what')}; {each.get('consequence')}." for each in worrying)


def _warnings(model: SlotModel[Any]) -> tuple[str, ...]:
    """A warning if the reduction of the latents dropped much of their variance."""
    reduction = model.representation
    if not isinstance(reduction, Reduction) or float(reduction.explained) >= DROPS_MUCH:
        return ()
    return (describe(reduction.matrix.shape, float(reduction.explained)),)
