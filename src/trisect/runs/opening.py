"""Opening a run, and the data set that a verb uses it on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset, training_splits
from trisect.data.fingerprint import data_hash
from trisect.runs.external_encoder import ExternalFunctions
from trisect.runs.run import Run, load_run


def opened_run(run: Run | str | Path, external: Mapping[str, Any], verb: str) -> Run:
    """The run itself, or the run in a folder.

    Args:
        run: a run, or its folder.
        external: the ``encoder`` and ``decoder`` that the run in a folder was trained with, if any.
        verb: the function that the options were passed to, for messages.

    Raises:
        ValueError: an option has another name, or there are options although the run is loaded.
        FileNotFoundError: the folder holds no finished run.
    """
    for name in external:
        checks.one_of(name, tuple(ExternalFunctions.__annotations__), f"an option of {verb} for a run")
    if not isinstance(run, Run):
        return load_run(str(run), **external)
    if external:
        names = ", ".join(f"{name}=" for name in external)
        checks.refuse(f"{names} cannot be used with a loaded run, which has its encoder already")
    return run


def data_for(run: Run, data: Dataset | str | Path | None, stacklevel: int) -> Dataset:
    """The data set itself, the one in a folder, or by default the one that the run was trained on.

    Args:
        run: a finished run.
        data: a data set, its folder, or None.
        stacklevel: where a warning points to, as in `warnings.warn`; 2 is the caller.

    Raises:
        ValueError: the run was trained in memory and there are no data, or they lack a variable of the run.
        FileNotFoundError: the folder holds no data set.

    Warns:
        UserWarning: the data of the run have changed since it was trained on them.
    """
    dataset = data if isinstance(data, Dataset) else _loaded(run, data, stacklevel + 1)
    missing = [name for name in run.model.variables if name not in dataset.variables.names]
    what, must = "the variables of the data", f"at least those of the run, {', '.join(run.model.variables)}"
    checks.require(not missing, what, must, f"no {', '.join(missing)}")
    return dataset


def _loaded(run: Run, data: str | Path | None, stacklevel: int) -> Dataset:
    path = data if data is not None else run.data_path
    todo = "pass the data set as data=... (--data FOLDER; trisect.data.save(data, folder) writes one)"
    checks.require(path is not None, "the data of a run trained in memory", "a data set", "None", todo)
    dataset = store.load(Path(str(path)))
    if data is None and data_hash(list(training_splits(dataset))) != run.data_hash:
        message = f"the data in {path} have changed since {run.folder} was trained on them"
        warnings.warn(message, stacklevel=stacklevel)
    return dataset
