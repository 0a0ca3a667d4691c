"""Layers of the published image networks: convolutions, pixel positions, and a start that preserves the signal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Maps = Float[Tensor, "batch maps height width"]


class Position(nn.Module):
    """Adds a linear map of (row, column), each from -1 to 1, to every pixel: y = x + W (row, column) + b.

    Args:
        channels: number of channels of the maps.
        side: height and width of the maps, at least 2.
    """

    grid: Tensor

    def __init__(self, channels: int, side: int):
        super().__init__()
        steps = torch.linspace(-1, 1, side)
        grid = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)
        self.register_buffer("grid", grid, persistent=False)
        self.embed = nn.Linear(2, channels)

    def forward(self, x: Maps) -> Maps:
        summed: Tensor = _AddToAll.apply(x.movedim(1, -1), self.embed(self.grid).to(x.dtype))
        return summed.movedim(-1, 1)


class _AddToAll(torch.autograd.Function):
    """Adds one array to all examples; its gradient is a product with ones, which is faster than a sum over them."""

    @staticmethod
    def forward(ctx: Any, examples: Tensor, added: Tensor) -> Tensor:
        return examples + added

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        total = gradient.new_ones(1, len(gradient)) @ gradient.reshape(len(gradient), -1)
        return gradient, total.view(gradient.shape[1:])


class FullPrecisionLinear(nn.Linear):
    """A linear map that keeps the precision of its weights under autocast."""

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.to(self.weight.dtype))


class ResidualBlock(nn.Module):
    """x + f(x), f = [norm, SiLU, conv, position if any, norm, SiLU, conv].

    Args:
        channels: number of channels of the maps.
        norm: builds a normalisation for a number of channels.
        position: adds the position of every pixel; may be left out.
    """

    def __init__(self, channels: int, norm: Callable[[int], nn.Module], *position: Position):
        super().__init__()
        self.branch = nn.Sequential(
            *(norm(channels), nn.SiLU(), conv(channels, channels), *position),
            *(norm(channels), nn.SiLU(), conv(channels, channels)),
        )

    def forward(self, x: Maps) -> Maps:
        return x + self.branch(x)


def conv(before: int, after: int, stride: int = 1, bias: bool = True) -> nn.Conv2d:
    """A 3x3 convolution that keeps the side, or divides it by the stride."""
    return nn.Conv2d(before, after, kernel_size=3, padding=1, stride=stride, bias=bias)


def doubling_conv(before: int, after: int) -> nn.ConvTranspose2d:
    """A transposed 3x3 convolution that doubles the side."""
    return nn.ConvTranspose2d(before, after, kernel_size=3, padding=1, stride=2, output_padding=1)


@torch.no_grad()
def start_normalised(layers: nn.Sequential, x: Tensor) -> Tensor:
    """Pass x through the layers, and scale the linear ones so that every output channel has mean 0 and deviation 1.

    Data-dependent initialisation of Salimans and Kingma (2016, section 3); constant channels keep their scale.
    """
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            y = layer(x).transpose(0, 1).flatten(1)
            deviation = y.std(dim=1, correction=0)
            deviation = torch.where(deviation > 1e-6, deviation, 1.0)
            layer.weight.div_(deviation.view(-1, *[1] * (layer.weight.dim() - 1)))
            layer.bias.sub_(y.mean(dim=1)).div_(deviation)  # type: ignore[union-attr]
        x = layer(x)
    return x
