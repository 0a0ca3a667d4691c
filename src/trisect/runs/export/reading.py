"""Reading an exported model from an untrusted folder: everything is checked before it is used, nothing is executed.

model.json describes the model and model.safetensors holds its weights; no other file is opened. The description is
compared with the weights before the model is built.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.models.slot_model import SlotModel
from trisect.models.stored_weights import check_finite, kinds_of, tensors_in
from trisect.runs import plausible
from trisect.runs.export import model_file
from trisect.runs.export.model_file import COPY, WEIGHTS


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
    tensors = tensors_in(content, file, COPY)
    model = plausible.build(described.described(), kinds_of(tensors), file, described.build)
    check_finite(tensors, file)
    what, must = f"the file {file}", "as it was written"
    checks.require(sha256(content).hexdigest() == described.files.get(WEIGHTS), what, must, "other bytes", COPY)
    model.load_state_dict(tensors)
    what, must = f"'slots' in {described.file}", f"those of the weights, {model.slot_columns()}"
    checks.require(described.slots == model.slot_columns(), what, must, checks.quoted(described.slots), COPY)
    return model.eval()


def _read_bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(checks.sentence(f"the weights {file}", "there", "no such file", COPY)) from error
