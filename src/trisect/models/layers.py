"""Small layers that several models share: per-latent linear maps and masked linear maps."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


def full_precision(values: Tensor) -> Tensor:
    """Values of half precision as float32; float32 and float64 unchanged."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def row_major(values: Tensor | np.ndarray | float) -> Tensor:
    """A float32 copy in new memory, row by row: the layout that a tensor has after loading.

    `torch.tensor` and `Tensor.float` keep the strides of what they convert, and a matrix product rounds differently
    for other strides on some processors. Pass every weight that is computed rather than drawn through this function,
    so that a saved model gives the same bytes as the one in memory.
    """
    if not isinstance(values, Tensor):
        values = torch.from_numpy(np.array(values, dtype=np.float32, order="C"))
    return values.detach().to(torch.float32).clone(memory_format=torch.contiguous_format)


def finest_type(device: torch.device) -> torch.dtype:
    """The most exact type of numbers on a device; Apple GPUs have no double precision."""
    return torch.float32 if device.type == "mps" else torch.float64


class PerLatentLinear(nn.Module):
    """One linear map per latent: y[..., l, :] = W[l] x[..., l, :] + b[l].

    Args:
        num_latents: L.
        num_inputs, num_outputs: number of inputs and outputs per latent.
    """

    def __init__(self, num_latents: int, num_inputs: int, num_outputs: int):
        super().__init__()
        bound = 1 / math.sqrt(num_inputs)
        self.weight = nn.Parameter(torch.empty(num_latents, num_outputs, num_inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_latents, num_outputs).uniform_(-bound, bound))

    def forward(self, x: Float[Tensor, "... latents inputs"]) -> Float[Tensor, "... latents outputs"]:
        return torch.einsum("...li,loi->...lo", x, self.weight) + self.bias


class MaskedLinear(nn.Linear):
    """A linear map whose weight is multiplied by a fixed 0/1 mask of shape (outputs, inputs)."""

    mask: Tensor

    def __init__(self, mask: Float[Tensor, "outputs inputs"]):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "... inputs"]) -> Float[Tensor, "... outputs"]:
        return functional.linear(x, self.weight * self.mask, self.bias)


def autoregressive_mask(
    num_variables: int, inputs_per_variable: int, outputs_per_variable: int, *, strict: bool
) -> Float[Tensor, "outputs inputs"]:
    """Mask that lets the outputs of variable i see the inputs of variables j < i (j <= i unless ``strict``)."""
    order = torch.ones(num_variables, num_variables).tril(-1 if strict else 0)
    return order.repeat_interleave(outputs_per_variable, 0).repeat_interleave(inputs_per_variable, 1)
