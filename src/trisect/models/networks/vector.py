"""Networks for plain vectors: a linear map plus a small MLP, between standardised vectors and latents.

They take the place of image networks, so that the variational methods also work on keypoints and sensors.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks
from trisect.models.networks.layers import FullPrecisionLinear
from trisect.models.networks.network import ImageNetwork
from trisect.models.shapes import Latents

Vectors = Float[Tensor, "batch features"]

SMALLEST_DEVIATION = 1e-6
"""A feature with a smaller standard deviation counts as constant and keeps its unit."""


class LinearAndMLP(nn.Module):
    """y = A x + b + f(x); f has two hidden SiLU layers, and its last weights start at a tenth of the usual size.

    Args:
        num_inputs, num_outputs, hidden: widths of the input, the output and the hidden layers.
    """

    def __init__(self, num_inputs: int, num_outputs: int, hidden: int):
        super().__init__()
        self.linear = FullPrecisionLinear(num_inputs, num_outputs)
        last = FullPrecisionLinear(hidden, num_outputs)
        self.curved = nn.Sequential(
            *(nn.Linear(num_inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), last)
        )
        with torch.no_grad():
            last.weight.mul_(0.1)

    def forward(self, x: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        return self.linear(x) + self.curved(x)


class _VectorNetwork(ImageNetwork):
    """The base of both directions: mean and deviation of the vectors, set by `initialise`."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, dim: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(checks.positive_int(dim, "the length of an observed vector")))
        self.register_buffer("deviation", torch.ones(dim))

    @torch.no_grad()
    def initialise(self, frames: Vectors) -> None:
        """Set the mean and the unit of every feature from a first large batch of vectors."""
        self.mean.copy_(frames.mean(dim=0))
        self.deviation.copy_(deviation_of(frames))


class VectorEncoder(_VectorNetwork):
    """Vectors to numbers.

    Args:
        dim: D, length of a vector.
        num_outputs: L, or 2 L for mean and log-std.
        hidden: width.
    """

    def __init__(self, dim: int, num_outputs: int, hidden: int = 64):
        super().__init__(dim)
        self.network = LinearAndMLP(dim, num_outputs, hidden)

    def forward(self, x: Vectors) -> Float[Tensor, "batch outputs"]:
        return self.network((x - self.mean) / self.deviation)


class VectorDecoder(_VectorNetwork):
    """Latents to vectors.

    Args:
        dim: D, length of a vector.
        num_latents: L.
        hidden: width.
    """

    def __init__(self, dim: int, num_latents: int, hidden: int = 64):
        super().__init__(dim)
        self.network = LinearAndMLP(num_latents, dim, hidden)

    def forward(self, z: Latents) -> Vectors:
        return self.network(z) * self.deviation + self.mean


def deviation_of(vectors: Vectors) -> Float[Tensor, "features"]:
    """Standard deviation of every feature, 1 for a constant one."""
    deviation = vectors.std(dim=0, correction=0)
    return torch.where(deviation > SMALLEST_DEVIATION, deviation, 1.0)
