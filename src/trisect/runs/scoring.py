"""Scoring a run: its latents on every split that evaluation needs, and the report in its folder."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from torch import nn

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset, training_splits
from trisect.data.fingerprint import data_hash
from trisect.data.loader import SequenceLoader
from trisect.data.recording import Recording
from trisect.evaluation.correlation import Truth
from trisect.evaluation.encode import as_input, encode, encode_on_device
from trisect.evaluation.identification import ClosedForm
from trisect.evaluation.outside import OutsideOptions, evaluate_outside
from trisect.evaluation.report.report import Report
from trisect.evaluation.slots import Slots
from trisect.evaluation.suite import EvaluationInput, EvaluationSettings, evaluate_latents
from trisect.evaluation.transitions import scored_recordings, transitions_of
from trisect.evaluation.triplets import TripletScores, triplet_scores
from trisect.frames import float_to_frames
from trisect.models.causal_encoder import CausalEncoder
from trisect.models.closed_form.identify import ClosedFormSettings
from trisect.models.representations.reduction import DROPS_MUCH, Reduction, describe
from trisect.models.slot_model import SlotModel
from trisect.runs.causal_encoder import load_causal_encoder
from trisect.runs.external_encoder import ExternalFunctions
from trisect.runs.run import Run, load_run

NUM_PICTURES = 8
KL_BATCH, KL_BATCHES = 128, 16
QUICK = ("ridge", "published")
TRIPLETS = "test_triplets"


class EvaluateOptions(ExternalFunctions, OutsideOptions, total=False):
    """Options of `evaluate`, some for a run and some for an outside encoder."""

    causal_encoder: CausalEncoder | str | Path


def evaluate(
    run: Run | str | Path | None = None,
    data: Dataset | str | Path | None = None,
    *,
    quick: bool = False,
    encode: Callable[[np.ndarray], Any] | None = None,
    **options: Unpack[EvaluateOptions],
) -> dict[str, Any]:
    """Score a run, write ``report.json`` and ``report.html`` into its folder, and return the content of the former.

    Or score any outside encoder in the same way: ``evaluate(encode=function, data=...)``.

    Args:
        run: a run, or its folder.
        data: the data set; by default the one the run was trained on, if that was a folder.
        quick: leave out the long probe.
        encode: in place of a run: frames at rest (N, height, width, channels) uint8, or vectors (N, D) float32, as
            arrays -> (N, L) latents.
        options: of a run ``encoder=`` and ``decoder=``, if it was trained with your own, and ``causal_encoder=``, one
            or the folder of one, which scores triplets per variable; of ``encode``: ``assignment=``, ``variables=``,
            ``out=`` (see `trisect.evaluation.outside.OutsideOptions`).

    Raises:
        ValueError: neither or both of ``run`` and ``encode``, or options of the other one.
    """
    given: dict[str, Any] = dict(options)
    scorer = given.pop("causal_encoder", None)
    if encode is not None:
        what, must = "the causal encoder", "given with a run, which can decode"
        checks.require(scorer is None, what, must, "one with encode=")
        checks.require(run is None, "what to evaluate", "a run or encode=, one of them", "both")
        return _evaluate_encoder(encode, data, given, quick=quick)
    if isinstance(scorer, str | Path):
        scorer = load_causal_encoder(scorer).model
    return _evaluate_run(_opened(run, given), data, scorer, quick=quick)


def _opened(run: Run | str | Path | None, external: dict[str, Any]) -> Run:
    """The run itself, or the one in a folder."""
    checks.require(run is not None, "what to evaluate", "a run or encode=, one of them", "neither")
    if isinstance(run, Run):
        todo = "a loaded run has its encoder"
        checks.require(not external, "the options of evaluate with a run", "none", ", ".join(external), todo)
        return run
    return load_run(str(run), **external)


def _evaluate_run(
    run: Run, data: Dataset | str | Path | None, causal_encoder: CausalEncoder | None, *, quick: bool
) -> dict[str, Any]:
    dataset = _dataset(run, data)
    settings = EvaluationSettings(probes=QUICK) if quick else EvaluationSettings()
    began = time.process_time()
    given = _input(run, dataset)
    rng = np.random.default_rng(run.recipe.seed)
    identify = ClosedForm(getattr(run.recipe, "closed_form", ClosedFormSettings()))  # the baseline of every method
    evaluation = evaluate_latents(given, identify, rng, settings)
    triplets = _triplets(run.model, dataset, identify, np.random.default_rng(run.recipe.seed), causal_encoder)
    cost = {**asdict(run.cost), "steps": sum(stage["steps"] for stage in run.history.values())}
    report = Report(
        title=f"{run.recipe.method} in {run.folder.name}",
        variables=dataset.variables.names,
        evaluation=evaluation,
        recipe=run.recipe.to_json(),
        cost={**cost, "evaluation_cpu_seconds": time.process_time() - began},
        history=_curves(run.history),
        pictures=_pictures(run.model, dataset),
        warnings=(*_data_warnings(run), *_warnings(run.model)),
        findings=run.findings,
        triplets=triplets,
    )
    report.write(run.folder)
    return report.to_json()


def _evaluate_encoder(
    encode: Callable[[np.ndarray], Any], data: Dataset | str | Path | None, options: Any, *, quick: bool
) -> dict[str, Any]:
    checks.require(data is not None, "the data of an outside encoder", "given", "None", "pass data=...")
    dataset = data if isinstance(data, Dataset) else store.load(str(data))
    settings = EvaluationSettings(probes=QUICK) if quick else EvaluationSettings()
    return evaluate_outside(encode, dataset, settings, options)


def _dataset(run: Run, data: Dataset | str | Path | None) -> Dataset:
    if isinstance(data, Dataset):
        dataset = data
    else:
        path = data if data is not None else run.data_path
        todo = "pass the data set as data=..."
        checks.require(path is not None, "the data of a run trained in memory", "given", "None", todo)
        dataset = store.load(Path(str(path)))
        if data is None and data_hash(list(training_splits(dataset))) != run.data_hash:
            warnings.warn(f"the data in {path} are not those that {run.folder} was trained on", stacklevel=4)
    missing = [name for name in run.model.variables if name not in dataset.variables.names]
    what = "the variables of the data"
    checks.require(not missing, what, f"to include {', '.join(run.model.variables)}", f"no {', '.join(missing)}")
    return dataset


def _input(run: Run, dataset: Dataset) -> EvaluationInput:
    """Latents of all splits; the independent test set falls back to the test sequences, never to training data."""
    model = run.model
    train, test, truth = scored_recordings(dataset)
    labelled = truth.factors is not None
    base, latents = base_and_final_latents(model, train)
    base_scored, scored = base_and_final_latents(model, truth) if labelled else (None, None)
    return EvaluationInput(
        slots=Slots(model.assignment().numpy().astype(bool), model.slot_names),
        train=transitions_of(latents, train, model.variables),
        test=transitions_of(base_and_final_latents(model, test)[1], test, model.variables),
        latents=scored,
        truth=Truth(np.asarray(truth.factors), dataset.variables) if labelled else None,
        observations=(train.observations, truth.observations),
        base=(base, base_scored) if base_scored is not None else None,
        probs=model.probs().numpy(),
        nll=_nll(run),
        latent_kl=_latent_kl(run, test),
    )


def _triplets(
    model: SlotModel[Any],
    dataset: Dataset,
    identify: ClosedForm,
    rng: np.random.Generator,
    causal_encoder: CausalEncoder | None,
) -> TripletScores | None:
    """The test triplets' scores; None where there are none, or no way back from latents."""
    has_any = TRIPLETS in dataset and model.representation.decodes
    what, must = "the data and model for a causal encoder", f"a split {TRIPLETS} and a decoder"
    checks.require(has_any or causal_encoder is None, what, must, "one of them missing", "leave the causal encoder out")
    if not has_any:
        return None
    return triplet_scores(model, dataset.triplets(TRIPLETS), dataset.recording("train"), identify, rng, causal_encoder)


def _latent_kl(run: Run, recording: Recording) -> np.ndarray | None:
    """Mean KL of every latent's posterior over the first windows of a recording; None where there is no posterior."""
    loader = SequenceLoader(recording, run.model.variables, min(KL_BATCH, max(1, len(recording.windows(2)))))
    batches = itertools.islice(loader.sequential(KL_BATCH), KL_BATCHES)
    found = run.model.latent_kl(batches, torch.Generator().manual_seed(run.recipe.seed))
    return None if found is None else found.numpy()


def base_and_final_latents(model: SlotModel[Any], recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Latents of a recording before the flow, and the model's, (frames, latents) each; frames are read once."""
    base = encode_on_device(model.representation, recording.observations)
    return base, encode(_FlowAlone(model), base)


class _FlowAlone(nn.Module):
    """Latents before the flow -> the model's."""

    def __init__(self, model: SlotModel[Any]):
        super().__init__()
        self.flow = model.flow

    def encode(self, latents: torch.Tensor) -> torch.Tensor:
        return self.flow(latents)[0]


def _nll(run: Run) -> float | None:
    """The best held-out negative log-likelihood of the flow; None where no flow was trained."""
    return run.history["flow"]["best_score"] if "flow" in run.history else None


def _curves(history: Mapping[str, Any]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Training total and held-out score of every stage over its steps."""
    curves = {}
    for stage, record in history.items():
        if record["terms"]:
            steps, terms = zip(*record["terms"])
            curves[f"{stage}: training total"] = (np.array(steps), np.array([t["total"] for t in terms]))
        if record["scores"]:
            steps, scores = zip(*record["scores"])
            curves[f"{stage}: held-out {record['criterion']}"] = (np.array(steps), np.array(scores))
    return curves


def _data_warnings(run: Run) -> tuple[str, ...]:
    """What the inspection found wrong with the data that the run was trained on."""
    worrying = (each for each in run.findings if each["level"] != "note")
    return tuple(f"In the data: {each['what']}; {each['consequence']}." for each in worrying)


def _warnings(model: SlotModel[Any]) -> tuple[str, ...]:
    """What the representation left out, if much."""
    reduction = model.representation
    if not isinstance(reduction, Reduction) or float(reduction.explained) >= DROPS_MUCH:
        return ()
    return (describe(reduction.matrix.shape, float(reduction.explained)),)


def _pictures(model: SlotModel[Any], dataset: Dataset) -> tuple[np.ndarray, np.ndarray] | None:
    """Some test frames and what is decoded of their latents; None for vectors and without a decoder."""
    test = dataset.recording("test")
    if test.observations.dtype != np.uint8 or not model.representation.decodes:
        return None
    chosen = np.linspace(0, len(test) - 1, NUM_PICTURES).astype(int)
    frames = np.array(test.observations[chosen])
    with torch.no_grad():
        decoded = model.decode(model.encode(as_input(frames)))
    return frames, float_to_frames(decoded).numpy()
