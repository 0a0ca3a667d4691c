"""Many small networks trained side by side: batched matrix products in place of a loop over networks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks


@dataclass(frozen=True)
class FitSettings:
    """How a batch of networks is trained.

    Attributes:
        num_steps: optimiser steps, at least 1.
        learning_rate: of Adam, above 0.
        batch_size: rows per step, at least 1; all networks see the same rows.
        weight_decay: decoupled, at least 0.
        cosine: the rate falls to 0 along a half cosine; else it is constant.
        check_every: steps between two calls of the fit's checkpoint function; the last step always has one.
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


class BatchedMlp(nn.Module):
    """Networks of equal shape with their own weights: tanh between linear layers.

    Args:
        fan_in: for every network the number of its inputs that are used; the others must be fed zeros.
        sizes: widths from input to output, shared by all networks.
        generator: draws the weights, uniform in +-1/sqrt(fan in).
    """

    def __init__(self, fan_in: Sequence[int], sizes: Sequence[int], generator: torch.Generator):
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for layer, (wide_in, wide_out) in enumerate(itertools.pairwise(sizes)):
            used = torch.tensor([max(n, 1) for n in fan_in]) if layer == 0 else torch.full((len(fan_in),), wide_in)
            bound = used.rsqrt()[:, None, None]
            self.weights.append((torch.rand(len(fan_in), wide_in, wide_out, generator=generator) * 2 - 1) * bound)
            self.biases.append((torch.rand(len(fan_in), 1, wide_out, generator=generator) * 2 - 1) * bound)

    def forward(self, inputs: Float[Tensor, "networks samples inputs"]) -> Float[Tensor, "networks samples outputs"]:
        """Run every network on its own inputs."""
        hidden = inputs
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases)):
            hidden = torch.baddbmm(bias, torch.tanh(hidden) if layer else hidden, weight)
        return hidden


@contextmanager
def training_allowed() -> Iterator[None]:
    """Gradients on and mixed precision off, whatever the caller has set (validation loops switch gradients off)."""
    cpu = torch.autocast("cpu", enabled=False)
    cuda = torch.autocast("cuda", enabled=False)
    with torch.inference_mode(False), torch.enable_grad(), cpu, cuda:
        yield


def fit(
    network: BatchedMlp,
    num_rows: int,
    loss: Callable[[Tensor], Tensor],
    settings: FitSettings,
    generator: torch.Generator,
    checkpoint: Callable[[], None],
) -> None:
    """Minimise the sum of all networks' losses with Adam.

    Args:
        network: trained in place.
        num_rows: how many rows there are to draw batches from; every row is seen once per pass.
        loss: batch of row numbers -> scalar.
        settings: steps, rate, batch size, decay.
        generator: orders the rows.
        checkpoint: called every ``settings.check_every`` steps and after the last one.
    """
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    batches = _batches(num_rows, settings.batch_size, generator)
    for step in range(settings.num_steps):
        if settings.cosine:
            optimiser.param_groups[0]["lr"] = _cosine(settings.learning_rate, step / settings.num_steps)
        optimiser.zero_grad()
        loss(next(batches)).backward()
        optimiser.step()
        if (step + 1) % settings.check_every == 0 or step + 1 == settings.num_steps:
            checkpoint()


def _batches(num_rows: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    size = min(batch_size, num_rows)
    while True:
        order = torch.randperm(num_rows, generator=generator)
        yield from order[: num_rows // size * size].split(size)


def _cosine(rate: float, progress: float) -> float:
    return 0.5 * rate * (1 + math.cos(math.pi * progress))


class BestOutputs:
    """Keeps, for every network and every head of its outputs, the outputs of the checkpoint with the least loss."""

    def __init__(self, columns: Sequence[slice]):
        self.columns = columns
        self.loss: Tensor | None = None
        self.outputs: Tensor | None = None

    def offer(self, loss: Float[Tensor, "networks heads"], outputs: Float[Tensor, "networks samples outputs"]) -> None:
        """Take over the outputs of those heads whose held-out loss is the least so far."""
        if self.loss is None or self.outputs is None:
            self.loss, self.outputs = loss.clone(), outputs.clone()
            return
        better = loss < self.loss
        self.loss = torch.where(better, loss, self.loss)
        for head, columns in enumerate(self.columns):
            self.outputs[better[:, head], :, columns] = outputs[better[:, head], :, columns]
