"""Variational encoders: a Gaussian over latents for every frame, with a bounded log-std."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.networks.network import ImageNetwork
from trisect.models.shapes import Latents

FIXED_BOUND = 4.0

Observations = Float[Tensor, "batch *observation"]


class FixedBound(nn.Module):
    """s tanh(l / s) with s = 4: log-std within [-4, 4]."""

    def forward(self, log_std: Latents) -> Latents:
        return FIXED_BOUND * torch.tanh(log_std / FIXED_BOUND)


class LearnedBound(nn.Module):
    """s tanh(l / s) with a learned s = softplus(a) per latent, a = 0 at the start: log-std within [-s, s].

    Args:
        num_latents: L.
    """

    def __init__(self, num_latents: int):
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(num_latents))

    def forward(self, log_std: Latents) -> Latents:
        bound = functional.softplus(self.scale)
        return bound * torch.tanh(log_std / bound)


class VariationalEncoder(ImageNetwork):
    """q(z | x) = N(mean, exp(log_std)^2), from an encoder with two numbers per latent, all means first.

    Args:
        network: encoder with 2 L outputs.
        num_latents: L.
        learned_bound: whether the bounds of log-std are learned.

    Example:
        >>> from trisect.models.networks.profile import ProfileEncoder
        >>> from trisect.models.shapes import FrameShape
        >>> encoder = VariationalEncoder(ProfileEncoder(FrameShape(3, 8, 6), 10), 5)
        >>> mean, log_std = encoder(torch.zeros(2, 3, 8, 6))
        >>> mean.shape, log_std.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    def __init__(self, network: ImageNetwork, num_latents: int, *, learned_bound: bool = False):
        super().__init__()
        self.network = network
        self.num_latents = checks.positive_int(num_latents, "num_latents of a variational encoder")
        self.bound: nn.Module = LearnedBound(num_latents) if learned_bound else FixedBound()

    def initialise(self, frames: Observations) -> None:
        self.network.initialise(frames)

    def forward(self, frames: Observations) -> tuple[Latents, Latents]:
        """Mean and log-std of every latent."""
        mean, log_std = self.network(frames).split(self.num_latents, dim=-1)
        return mean, self.bound(log_std)
