"""Reading an exported model from an untrusted folder: everything is checked before it is used, nothing is executed.

model.json describes the model and model.safetensors holds its weights; no other file is opened. The model is built
twice: first without memory, to compare names, types and sizes with the file's, and only then with memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from trisect import checks
from trisect.models.slot_model import SlotModel
from trisect.runs.export import model_file
from trisect.runs.export.model_file import COPY, WEIGHTS, ModelFile

LOGITS = "_assignment.logits"


def load_export(folder: str | Path) -> SlotModel[Any]:
    """Load a model that `export` wrote, in evaluation mode. No code of the folder is executed; it need not be trusted.

    Args:
        folder: folder of the exported model; only ``model.json`` and ``model.safetensors`` are read.

    Raises:
        FileNotFoundError: the folder holds no exported model.
        ValueError: a file is damaged or incomplete or has another format version, or the weights do not belong to the
            model that ``model.json`` describes.
    """
    folder = checks.path(folder, "the folder of an exported model", "pass the folder that export made")
    described, file = model_file.read(folder), folder / WEIGHTS
    content = _read_bytes(file)
    tensors = _tensors(content, file)
    _check_plausible(described, tensors, file)
    _check_tensors(tensors, _skeleton(described), file)
    what, must = f"the file {file}", "as it was written"
    checks.require(sha256(content).hexdigest() == described.files.get(WEIGHTS), what, must, "other bytes", COPY)
    model = described.build()
    model.load_state_dict(tensors)
    what, must = f"'slots' in {described.file}", f"those of the weights, {model.slot_columns()}"
    checks.require(described.slots == model.slot_columns(), what, must, described.slots, COPY)
    return model.eval()


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(checks.sentence(f"the weights {file}", "there", "no such file", COPY)) from error


def _tensors(content: bytes, file: Path) -> dict[str, Tensor]:
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(checks.sentence(f"the file {file}", "a whole safetensors file", str(error), COPY)) from error


def _check_plausible(described: ModelFile, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Refuse a description of a model far larger than the file of weights, before anything is built."""
    logits = tuple(tensors[LOGITS].shape) if LOGITS in tensors else None
    expected = (described.num_latents, len(described.targeted) + 1)
    checks.require(
        logits == expected, f"the shape of '{LOGITS}' in {file}", str(expected), logits or "no such tensor", COPY
    )
    what, must = f"the number of parts in {described.file}", f"at most that of tensors, {len(tensors)}"
    checks.require(described.largest_count <= len(tensors), what, must, described.largest_count, COPY)
    what, size = f"the size of observations in {described.file}", described.observation_size
    fits = size <= sum(tensor.numel() for tensor in tensors.values())
    checks.require(fits, what, "at most the number of weights", size, COPY)


def _skeleton(described: ModelFile) -> dict[str, Tensor]:
    """Names, types and sizes of the tensors of the described model."""
    try:
        with torch.device("meta"):
            return described.build().state_dict()
    except (RuntimeError, OverflowError, MemoryError, TypeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(checks.sentence(f"the model in {described.file}", "valid", first, COPY)) from error


def _check_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], file: Path) -> None:
    """Refuse tensors that are missing or additional, have another type or size, or are not finite."""
    for one, two, prefix in ((expected, tensors, "no"), (tensors, expected, "another,")):
        names = sorted(name for name in one if name not in two)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        got = f"{prefix} '{(names or [''])[0]}'{more}"
        checks.require(not names, f"the tensors in {file}", "those of the model", got, COPY)
    for name, tensor in sorted(tensors.items()):
        must, got = _kind(expected[name]), _kind(tensor)
        checks.require(got == must, f"the tensor '{name}' in {file}", must, got, COPY)
    check_finite(tensors, file)


def check_finite(tensors: Mapping[str, Tensor], whose: Path) -> None:
    """Raise `ValueError` for weights that are not finite."""
    for name, tensor in sorted(tensors.items()):
        is_finite = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
        todo = "train and export the model again"
        checks.require(is_finite, f"the tensor '{name}' in {whose}", "finite", "NaN or infinity", todo)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"
