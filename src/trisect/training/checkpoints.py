"""Checkpoints: one file holds everything that a run needs to go on, as tensors and plain types.

A file appears under its name only when it is complete: it is written beside, flushed to the disk and renamed, so that
a process that dies at any moment leaves the former checkpoint whole. Reading never unpickles objects.
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
    """What makes two runs the same run; a checkpoint of another one is refused.

    Attributes:
        signature: the recipe and the data, as one text of the caller's making.
        seed: the run's seed.
        settings: the settings that decide the result.
    """

    signature: str
    seed: int
    settings: Mapping[str, Any]

    def to_plain(self) -> dict[str, Any]:
        """Plain types, as they lie in a checkpoint."""
        return {"signature": self.signature, "seed": self.seed, "settings": dict(self.settings)}


def require_plain(value: object, where: str = "checkpoint") -> None:
    """Raise `TypeError` naming the first thing inside that reading would refuse.

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
    """Write a checkpoint so that ``path`` holds either its former content or all of the new.

    Args:
        checkpoint: tensors and plain types (numbers, texts, lists, tuples, dicts), nested.
        path: where it goes; missing folders are made.

    Raises:
        TypeError: something inside is neither a tensor nor a plain type.
    """
    require_plain(dict(checkpoint))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        torch.save(dict(checkpoint), beside)


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint into main memory without executing anything in it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds objects other than tensors and plain types, or is of another format.
    """
    what = f"checkpoint {path}"
    if not path.is_file():
        raise FileNotFoundError(checks.sentence(what, "a file", "none", "check the folder, or begin a new run"))
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise ValueError(checks.sentence(what, "a complete file of tensors and plain types", reason)) from error
    found = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    checks.require(
        found == FORMAT, f"the format of {what}", str(FORMAT), found, "read it with the version that wrote it"
    )
    return checkpoint


def newest(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The checkpoint with the most steps in a folder and its content, or None if there is none.

    The best one may be newer than the last one: each is written on an occasion of its own.
    """
    found = [(path, read(path)) for path in (folder / BEST, folder / LAST) if path.is_file()]
    return max(found, key=lambda pair: pair[1]["history"]["step"], default=None)


def require_same_run(checkpoint: Mapping[str, Any], run: Identity, path: Path) -> None:
    """Raise `ValueError` naming the first thing in which a checkpoint's run differs from this one."""
    stored, todo = checkpoint["identity"], "resume with the same, or choose another folder"
    for name, mine in (("signature", run.signature), ("seed", run.seed)):
        checks.require(mine == stored[name], f"{name} of the run in {path}", repr(stored[name]), repr(mine), todo)
    for name, mine in run.settings.items():
        theirs = stored["settings"].get(name)
        checks.require(mine == theirs, f"setting '{name}' of the run in {path}", repr(theirs), repr(mine), todo)
