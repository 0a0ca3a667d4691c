"""Exporting a trained model: writes a folder with the model and its description, to hand to other users.

model.json           see `trisect.runs.export.model_file`
model.safetensors    all weights
encode.onnx, decode.onnx   optional, see `trisect.runs.export.onnx_graphs`
"""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.files import appears_whole, has_text_name, sha256_of
from trisect.methods.table import in_current_spelling
from trisect.models.stored_weights import check_finite
from trisect.models.weights import save_weights
from trisect.runs import run_folder
from trisect.runs.export import model_file, onnx_graphs
from trisect.runs.export.model_file import EXPORTED, WEIGHTS
from trisect.runs.run import Run, load_run
from trisect.runs.run_folder import FINISHED, RUN
from trisect.sealed import write_json

logger = logging.getLogger("trisect")

REPORT = "report.json"
SCORES = ("probe", "verdicts", "r2", "spearman", "chance", "baselines", "label_free", "triplets", "graph", "warnings")
"""Keys of a report that are stored with the model."""
CHECKED_OBSERVATIONS = 64


def export(
    run: Run | str | Path, out: str | Path, *, onnx: bool = False, data: Dataset | str | Path | None = None
) -> dict[str, Any]:
    """Write the model of a finished run into a folder for other users, which contains only weights and JSON.

    The folder holds ``model.safetensors`` and ``model.json``, which describes how the model is built, its input, the
    meaning of its latents, and the scores if the run was evaluated. With ``onnx`` it also holds ``encode.onnx``
    (observations to latents and to the latents of each slot) and ``decode.onnx`` (latents to observations), for any
    number of observations: frames (N, channels, height, width) float32 in [-1, 1], or vectors (N, D). If the export
    fails, no folder is left. Read the folder with `load_export`.

    Args:
        run: a run, or its folder.
        out: the folder to make.
        onnx: also write ONNX graphs, and check that they give the same outputs as the model; needs ``trisect[onnx]``.
        data: observations to check the graphs on besides random inputs; by default the data of the run, if available.

    Returns:
        The content of ``model.json``; with ``onnx``, its ``onnx.largest_difference`` compares graphs and model.

    Raises:
        FileNotFoundError: the folder holds no run, or an unfinished one.
        FileExistsError: ``out`` exists.
        ValueError: the run has an external encoder, weights are not finite, the report belongs to another model, or a
            graph differs from the model by more than 1e-4 of the largest value.
        ImportError: a package that ``onnx`` needs is missing.
    """
    if data is not None and not onnx:
        checks.refuse("data= (--data) cannot be used without onnx=True (--onnx): only graphs are checked on data")
    out = checks.path(out, "the folder to export to")
    if onnx:
        onnx_graphs.require_packages()
        is_text = has_text_name(out.resolve())
        checks.require(is_text, "the folder for ONNX graphs", "one whose name is text in UTF-8", repr(str(out)))
    source = run.folder if isinstance(run, Run) else checks.path(run, "the run to export", "pass a run or its folder")
    described, finished = _read(source)
    run = run if isinstance(run, Run) else load_run(source)
    model = copy.deepcopy(run.model).cpu().eval()
    check_finite(model.state_dict(), source)
    description = model_file.describe(model, run.recipe.to_json(), described["data"], finished)
    description |= {"scores": _scores(run)}
    shape = tuple(described["data"]["shape"])
    with appears_whole(out) as folder:
        save_weights(model, folder / WEIGHTS)
        observations = _some_observations(run, data, shape) if onnx else None
        graphs = onnx_graphs.write_graphs(model, folder, observations) if onnx else None
        description |= {"files": _hashes(folder), "onnx": graphs}
        write_json(folder / EXPORTED, description, indent=2, allow_nan=False)
    return description


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The content of run.json and finished.json of a run that can be exported."""
    run_folder.require_finished(folder)
    described = run_folder.read(folder / RUN, "recipe", "data")
    if "encoder" in described:
        todo = "share the run folder and the encoder, or train on its embeddings (trisect.from_arrays) and export that"
        checks.refuse(f"the run in {folder} cannot be exported: its external encoder is code; {todo}")
    return described, run_folder.read(folder / FINISHED, "cost", "history")


def _scores(run: Run) -> dict[str, Any] | None:
    """The scores in the run's report; None if the run was not evaluated."""
    file = run.folder / REPORT
    if not file.exists():
        return None
    report = run_folder.read(file, "recipe", "slots", *SCORES)
    is_same = (
        in_current_spelling(report["recipe"]) == run.recipe.to_json() and report["slots"] == run.model.slot_columns()
    )
    what, must = f"the report {file}", "a report on the model to export"
    checks.require(is_same, what, must, "one on another model", "evaluate the run again")
    return {name: report[name] for name in SCORES}


def _hashes(folder: Path) -> dict[str, str]:
    return {file.name: sha256_of(file) for file in sorted(folder.iterdir())}


def _some_observations(run: Run, data: Dataset | str | Path | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Stored observations to check graphs with, from ``data`` or from the data that the run was trained on.

    None, with a log message, if the run's data are not available.
    """
    if isinstance(data, Dataset):
        return _sample(data, shape)
    if data is not None:
        return _sample(store.load(data), shape)
    try:
        return None if run.data_path is None else _sample(store.load(run.data_path), shape)
    except (OSError, ValueError) as error:
        logger.info("the graphs are checked on random inputs only, because the run's data are not available: %s", error)
        return None


def _sample(data: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """Some observations, spread over time, of the test or validation recording, or of the first recording."""
    what, got = "the shape of observations to check graphs with", data.observation_shape
    checks.require(got == shape, what, f"that of the run, {shape}", got, "pass the data that the run was trained on")
    recordings = {name: split for name, split in data.items() if isinstance(split, Recording)}
    checks.require(len(recordings) > 0, "the data to check graphs with", "with a recording", ", ".join(data))
    first = next(name for name in ("test", "val", *recordings) if name in recordings)
    observations = recordings[first].observations
    rows = np.unique(np.linspace(0, len(observations) - 1, CHECKED_OBSERVATIONS).astype(int))
    return np.array(observations[rows])
