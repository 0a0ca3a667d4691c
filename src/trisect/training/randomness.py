"""Randomness of a run: every draw is a pure function of the run's seed and the number of the step.

No state has to be stored to resume after an interruption, and the draws do not depend on how often a run is validated.
"""

from __future__ import annotations

import numpy as np
import torch

TRAINING, HELD_OUT, AMBIENT = range(3)


def stream_seed(seed: int, stream: int, k: int) -> int:
    """A 63-bit seed for draw number ``k`` of a stream.

    Args:
        seed: the run's seed, at least 0.
        stream: `TRAINING`, `HELD_OUT`, or `AMBIENT` for layers that draw from torch's global generator (dropout).
        k: number of the step or of the held-out batch, at least 0.
    """
    return int(np.random.SeedSequence((seed, stream, k)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed: int, stream: int, k: int, device: torch.device) -> torch.Generator:
    """A fresh generator on ``device`` for draw number ``k`` of a stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, stream, k))


def seed_ambient(seed: int, k: int, device: torch.device) -> None:
    """Seed the global generators that layers on ``device`` draw from (dropout), for step ``k``.

    `torch.manual_seed` is avoided: it keeps a stack trace in memory for every kind of device that is not in use.
    """
    value = stream_seed(seed, AMBIENT, k)
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.manual_seed(value)
