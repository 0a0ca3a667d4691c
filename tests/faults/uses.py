"""Using what a verb made as a user would: each function returns a digest of everything it got, or the refusal.

They run in processes of their own. A refusal is one sentence of an expected kind of error; every other error passes,
and ends the process with a traceback, which is a fault.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

TABLE = "latents.csv"
REFUSALS = (ValueError, FileNotFoundError, FileExistsError, PermissionError)


def _use(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    @wraps(function)
    def wrapper(*arguments: str) -> dict[str, Any]:
        logging.disable(logging.CRITICAL)
        try:
            return {"value": _digest(function(*arguments))}
        except REFUSALS as error:
            return {"refusal": str(error), "kind": type(error).__name__}

    return wrapper


def _digest(values: dict[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(values.items()):
        value = np.asarray(value)
        digest.update(f"{name} {value.dtype} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


@_use
def data(folder: str) -> dict[str, Any]:
    """Load a data set and read everything."""
    import trisect
    from trisect.data.recording import Recording

    dataset, values = trisect.load(folder), {}
    for name, split in dataset.items():
        arrays = ("targets", "factors", "actions", "episode_starts") if isinstance(split, Recording) else ()
        for array in (*arrays, *(() if arrays else ("from_second", "factors"))):
            value = getattr(split, array)
            values[f"{name}/{array}"] = np.zeros(0) if value is None else value
        values[f"{name}/observations"] = np.stack([split.observations[row] for row in range(len(split.observations))])
    return {**values, "source": np.array(json.dumps([dataset.source, dataset.variables.to_json()], sort_keys=True))}


@_use
def run(folder: str, data: str) -> dict[str, Any]:
    """Load a run and encode."""
    import trisect

    loaded = trisect.load_run(folder)
    observations = _some(data)
    facts = [loaded.recipe.to_json(), loaded.data_hash, str(loaded.data_path), _without_costs(loaded.history)]
    return {"latents": loaded.model.encode(observations), "facts": np.array(json.dumps(facts, sort_keys=True))}


@_use
def causal_encoder(folder: str, data: str) -> dict[str, Any]:
    """Load a causal encoder and predict."""
    from trisect.frames import as_input
    from trisect.runs.causal_encoder import load_causal_encoder

    loaded = load_causal_encoder(folder)
    predicted = loaded.model.predict(as_input(_some(data)))
    return {"predicted": predicted, "distances": np.array(list(loaded.distances.values()))}


@_use
def export(folder: str, data: str) -> dict[str, Any]:
    """Load an exported model and encode."""
    import trisect

    model = trisect.load_export(folder)
    return {"latents": model.encode(_some(data)), "slots": np.array(json.dumps(model.slot_columns()))}


@_use
def table(folder: str) -> dict[str, Any]:
    """Read a table of latents."""
    return {"table": np.array((Path(folder) / TABLE).read_text(encoding="utf-8"))}


@_use
def pretrained(folder: str, data: str) -> dict[str, Any]:
    """Load a copy of a shipped model and encode frames made from a seed."""
    import trisect

    del data
    model = trisect.load_export(folder)
    frames = np.random.default_rng(0).integers(0, 255, (2, 32, 32, 4), dtype=np.uint8)
    return {"latents": model.encode(frames)}


def report(folder: str) -> dict[str, Any]:
    """The report of a run, apart from costs and times; a refusal if there is none."""
    file = Path(folder) / "report.json"
    if not file.exists():
        return {"refusal": "there is no report"}
    return {"value": content(file)}


def verify(folder: str) -> dict[str, Any]:
    """The damaged and the unchecked files of a folder."""
    import trisect

    found = trisect.verify(folder)
    return {"damaged": dict(found.damaged), "unchecked": list(found.unchecked)}


def kept(folder: str) -> dict[str, Any]:
    """File -> its content as a digest, of a folder that a verb made, apart from costs.

    The last checkpoint is left out: a run that continues from the best one at the same step does not write it again.
    """
    base = Path(folder)
    files = (file for file in sorted(base.rglob("*")) if file.is_file() and file.name != "last.ckpt")
    return {str(file.relative_to(base)): content(file) for file in files}


def content(file: Path) -> str:
    """Digest of a file's content, apart from costs and times."""
    if file.suffix == ".ckpt":
        import torch

        checkpoint = torch.load(file, weights_only=True, map_location="cpu")
        module = {name: value.numpy() for name, value in checkpoint["module"].items()}
        history = json.dumps(_without_costs(checkpoint["history"]), sort_keys=True)
        return _digest({**module, "history": np.array(history)})
    if file.suffix == ".json":
        stored = json.loads(file.read_text())
        stored.pop("sha256", None)
        return json.dumps(_without_costs(stored), sort_keys=True)
    return "a page" if file.suffix == ".html" else hashlib.sha256(file.read_bytes()).hexdigest()


COSTS = ("cost", "cpu_seconds", "wall_seconds", "peak_memory_mb", "evaluation_cpu_seconds", "date", "command", "files")


def _without_costs(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_costs(inner) for key, inner in value.items() if key not in COSTS}
    return [_without_costs(inner) for inner in value] if isinstance(value, list | tuple) else value


def _some(data: str) -> np.ndarray:
    import trisect

    return np.array(trisect.load(data)["test"].observations[:4])
