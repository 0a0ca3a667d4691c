"""The folder of a run: what run.json says, and whether a folder may hold a run.

run.json             the recipe and what the run knows of its data; written first
autoencoder/, flow/, vae/   checkpoints and logs of the stages
latents/             cached latents
autoencoder.safetensors, model.safetensors   weights of the finished stages
autoencoder.json     how the autoencoder trained
encoder_sample.safetensors                   what an encoder of the user's own is known again by
finished.json        cost and history; written last: a folder without it is not a finished run
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data.dataset import Dataset
from trisect.data.fingerprint import data_hash as data_hash_of
from trisect.data.recording import Recording
from trisect.files import write_atomically
from trisect.methods.recipe import Recipe
from trisect.runs.export.model_file import EXPORTED

RUN, FINISHED = "run.json", "finished.json"
MODEL = "model.safetensors"


def describe(
    recipe: Recipe,
    path: Path | None,
    data: Dataset,
    recordings: tuple[Recording, Recording],
    replaced: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """What run.json holds, in plain types.

    Args:
        recipe: of the run.
        path: of the data set, None for data in memory.
        data: the data set.
        recordings: the training and validation recording.
        replaced: what the run does not train itself, ``encoder`` or ``autoencoder``, and its description; a resumed run
            ignores where its ``data`` lie.
    """
    data_hash = data_hash_of(list(recordings))
    known_by = [{key: value for key, value in said.items() if key != "data"} for said in replaced.values()]
    signature = json.dumps([recipe.decisive(), data_hash, *known_by], sort_keys=True)
    return {
        "recipe": recipe.to_json(),
        "data": {
            "path": None if path is None else str(path),
            "hash": data_hash,
            "shape": list(recordings[0].observations.shape[1:]),
            "targeted": list(data.targeted),
            "variables": data.variables.to_json(),
        },
        **replaced,
        "signature": signature,
    }


def require_finished(folder: Path) -> None:
    """FileNotFoundError, with what to do, unless the folder holds a finished run."""
    is_exported = (folder / EXPORTED).exists() and not (folder / RUN).exists()
    begin = "read an exported model with trisect.load_export" if is_exported else "train one with trisect train"
    for name, todo in ((RUN, begin), (FINISHED, "go on with trisect train ... --resume")):
        if not (folder / name).exists():
            sentence = checks.sentence(f"the folder {folder}", "a finished run", f"no {name} in it", todo)
            raise FileNotFoundError(sentence)


def read(file: Path, *keys: str) -> dict[str, Any]:
    """A JSON object that has these keys, or one sentence."""
    try:
        stored = json.loads(file.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(checks.sentence(f"the file {file}", "JSON", str(error), "train the run again")) from error
    has_all = isinstance(stored, dict) and all(key in stored for key in keys)
    checks.require(has_all, f"the file {file}", f"an object with {', '.join(keys)}", "something else")
    return dict(stored)


def open_folder(folder: Path, description: dict[str, Any], *, resume: bool) -> None:
    """Make the folder of a new run, or see that it holds this very run."""
    file = folder / RUN
    if file.exists():
        what = f"the folder {folder}"
        todo = "pass resume=True (--resume) to go on with it, or choose another folder"
        checks.require(resume, what, "without a run", f"one with {RUN}", todo)
        stored = read(file, "recipe", "data", "signature")
        changed = _first_difference(stored, description)
        checks.require(not changed, what, "a run of the same recipe and data", changed, "choose another folder")
        if not (folder / FINISHED).exists():
            write_atomically(file, json.dumps(description, indent=2) + "\n")
        return
    empty = not folder.exists() or not any(folder.iterdir())
    checks.require(empty, f"the folder {folder}", "empty or new", "one with other files", "choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(description, indent=2) + "\n")


def _first_difference(stored: dict[str, Any], given: dict[str, Any]) -> str:
    if stored["signature"] == given["signature"]:
        return ""
    if stored["data"]["hash"] != given["data"]["hash"]:
        return "other data"
    if stored.get("encoder") != given.get("encoder"):
        return "another encoder or decoder"
    if _fingerprint(stored) != _fingerprint(given):
        return "another run's autoencoder, or none"
    for key, value in given["recipe"].items():
        if stored["recipe"].get(key) != value:
            return f"'{key}': {stored['recipe'].get(key)} before, {value} now"
    return "another recipe"


def _fingerprint(description: dict[str, Any]) -> str | None:
    """Of the autoencoder of another run, if there is one."""
    return dict(description.get("autoencoder", {})).get("fingerprint")
