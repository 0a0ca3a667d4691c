"""What every flow offers, an invertible map of latent vectors with its log-determinant, and chains of flows.

Every flow maps x of shape (batch, D) to z and returns log |det dz/dx| of shape (batch,); `inverse` goes back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

Vectors = Float[Tensor, "batch dim"]
LogDet = Float[Tensor, "batch"]


class Flow(nn.Module, ABC):
    """An invertible map of vectors."""

    @abstractmethod
    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        """Return z = f(x) and log |det dz/dx|."""

    @abstractmethod
    def inverse(self, z: Vectors) -> Vectors:
        """Return x with f(x) = z. Gradients flow through it."""

    def initialise(self, x: Vectors) -> None:
        """Adapt to a first batch of inputs, once; a loaded flow does not adapt again."""


class Chain(Flow):
    """Several flows, applied one after the other."""

    def __init__(self, flows: Sequence[Flow]):
        super().__init__()
        self._flows = nn.ModuleList(flows)

    @property
    def flows(self) -> list[Flow]:
        """The flows, first to last."""
        return [flow for flow in self._flows if isinstance(flow, Flow)]

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        log_det = x.new_zeros(x.shape[0])
        for flow in self.flows:
            x, step = flow(x)
            log_det = log_det + step
        return x, log_det

    def inverse(self, z: Vectors) -> Vectors:
        for flow in reversed(self.flows):
            z = flow.inverse(z)
        return z

    def initialise(self, x: Vectors) -> None:
        for flow in self.flows:
            flow.initialise(x)
            with torch.no_grad():
                x = flow(x)[0]
