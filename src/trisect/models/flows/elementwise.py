"""A flow that applies a separate monotone curve to each latent."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.flows.flow import Flow, LogDet, Vectors


class Elementwise(Flow):
    """A monotone curve per variable: z_i = exp(s_i) x_i + sum_k softplus(a_ik) tanh(exp(b_ik) (x_i - c_ik)).

    It makes single coordinates nonlinear, which affine maps that read other variables can only approximate. It starts
    close to the identity. The inverse bisects, then takes one Newton step, through which gradients flow.

    Args:
        dim: D.
        num_bumps: number of tanh steps of each curve, spread over [-3, 3] at the start.
    """

    BISECTIONS = 60

    def __init__(self, dim: int, num_bumps: int = 8):
        super().__init__()
        checks.positive_int(num_bumps, "num_bumps of an elementwise flow")
        self.log_slope = nn.Parameter(torch.zeros(dim))
        self.height = nn.Parameter(torch.full((dim, num_bumps), -5.0))
        self.log_sharpness = nn.Parameter(torch.zeros(dim, num_bumps))
        self.centre = nn.Parameter(torch.linspace(-3, 3, num_bumps).repeat(dim, 1))

    def _curve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Values and slopes of the curves at x."""
        height, sharpness = functional.softplus(self.height), self.log_sharpness.exp()
        step = torch.tanh(sharpness * (x.unsqueeze(-1) - self.centre))
        slope = self.log_slope.exp() + (height * sharpness * (1 - step.square())).sum(dim=-1)
        return self.log_slope.exp() * x + (height * step).sum(dim=-1), slope

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        z, slope = self._curve(x)
        return z, slope.log().sum(dim=-1)

    def inverse(self, z: Vectors) -> Vectors:
        with torch.no_grad():
            reach = functional.softplus(self.height).sum(dim=-1)
            low, high = (z - reach) * torch.exp(-self.log_slope), (z + reach) * torch.exp(-self.log_slope)
            for _ in range(self.BISECTIONS):
                middle = (low + high) / 2
                below = self._curve(middle)[0] < z
                low, high = torch.where(below, middle, low), torch.where(below, high, middle)
            x = (low + high) / 2
        value, slope = self._curve(x)
        return x + (z - value) / slope.detach()
