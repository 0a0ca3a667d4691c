"""The doors by which users open files, each with what it must give if it opens: a hash of everything that was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

import trisect
from trisect import recipes
from trisect.commands.recipe_flags import recipe_from_flags
from trisect.data.dataset import Dataset
from trisect.models.weights import weights_hash
from trisect.runs.import_checkpoint import import_checkpoint

CONFIG, IMPORT, CONVERT, LOAD, RUN, EXPORT = "--config", "import", "convert", "load", "load_run", "load_export"


def _load(path: Path) -> str:
    return _of_data(trisect.load(path))


def _convert(path: Path) -> str:
    return _of_data(trisect.convert(path, path.with_name("converted")))


def _run(path: Path) -> str:
    run = trisect.load_run(path)
    assert repr(run) and run.history is not None
    return weights_hash(run.model)


def _export(path: Path) -> str:
    return weights_hash(trisect.load_export(path))


def _import(path: Path) -> str:
    return weights_hash(import_checkpoint(path, path.with_name("imported")).model)


def _config(path: Path) -> str:
    flags = ["--config", str(path), "--data", "data", "--out", "out"]
    recipe, _ = recipe_from_flags("citris-nf", recipes.citris_nf(), flags)
    return str(recipe)


def _of_data(data: Dataset) -> str:
    digest = hashlib.sha256()
    for name, split in data.items():
        digest.update(name.encode())
        for array in (split.observations, split.factors, getattr(split, "targets", None)):
            digest.update(b"-" if array is None else np.ascontiguousarray(array[:]).tobytes())
    return digest.hexdigest()


DOORS: dict[str, Callable[[Path], str]] = {
    LOAD: _load,
    CONVERT: _convert,
    RUN: _run,
    EXPORT: _export,
    IMPORT: _import,
    CONFIG: _config,
}
SAMPLES = {
    LOAD: "data",
    CONVERT: "frames.npz",
    RUN: "run",
    EXPORT: "export",
    IMPORT: "encoder.ckpt",
    CONFIG: "options.yaml",
}
"""Door -> the sample that it opens."""
