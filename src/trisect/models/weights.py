"""Tensors in safetensors files that carry their own SHA-256, and the weights of modules as such files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from trisect import checks
from trisect.files import reading, write_atomically
from trisect.models.stored_weights import check_finite, check_kinds, kinds_of, tensors_in

DIGEST = "sha256"
AGAIN = "copy it again, or train again"


class DamagedTensorsError(ValueError):
    """A file of tensors is not as it was written."""


def weights_hash(module: nn.Module) -> str:
    """SHA-256 of a module's state, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name as safetensors, with their SHA-256; the file appears complete or not at all.

    safetensors' own ``save_file`` writes to a temporary file with a name of its own, which a killed process leaves
    behind and nobody removes.
    """
    own = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    write_atomically(path, save(own, metadata={DIGEST: tensors_hash(own)}))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors by name from a safetensors file, and check their SHA-256 if the file has one.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedTensorsError: the file is damaged or has changed since it was written; a kind of `ValueError`.
    """
    what = f"the weights {path}"
    try:
        with reading(path, AGAIN):
            content = path.read_bytes()
            tensors, metadata = tensors_in(content, path, AGAIN), _metadata(content)
    except FileNotFoundError as error:
        raise FileNotFoundError(checks.sentence(what, "there", "no such file")) from error
    except ValueError as error:
        raise DamagedTensorsError(str(error)) from error
    if metadata and metadata.get(DIGEST) != tensors_hash(tensors):
        raise DamagedTensorsError(checks.sentence(what, "as they were written", "other bytes", AGAIN))
    return tensors


def has_digest(path: Path) -> bool:
    """Whether a file carries its SHA-256; raises as `load_tensors` if its content is another one."""
    load_tensors(path)
    return bool(_metadata(path.read_bytes()))


def tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _metadata(content: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file that was read before."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return dict(header.get("__metadata__", {}))


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's state as safetensors, see `save_tensors`."""
    save_tensors(module.state_dict(), path)


def load_weights(module: nn.Module, path: Path) -> None:
    """Load weights that `save_weights` wrote into a module with the same names and shapes.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedTensorsError: the file is damaged; a kind of `ValueError`.
        ValueError: names, types or shapes differ from the module's; or a value is not finite.
    """
    tensors = load_tensors(path)
    check_kinds(kinds_of(tensors), kinds_of(module.state_dict()), path, what="the weights")
    check_finite(tensors, path)
    module.load_state_dict(tensors)
