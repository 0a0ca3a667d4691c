"""Where computations run: a GPU if there is one and the settings let it be used, else the CPU."""

from __future__ import annotations

import torch


def device_of(accelerator: str) -> torch.device:
    """Where batches come to lie: on a GPU if the accelerator's name lets one be used and there is one."""
    return torch.device("cuda" if accelerator in ("auto", "gpu") and torch.cuda.is_available() else "cpu")
