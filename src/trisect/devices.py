"""Where computations run: on a GPU if there is one and the settings allow it, else on the CPU."""

from __future__ import annotations

import torch


def device_of(accelerator: str) -> torch.device:
    """The device for batches: a GPU if there is one and ``accelerator`` is "auto" or "gpu", else the CPU."""
    return torch.device("cuda" if accelerator in ("auto", "gpu") and torch.cuda.is_available() else "cpu")


def is_available(accelerator: str) -> bool:
    """True unless the accelerator is "gpu" or "mps" and PyTorch finds no such device on this machine."""
    has_mps = torch.backends.mps.is_available()
    available = {"gpu": torch.cuda.is_available() or has_mps, "mps": has_mps}
    return available.get(accelerator, True)
