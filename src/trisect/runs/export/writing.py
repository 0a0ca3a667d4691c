"""Exporting a trained model: a folder for others, which holds the model and what is known of it, and nothing else.

model.json           see `trisect.runs.export.model_file`
model.safetensors    all weights
encode.onnx, decode.onnx   where asked for, see `trisect.runs.export.onnx_graphs`
"""

from __future__ import annotations

import copy
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.recording import Recording
from trisect.files import sha256_of, write_atomically
from trisect.models.weights import save_weights
from trisect.runs import run_folder
from trisect.runs.export import model_file, onnx_graphs
from trisect.runs.export.model_file import EXPORTED, WEIGHTS
from trisect.runs.export.reading import check_finite
from trisect.runs.run import Run, load_run
from trisect.runs.run_folder import FINISHED, RUN

logger = logging.getLogger("trisect")

REPORT = "report.json"
SCORES = ("probe", "verdicts", "r2", "spearman", "chance", "baselines", "label_free", "triplets", "graph", "warnings")
"""What of a report goes with the model."""
CHECKED_OBSERVATIONS = 64


def export(
    run: Run | str | Path, out: str | Path, *, onnx: bool = False, data: Dataset | str | Path | None = None
) -> dict[str, Any]:
    """Write the model of a finished run into a folder for others, which holds weights and JSON alone.

    The folder appears whole or not at all: ``model.safetensors``; ``model.json``, which says how the model is built,
    what it takes, what its latents mean, and the scores if the run was evaluated; with ``onnx`` also ``encode.onnx``
    (observations to latents and to the latents of each slot) and ``decode.onnx`` (latents to observations), for any
    number of observations at once: frames (N, channels, height, width) float32 in [-1, 1], or vectors (N, D). Read it
    with `load_export`.

    Args:
        run: a run, or its folder.
        out: the folder to make.
        onnx: write the graphs too, and check that they answer as the model does; needs ``trisect[onnx]``.
        data: observations to check graphs on beside random inputs; by default the data of the run, if they are there.

    Returns:
        The content of ``model.json``; with ``onnx`` its ``onnx.largest_difference`` is that between graphs and model.

    Raises:
        FileNotFoundError: no run is there, or it is not finished.
        FileExistsError: ``out`` is there.
        ValueError: the run has an external encoder, weights are not finite, the report is another model's, or a graph
            differs from the model by more than 1e-4 of the largest value.
        ImportError: ``onnx`` without the packages that it needs.
    """
    what, todo = "the data to check graphs on", "pass onnx=True (--onnx), or no data"
    checks.require(onnx or data is None, what, "beside onnx=True", "data alone", todo)
    if onnx:
        onnx_graphs.require_packages()
    source = run.folder if isinstance(run, Run) else Path(run)
    described, finished = _read(source)
    run = run if isinstance(run, Run) else load_run(source)
    model = copy.deepcopy(run.model).cpu().eval()
    check_finite(model.state_dict(), source)
    description = model_file.describe(model, run.recipe.to_json(), described["data"], finished)
    description |= {"scores": _scores(run)}
    shape = tuple(described["data"]["shape"])
    with appears_whole(Path(out)) as folder:
        save_weights(model, folder / WEIGHTS)
        observations = _some_observations(run, data, shape) if onnx else None
        graphs = onnx_graphs.write_graphs(model, folder, observations) if onnx else None
        description |= {"files": _hashes(folder), "onnx": graphs}
        write_atomically(folder / EXPORTED, json.dumps(description, indent=2, allow_nan=False) + "\n")
    return description


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What run.json and finished.json say of a run that can be exported."""
    run_folder.require_finished(folder)
    described = run_folder.read(folder / RUN, "recipe", "data")
    todo = "hand on the run folder and the encoder, or train on its embeddings (trisect.from_arrays) and export that"
    what, got = f"the model of the run in {folder}", "one around an encoder of your own, whose code no file can hold"
    checks.require("encoder" not in described, what, "all our own to be exported", got, todo)
    return described, run_folder.read(folder / FINISHED, "cost", "history")


def _scores(run: Run) -> dict[str, Any] | None:
    """The scores in the run's report; None where it was not evaluated."""
    file = run.folder / REPORT
    if not file.exists():
        return None
    report = run_folder.read(file, "recipe", "slots", *SCORES)
    same = report["recipe"] == run.recipe.to_json() and report["slots"] == run.model.slot_columns()
    checks.require(same, f"the report {file}", "of the model to export", "another one's", "evaluate the run again")
    return {name: report[name] for name in SCORES}


@contextmanager
def appears_whole(out: Path) -> Iterator[Path]:
    """A folder to fill, which is renamed to ``out`` at the end; nothing is left of it if anything goes wrong.

    Raises:
        FileExistsError: there is something called ``out``.
    """
    out = out.resolve()
    _require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        folder.chmod(0o755)
        yield folder
        _require_new(out)
        os.rename(folder, out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _require_new(out: Path) -> None:
    if out.exists():
        raise FileExistsError(checks.sentence("the folder to export to", "new", f"{out}", "choose another one"))


def _hashes(folder: Path) -> dict[str, str]:
    return {file.name: sha256_of(file) for file in sorted(folder.iterdir())}


def _some_observations(run: Run, data: Dataset | str | Path | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Observations at rest to check graphs with, of the data given or of those the run was trained on.

    None, with a word about it, where the run's data are not at hand.
    """
    if isinstance(data, Dataset):
        return _chosen(data, shape)
    if data is not None:
        return _chosen(store.load(data), shape)
    try:
        return None if run.data_path is None else _chosen(store.load(run.data_path), shape)
    except (OSError, ValueError) as error:
        logger.info("graphs are checked without the run's data: %s", error)
        return None


def _chosen(data: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    """Some observations of the first recording of data that were not trained on, else of any, spread over time."""
    what, got = "the shape of observations to check graphs with", data.observation_shape
    checks.require(got == shape, what, f"that of the run, {shape}", got, "pass the data that the run was trained on")
    recordings = {name: split for name, split in data.items() if isinstance(split, Recording)}
    checks.require(len(recordings) > 0, "the data to check graphs with", "with a recording", ", ".join(data))
    first = next(name for name in ("test", "val", *recordings) if name in recordings)
    observations = recordings[first].observations
    rows = np.unique(np.linspace(0, len(observations) - 1, CHECKED_OBSERVATIONS).astype(int))
    return np.array(observations[rows])
