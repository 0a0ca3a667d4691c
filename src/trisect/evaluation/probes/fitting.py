"""The training loop of the evaluation networks: Adam on shuffled batches, and the best of several checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.evaluation import progress
from trisect.evaluation.probes.batched_mlp import BatchedMlp, Workspace

Slopes = Callable[[Tensor, Tensor, Tensor], None]
"""(outputs (networks, batch, outputs), row numbers (batch,), into): writes the loss's derivatives by the outputs."""


@dataclass(frozen=True)
class FitSettings:
    """How a batch of networks is trained.

    Attributes:
        num_steps: optimiser steps, at least 1.
        learning_rate: learning rate of Adam, above 0.
        batch_size: rows per step, at least 1; all networks see the same rows.
        weight_decay: decoupled weight decay, at least 0.
        cosine: True: the rate falls to 0 along a half cosine; False: it is constant.
        check_every: steps between two calls of the checkpoint function, which is also called after the last step.
    """

    num_steps: int = 1000
    learning_rate: float = 4e-3
    batch_size: int = 512
    weight_decay: float = 0.0
    cosine: bool = False
    check_every: int = 250

    def __post_init__(self) -> None:
        checks.positive_int(self.num_steps, "num_steps of a fit")
        checks.in_range(self.learning_rate, "the learning rate of a fit", 0.0, math.inf, open_low=True)
        checks.positive_int(self.batch_size, "the batch size of a fit")
        checks.in_range(self.weight_decay, "the weight decay of a fit", 0.0, math.inf)
        checks.positive_int(self.check_every, "check_every of a fit")


@contextmanager
def plain_arithmetic() -> Iterator[None]:
    """Switch off inference mode, gradients and mixed precision, whatever the caller has set."""
    cpu = torch.autocast("cpu", enabled=False)
    cuda = torch.autocast("cuda", enabled=False)
    with torch.inference_mode(False), torch.no_grad(), cpu, cuda:
        yield


def fit(
    network: BatchedMlp,
    inputs: Float[Tensor, "networks samples inputs"],
    slopes: Slopes,
    settings: FitSettings,
    generator: torch.Generator,
    checkpoint: Callable[[], None],
) -> None:
    """Minimise the loss of all networks with Adam.

    Args:
        network: trained in place.
        inputs: inputs of every network; every row is used at most once per pass.
        slopes: writes the derivatives of the loss by the outputs.
        settings: steps, rate, batch size, decay.
        generator: shuffles the rows.
        checkpoint: called every ``settings.check_every`` steps and after the last one.
    """
    rate, size = settings.learning_rate, min(settings.batch_size, inputs.shape[1])
    optimiser = torch.optim.AdamW([network.parameters], rate, weight_decay=settings.weight_decay, fused=True)
    workspace, batches = Workspace(network, size), _batches(inputs.shape[1], size, generator)
    for step in range(settings.num_steps):
        if settings.cosine:
            optimiser.param_groups[0]["lr"] = _cosine(rate, step / settings.num_steps)
        rows = next(batches).to(inputs.device)
        slopes(workspace.forward_rows(inputs, rows), rows, workspace.slopes)
        workspace.backward()
        optimiser.step()
        if (step + 1) % settings.check_every == 0 or step + 1 == settings.num_steps:
            checkpoint()
            progress.finished((step + 1) / settings.num_steps)


def _batches(num_rows: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(num_rows, generator=generator)
        yield from order[: num_rows // size * size].split(size)


def _cosine(rate: float, progress: float) -> float:
    return 0.5 * rate * (1 + math.cos(math.pi * progress))


class BestOutputs:
    """Keeps the outputs of the checkpoint with the smallest loss, for every network and every head separately."""

    def __init__(self, columns: Sequence[slice]):
        self.columns = columns
        self.loss: Tensor | None = None
        self.outputs: Tensor | None = None

    def offer(self, loss: Float[Tensor, "networks heads"], outputs: Float[Tensor, "networks samples outputs"]) -> None:
        """Keep the outputs of the heads whose held-out loss is the smallest so far."""
        if self.loss is None or self.outputs is None:
            self.loss, self.outputs = loss.clone(), outputs.clone()
            return
        better = loss < self.loss
        self.loss = torch.where(better, loss, self.loss)
        for head, columns in enumerate(self.columns):
            self.outputs[better[:, head], :, columns] = outputs[better[:, head], :, columns]
