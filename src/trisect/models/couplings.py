"""The couplings of the closed form as layers of a flow, and the flow that equals an identification."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trisect.models.flows import Chain, Flow, LogDet, Vectors, linear_flow
from trisect.models.identification import Identification
from trisect.models.parting import Coupling


class TanhCoupling(Flow):
    """Adds a fixed function of the other latents to one latent (`trisect.models.parting.Coupling`); not trained.

    Args:
        coupling: what is added to what.
    """

    changed: Tensor
    linear: Tensor
    directions: Tensor
    offsets: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, coupling: Coupling):
        super().__init__()
        function = coupling.function
        changed = np.eye(len(function.linear))[coupling.changed]
        self.register_buffer("changed", torch.from_numpy(changed).float())
        for name in ("linear", "directions", "offsets", "weights"):
            self.register_buffer(name, torch.from_numpy(getattr(function, name)).float())
        self.register_buffer("bias", torch.tensor(function.bias, dtype=torch.float32))

    def _added(self, x: Vectors) -> Tensor:
        added = self.bias + x @ self.linear + torch.tanh(x @ self.directions + self.offsets) @ self.weights
        return added.unsqueeze(-1) * self.changed

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        return x + self._added(x), x.new_zeros(x.shape[0])

    def inverse(self, z: Vectors) -> Vectors:
        return z - self._added(z)


def identification_flow(found: Identification) -> Chain:
    """The flow z = ``found.transform(x)``."""
    linear = linear_flow(torch.from_numpy(found.mean).float(), torch.from_numpy(found.matrix).float())
    return Chain([*linear.flows, *(TanhCoupling(coupling) for coupling in found.couplings)])
