"""The weights of a module as a safetensors file, and their hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from trisect import checks
from trisect.files import replacing


def weights_hash(module: nn.Module) -> str:
    """SHA-256 of a module's state, in hexadecimal."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def save_weights(module: nn.Module, path: Path) -> None:
    """Write a module's state as safetensors; the file appears complete or not at all."""
    with replacing(path) as beside:
        save_file({name: value.contiguous().clone() for name, value in module.state_dict().items()}, beside)


def load_weights(module: nn.Module, path: Path) -> None:
    """Load weights that `save_weights` wrote into a module with the same names and shapes.

    Raises:
        FileNotFoundError: there is no such file.
        PermissionError: you may not read the file.
        ValueError: the file is damaged, or its names or shapes differ from the module's.
    """
    try:
        module.load_state_dict(load_file(path))
    except FileNotFoundError as error:
        if path.exists():  # the library says so of files that may not be read, too
            message = checks.sentence(f"the weights {path}", "readable", "no permission", "change its permissions")
            raise PermissionError(message) from error
        raise FileNotFoundError(checks.sentence(f"the weights {path}", "there", "no such file")) from error
    except (RuntimeError, KeyError, SafetensorError) as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise ValueError(checks.sentence(f"the weights in {path}", "those of this recipe's model", first)) from error
