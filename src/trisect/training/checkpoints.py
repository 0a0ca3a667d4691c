"""Checkpoints: one file holds everything that is needed to resume a run, as tensors and plain types.

A file appears under its name only when it is complete: it is written under a temporary name, flushed to the disk and
renamed. If the process dies at any moment, the previous checkpoint stays intact. A file ends in its own SHA-256, as the
comment of the zip archive that it is, so that a changed byte is noticed. Reading never unpickles objects.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from trisect import checks
from trisect.files import BLOCK_BYTES, brief, reading, remove_leftovers, replacing

logger = logging.getLogger("trisect")

FORMAT = 2
LAST, BEST = "last.ckpt", "best.ckpt"
AGAIN = "copy it again, or start a new run"
_PREFIX, _HEX = b"sha256:", 64
_SEAL_BYTES = len(_PREFIX) + _HEX
_END, _END_BYTES = b"PK\x05\x06", 22
"""How the last record of a zip archive begins, and its length without the comment."""


class DamagedCheckpointError(ValueError):
    """A checkpoint is not as it was written."""


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
        seal(temporary)


def seal(path: Path) -> None:
    """Append the file's SHA-256 as the comment of the zip archive."""
    with path.open("r+b") as file:
        file.seek(-2, 2)
        file.write(_SEAL_BYTES.to_bytes(2, "little"))  # the length of the comment, which is part of what is hashed
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.write(_PREFIX + digest.encode())


def is_sealed(path: Path) -> bool:
    """Whether a file ends in a SHA-256, or did before its end was damaged: the archive announces a comment as long."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _SEAL_BYTES - _END_BYTES))
        end = file.read()
    return end.startswith(_END) or end[-_SEAL_BYTES:].startswith(_PREFIX)


def is_intact(path: Path) -> bool:
    """Whether a checkpoint has the SHA-256 that it was written with."""
    digest, rest = hashlib.sha256(), path.stat().st_size - _SEAL_BYTES
    with path.open("rb") as file:
        while rest > 0 and (block := file.read(min(BLOCK_BYTES, rest))):
            digest.update(block)
            rest -= len(block)
        return file.read() == _PREFIX + digest.hexdigest().encode()


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint into main memory without executing any code in it.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedCheckpointError: the file has changed since it was written, or holds other things than tensors and plain
            types; a kind of `ValueError`.
        ValueError: the file has another format.
    """
    what = f"checkpoint {path}"
    if not path.is_file():
        raise FileNotFoundError(checks.sentence(what, "a file", "none", "check the folder, or start a new run"))
    with reading(path, AGAIN):
        if not is_intact(path):
            raise DamagedCheckpointError(checks.sentence(what, "as it was written", "other bytes, or fewer", AGAIN))
        checkpoint = _loaded(path, what)
    version = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    todo = "read it with the version that wrote it"
    checks.require(version == FORMAT, f"the format of {what}", str(FORMAT), brief(version), todo)
    return checkpoint


def _loaded(path: Path, what: str) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        message = checks.sentence(what, "a complete file of tensors and plain types", brief(error), AGAIN)
        raise DamagedCheckpointError(message) from error


def tidy(folder: Path) -> None:
    """Remove checkpoints that were being written by processes that have been killed."""
    for name in (LAST, BEST):
        remove_leftovers(folder / name)


def newest(folder: Path, *, needs_best: bool = False) -> tuple[Path, dict[str, Any]] | None:
    """The path and content of the undamaged checkpoint with the most steps in a folder.

    ``best.ckpt`` may be newer than ``last.ckpt``, because they are written at different steps. A damaged one is left
    out with a warning, as its steps can be done again.

    Args:
        folder: folder of the checkpoints.
        needs_best: whether ``best.ckpt`` is needed later on; if it is damaged, its weights must be trained again.

    Returns:
        None if there is no checkpoint, or none from which the run would end as without the damage.
    """
    whole = {path.name: read for path in (folder / BEST, folder / LAST) if (read := _read_if_whole(path)) is not None}
    if not whole:
        return None
    name = max(whole, key=lambda each: _step(whole[each]))
    best_step = int(whole[name]["history"]["best_step"])
    if needs_best and BEST not in whole and best_step > 0:
        if best_step != _step(whole[name]):
            logger.warning("%s held the weights to keep, of step %d; training starts again", folder / BEST, best_step)
            return None
        with replacing(folder / BEST) as beside:
            shutil.copyfile(folder / name, beside)
    return folder / name, whole[name]


def _read_if_whole(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return read(path)
    except DamagedCheckpointError as error:
        logger.warning("%s; it is not used", error)
        return None


def _step(checkpoint: Mapping[str, Any]) -> int:
    return int(checkpoint["history"]["step"])


def require_same_run(checkpoint: Mapping[str, Any], run: Identity, path: Path) -> None:
    """Raise `ValueError` naming the first difference between a checkpoint's run and this one."""
    stored, todo = checkpoint["identity"], "resume with the same value, or choose another folder"
    for name, current in (("signature", run.signature), ("seed", run.seed)):
        what = f"{name} of the run in {path}"
        checks.require(current == stored[name], what, repr(stored[name]), repr(current), todo)
    for name, current in run.settings.items():
        previous, what = stored["settings"].get(name), f"setting '{name}' of the run in {path}"
        checks.require(current == previous, what, repr(previous), repr(current), todo)
