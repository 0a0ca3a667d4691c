"""The folder of a run: the content of run.json, and the checks before a folder is used for a run.

run.json             the recipe and facts about the data; written first
autoencoder/, flow/, vae/   checkpoints and logs of the stages
latents/             cached latents
autoencoder.safetensors, model.safetensors   weights of the finished stages
autoencoder.json     settings and training record of the autoencoder
slots.safetensors, slots.json                slot functions that reduce a wide code, and their sizes
encoder_sample.safetensors                   observations and latents by which an external encoder is recognised
finished.json        cost and history; written last: a run is finished if this file exists
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
from trisect.files import brief, reading
from trisect.locks import LOCK
from trisect.methods.recipe import Recipe
from trisect.methods.table import in_current_spelling
from trisect.runs.export.model_file import EXPORTED
from trisect.sealed import read_json, write_json
from trisect.settings import flat
from trisect.training.settings import FREE_ON_RESUME

RUN, FINISHED = "run.json", "finished.json"
MODEL = "model.safetensors"
MOST_CHANGES = 3
"""Largest number of changed settings that a message lists."""


def describe(
    recipe: Recipe,
    path: Path | None,
    data: Dataset,
    recordings: tuple[Recording, Recording],
    replaced: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The content of run.json, in plain types.

    Args:
        recipe: recipe of the run.
        path: folder of the data set, None for data in memory.
        data: the data set.
        recordings: the training and validation recording.
        replaced: an ``encoder`` or ``autoencoder`` that the run does not train, with its description; the ``data`` in
            the description may change when the run is resumed.
    """
    data_hash = data_hash_of(list(recordings))
    identities = [{key: value for key, value in facts.items() if key != "data"} for facts in replaced.values()]
    signature = json.dumps([recipe.decisive(), data_hash, *identities], sort_keys=True)
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
    """Raise `FileNotFoundError`, with what to do, unless the folder holds a finished run."""
    is_exported = (folder / EXPORTED).exists() and not (folder / RUN).exists()
    start = "read an exported model with trisect.load_export" if is_exported else "train one with trisect train"
    for name, todo in ((RUN, start), (FINISHED, "continue with trisect train ... --resume")):
        if not (folder / name).exists():
            got = "a file" if folder.is_file() else f"no {name} in it"
            sentence = checks.sentence(f"the folder {folder}", "a finished run", got, todo)
            raise FileNotFoundError(sentence)


def read(file: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object with these keys, see `trisect.sealed.read_json`."""
    return read_json(file, *keys, todo="copy the folder again, or train the run again")


def open_folder(folder: Path, description: dict[str, Any], *, resume: bool) -> None:
    """Make the folder of a new run, or check that it holds the run of this description."""
    file = folder / RUN
    if file.exists():
        what = f"the folder {folder}"
        todo = "pass resume=True (--resume) to continue it, or choose another folder"
        checks.require(resume, what, "without a run", f"one with {RUN}", todo)
        stored = read(file, "recipe", "data", "signature")
        with reading(file):
            changed = _first_difference(stored, description, is_finished=(folder / FINISHED).exists())
        checks.require(not changed, what, "a run of the same recipe and data", changed, "choose another folder")
        if not (folder / FINISHED).exists():
            write_json(file, description, indent=2)
        return
    require_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(file, description, indent=2)


def require_free(folder: Path) -> None:
    """Raise `ValueError` if a folder without a run holds other files than those of a start that was interrupted."""
    others = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    foreign = sorted(name for name in others if not name.startswith((LOCK, f".{RUN}.")))
    got = f"one with other files, such as {brief(foreign[0])}" if foreign else ""
    checks.require(not foreign, f"the folder {folder}", "empty or new", got, "choose another folder")


def _first_difference(stored: dict[str, Any], description: dict[str, Any], *, is_finished: bool) -> str:
    """What differs, or nothing; a finished run may be of an earlier version, whose checkpoints this one cannot use."""
    if stored["signature"] == description["signature"]:
        return ""
    if stored["data"]["hash"] != description["data"]["hash"]:
        return "other data"
    if stored.get("encoder") != description.get("encoder"):
        return "another encoder or decoder"
    if _fingerprint(stored) != _fingerprint(description):
        return "another reused autoencoder, or none"
    changed = _changed_settings(in_current_spelling(stored["recipe"]), description["recipe"])
    if changed:
        return "; ".join(changed[:MOST_CHANGES]) + ("; and others" if len(changed) > MOST_CHANGES else "")
    return "" if is_finished else "an unfinished run of an earlier version"


def _changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The settings that affect the weights and differ, as ``'NAME': VALUE before, VALUE now``."""
    if before["method"] != now["method"]:
        return [f"{before['method']} before, {now['method']} now"]
    was, pairs = flat(before), flat(now).items()
    names = [name for name, value in pairs if was.get(name) != value and name.split(".")[-1] not in FREE_ON_RESUME]
    return [f"'{name}': {was.get(name)} before, {flat(now)[name]} now" for name in names]


def _fingerprint(description: dict[str, Any]) -> str | None:
    """The fingerprint of a reused autoencoder, if there is one."""
    return dict(description.get("autoencoder", {})).get("fingerprint")
