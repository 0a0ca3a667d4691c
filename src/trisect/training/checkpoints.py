"""Checkpoints: one file holds everything that is needed to resume a run, as tensors and plain types.

A file appears under its name only when it is complete: it is written under a temporary name, flushed to the disk and
renamed. If the process dies at any moment, the previous checkpoint stays intact. Reading never unpickles objects.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trisect import checks
from trisect.files import replacing

FORMAT = 1
LAST, BEST = "last.ckpt", "best.ckpt"


@dataclass(frozen=True)
class Identity:
    """Identifies a run; a checkpoint of another run is refused.

    Attributes:
        signature: the recipe and the data as one text, composed by the caller.
        seed: the run's seed.
        settings: the settings that decide the result.
    """

    signature: str
    seed: int
    settings: Mapping[str, Any]

    def to_plain(self) -> dict[str, Any]:
        """Plain types, as stored in a checkpoint."""
        return {"signature": self.signature, "seed": self.seed, "settings": dict(self.settings)}


def require_plain(value: object, where: str = "checkpoint") -> None:
    """Raise `TypeError` naming the first value inside that could not be read back.

    Args:
        value: tensors and plain types (numbers, texts, None, lists, tuples, dicts), nested.
        where: the name of ``value`` in the message.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            require_plain(key, f"a key of {where}")
            require_plain(inner, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            require_plain(inner, f"{where}[{index}]")
    elif not isinstance(value, torch.Tensor) and type(value) not in (bool, int, float, str, type(None)):
        raise TypeError(checks.sentence(where, "a tensor or a plain type", type(value).__name__))


def write(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint atomically: ``path`` holds either its former content or all of the new content.

    Args:
        checkpoint: tensors and plain types (numbers, texts, lists, tuples, dicts), nested.
        path: file to write; missing folders are created.

    Raises:
        TypeError: a value inside is neither a tensor nor a plain type.
    """
    require_plain(dict(checkpoint))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        torch.save(dict(checkpoint), temporary)


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint into main memory without executing any code in it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds objects other than tensors and plain types, or has another format.
    """
    what = f"checkpoint {path}"
    if not path.is_file():
        raise FileNotFoundError(checks.sentence(what, "a file", "none", "check the folder, or start a new run"))
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise ValueError(checks.sentence(what, "a complete file of tensors and plain types", reason)) from error
    version = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    checks.require(
        version == FORMAT, f"the format of {what}", str(FORMAT), version, "read it with the version that wrote it"
    )
    return checkpoint


def newest(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The path and content of the checkpoint with the most steps in a folder, or None if there is no checkpoint.

    ``best.ckpt`` may be newer than ``last.ckpt``, because they are written at different steps.
    """
    checkpoints = [(path, read(path)) for path in (folder / BEST, folder / LAST) if path.is_file()]
    return max(checkpoints, key=lambda pair: pair[1]["history"]["step"], default=None)


def require_same_run(checkpoint: Mapping[str, Any], run: Identity, path: Path) -> None:
    """Raise `ValueError` naming the first difference between a checkpoint's run and this one."""
    stored, todo = checkpoint["identity"], "resume with the same value, or choose another folder"
    for name, current in (("signature", run.signature), ("seed", run.seed)):
        what = f"{name} of the run in {path}"
        checks.require(current == stored[name], what, repr(stored[name]), repr(current), todo)
    for name, current in run.settings.items():
        previous, what = stored["settings"].get(name), f"setting '{name}' of the run in {path}"
        checks.require(current == previous, what, repr(previous), repr(current), todo)
