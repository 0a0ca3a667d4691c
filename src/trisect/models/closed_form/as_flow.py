"""An identification as a flow: layers for its couplings and curves, and a chain that computes the same map."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.leakage import Curves
from trisect.models.closed_form.splitting import Coupling
from trisect.models.flows.factory import linear_flow
from trisect.models.flows.flow import Chain, Flow, LogDet, Vectors
from trisect.models.layers import row_major


class TanhCoupling(Flow):
    """Adds a fixed function of the other latents to one latent (`splitting.Coupling`); not trained.

    Args:
        coupling: which function is added to which latent.
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
        self.register_buffer("changed", row_major(changed))
        for name in ("linear", "directions", "offsets", "weights"):
            self.register_buffer(name, row_major(getattr(function, name)))
        self.register_buffer("bias", row_major(function.bias))

    def _added(self, x: Vectors) -> Tensor:
        added = self.bias + x @ self.linear + torch.tanh(x @ self.directions + self.offsets) @ self.weights
        return added.unsqueeze(-1) * self.changed

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        return x + self._added(x), x.new_zeros(x.shape[0])

    def inverse(self, z: Vectors) -> Vectors:
        return z - self._added(z)


class CurveCoupling(Flow):
    """Shifts and scales all other latents by curves of one latent (`leakage.Curves`); not trained.

    Args:
        curves: the curves, and the latent that they read.
    """

    directions: Tensor
    offsets: Tensor
    shifts: Tensor
    shift_bias: Tensor
    stretches: Tensor
    stretch_bias: Tensor

    def __init__(self, curves: Curves):
        super().__init__()
        directions = np.zeros_like(curves.shifts.T)
        directions[curves.source] = curves.slope
        self.register_buffer("directions", row_major(directions))
        for name in ("offsets", "shifts", "shift_bias", "stretches", "stretch_bias"):
            self.register_buffer(name, row_major(getattr(curves, name)))

    def _shift_and_log_scale(self, x: Vectors) -> tuple[Tensor, Tensor]:
        steps = torch.tanh(x @ self.directions + self.offsets)
        return self.shift_bias + steps @ self.shifts, self.stretch_bias + steps @ self.stretches

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        shift, log_scale = self._shift_and_log_scale(x)
        return (x - shift) * torch.exp(-log_scale), -log_scale.sum(dim=-1)

    def inverse(self, z: Vectors) -> Vectors:
        shift, log_scale = self._shift_and_log_scale(z)
        return z * torch.exp(log_scale) + shift


def identification_flow(found: Identification) -> Chain:
    """The flow z = ``found.transform(x)``."""
    linear = linear_flow(row_major(found.mean), row_major(found.matrix))
    couplings = (TanhCoupling(coupling) for coupling in found.couplings)
    return Chain([*linear.flows, *couplings, *(CurveCoupling(curves) for curves in found.curves)])
