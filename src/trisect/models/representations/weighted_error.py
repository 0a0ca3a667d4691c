"""The weighted squared error of frames, in few passes over the pixels, because memory limits its speed on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from trisect.models.shapes import Frames


class _WeightedSquaredError(torch.autograd.Function):
    """Keeps only weight x error for the gradient; autograd would keep and read several arrays of that size."""

    @staticmethod
    def forward(ctx: Any, decoded: Tensor, frames: Tensor, weight: Tensor) -> Tensor:
        error = decoded - frames
        weighted = weight * error
        ctx.save_for_backward(weighted)
        return error.mul_(weighted).flatten(1).mean(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        (weighted,) = ctx.saved_tensors
        scale = gradients[0] * (2 / weighted[0].numel())
        return weighted * scale.view(-1, *[1] * (weighted.dim() - 1)), None, None


def weighted_squared_error(decoded: Frames, frames: Frames, weight: Frames) -> Float[Tensor, "batch"]:
    """Mean over pixels of weight (decoded - frames)^2 per example.

    Args:
        decoded: (batch, channels, height, width); only this gets a gradient, and only a first derivative.
        frames: array of the same shape.
        weight: array of the same shape, at least 0.
    """
    error: Tensor = _WeightedSquaredError.apply(decoded, frames, weight)
    return error
