"""Heads that predict which variables were intervened on between two frames, to shape an autoencoder's latents.

They map the latents before and after the transition, (batch, L) each, to logits (batch, K).
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.shapes import Latents

Logits = Float[Tensor, "batch variables"]


class JointHead(nn.Sequential):
    """One network that sees all latents, before and after the transition.

    Args:
        num_latents: L.
        num_variables: K.
        hidden: width of its two hidden layers.
    """

    def __init__(self, num_latents: int, num_variables: int, hidden: int = 192):
        super().__init__(
            *(nn.Linear(2 * num_latents, hidden), nn.SiLU()),
            *(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, num_variables)),
        )

    def forward(self, before: Latents, after: Latents) -> Logits:  # type: ignore[override]
        logits: Tensor = super().forward(torch.cat([before, after], dim=-1))
        return logits


class DirectionsHead(nn.Module):
    """One network per variable, which sees all latents before the transition, but only a few directions after it.

    logit_k = MLP_k(z^t, P_k z^{t+1}) with P_k (n, L). The new value of variable k shows whether it was replaced, so
    training moves this value into n linear directions of the latents, where the closed form looks for it.

    Args:
        num_latents: L.
        num_variables: K.
        num_directions: n, number of directions, at least 1; an angle needs 2.
        hidden: width of the two hidden layers of each network.
    """

    def __init__(self, num_latents: int, num_variables: int, num_directions: int, hidden: int = 64):
        super().__init__()
        inputs = num_latents + num_directions
        self.directions = nn.Parameter(_random(num_variables, num_latents, num_directions))
        self.first, self.second = (nn.Parameter(_random(num_variables, n, hidden)) for n in (inputs, hidden))
        self.last = nn.Parameter(0.1 * _random(num_variables, hidden, 1))
        self.biases = nn.ParameterList(torch.zeros(num_variables, 1, n) for n in (hidden, hidden, 1))
        nn.init.normal_(self.biases[0], std=0.3)

    def forward(self, before: Latents, after: Latents) -> Logits:
        with torch.autocast(after.device.type, enabled=False):
            projected = torch.matmul(after.float(), self.directions)
            inputs = torch.cat([before.float().expand(len(projected), *before.shape), projected], dim=-1)
            hidden = functional.silu(inputs @ self.first + self.biases[0])
            hidden = functional.silu(hidden @ self.second + self.biases[1])
            logits: Tensor = (hidden @ self.last + self.biases[2])[..., 0].T
        return logits


def _random(*shape: int) -> Tensor:
    """Standard normal numbers divided by the root of the number of inputs, the second last size."""
    return torch.randn(shape) / math.sqrt(shape[-2])
