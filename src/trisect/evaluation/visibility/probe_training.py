"""How the networks that read targets are trained: AdamW on random batches, with a rate that rises and falls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trisect import checks
from trisect.evaluation import progress

LossOf = Callable[[Tensor], Tensor]
"""Numbers of the rows of a batch -> the loss."""


@dataclass(frozen=True)
class ProbeTraining:
    """How a network that reads targets is trained.

    Attributes:
        num_steps: largest number of optimiser steps, at least 1.
        batch_size: rows per step, at least 2.
        passes: largest number of passes over the training rows, above 0: with few rows, more would be learned by heart.
        learning_rate: largest rate, above 0; it rises over the first steps and falls to 0 along a half cosine.
        weight_decay: decoupled weight decay, at least 0.
    """

    num_steps: int = 1500
    batch_size: int = 64
    passes: float = 20.0
    learning_rate: float = 3e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        checks.positive_int(self.num_steps, "num_steps of a probe")
        checks.positive_int(self.batch_size, "the batch size of a probe", 2)
        checks.in_range(self.passes, "the passes of a probe", 0.0, math.inf, open_low=True)
        checks.in_range(self.learning_rate, "the learning rate of a probe", 0.0, math.inf, open_low=True)
        checks.in_range(self.weight_decay, "the weight decay of a probe", 0.0, math.inf)

    def steps_for(self, num_rows: int) -> int:
        """Number of steps with so many training rows."""
        return max(1, min(self.num_steps, math.ceil(self.passes * num_rows / self.batch_size)))


def train_probe(
    network: nn.Module, loss_of: LossOf, num_rows: int, settings: ProbeTraining, generator: torch.Generator
) -> None:
    """Minimise a loss over random batches of rows; the network is in evaluation mode afterwards.

    Args:
        network: trained in place.
        loss_of: computes the loss of a batch of rows.
        num_rows: number of training rows.
        settings: steps, batch size, rate.
        generator: draws the batches.
    """
    steps, rate = settings.steps_for(num_rows), settings.learning_rate
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=settings.weight_decay, fused=True)
    network.train()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * _share_of_rate((step + 1) / (steps + 1))
        optimiser.zero_grad(set_to_none=True)
        loss_of(torch.randint(num_rows, (settings.batch_size,), generator=generator)).backward()
        optimiser.step()
        progress.finished((step + 1) / steps)
    network.eval()


@contextmanager
def learning() -> Iterator[None]:
    """Gradients in single precision, whatever the caller has set."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        yield


def _share_of_rate(at: float, rise: float = 0.05) -> float:
    """Share of the largest rate when a share of the steps is done."""
    return at / rise if at < rise else 0.5 * (1 + math.cos(math.pi * (at - rise) / (1 - rise)))
