"""Affine flows: activation normalisation, an invertible matrix, an autoregressive map."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.flows.flow import Flow, LogDet, Vectors
from trisect.models.layers import MaskedLinear, autoregressive_mask, finest_type, row_major


class ActNorm(Flow):
    """Activation normalisation, z = (x + bias) exp(scale), |scale| <= 3 (Kingma & Dhariwal, 2018).

    `initialise` sets bias = -mean and scale = -ln std of the first batch, so that z starts standardised. It
    cannot standardise inputs of standard deviation below e^-3 or above e^3: standardise those beforehand.
    """

    MAX_SCALE = 3.0
    initialised: Tensor

    def __init__(self, dim: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(dim))
        self.scale = nn.Parameter(torch.zeros(dim))
        self.register_buffer("initialised", torch.tensor(False))

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        scale = self._scale()
        return (x + self.bias) * scale.exp(), scale.sum().expand(x.shape[0])

    def inverse(self, z: Vectors) -> Vectors:
        return z * torch.exp(-self._scale()) - self.bias

    def initialise(self, x: Vectors) -> None:
        if bool(self.initialised):
            return
        with torch.no_grad():
            std = x.std(dim=0, unbiased=False) if len(x) > 1 else torch.ones_like(x[0])
            self.bias.copy_(-x.mean(dim=0))
            self.scale.copy_(-std.clamp(min=math.exp(-self.MAX_SCALE)).log())
        self.initialised.fill_(True)

    def _scale(self) -> Tensor:
        return self.scale.clamp(-self.MAX_SCALE, self.MAX_SCALE)


class LULinear(Flow):
    """An invertible linear map z = x W with W = P L U; sign and log of U's diagonal are stored separately.

    Args:
        matrix: the initial W, (D, D), invertible; usually a random rotation (Kingma & Dhariwal, 2018).
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, matrix: Float[Tensor, "dim dim"]):
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(matrix.double())
        diagonal = upper.diagonal()
        self.register_buffer("permutation", row_major(permutation))
        self.register_buffer("sign", row_major(diagonal.sign()))
        self.lower = nn.Parameter(row_major(lower.tril(-1)))
        self.upper = nn.Parameter(row_major(upper.triu(1)))
        self.log_diagonal = nn.Parameter(row_major(diagonal.abs().log()))

    def matrix(self) -> Float[Tensor, "dim dim"]:
        """The matrix W for the current parameters."""
        lower = self.lower.tril(-1) + torch.eye(len(self.sign), dtype=self.lower.dtype, device=self.lower.device)
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())
        return self.permutation @ lower @ upper

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        return x @ self.matrix(), self.log_diagonal.sum().expand(x.shape[0])

    def inverse(self, z: Vectors) -> Vectors:
        exact = finest_type(z.device)
        return torch.linalg.solve(self.matrix().to(exact).T, z.to(exact).T).T.to(z.dtype)


class AutoregressiveAffine(Flow):
    """An affine map whose shift and log-scale read the preceding variables: z_i = (x_i + t_i(x_<i)) exp(s_i(x_<i)).

    Masked linear, SiLU, masked linear, SiLU, masked linear give (t, s); s <- tanh(s / max(c, 1)) c with
    c = 3 tanh(exp(a)/3) and a learned (Lippe et al., 2022, appendix C). The inverse needs D passes.

    Args:
        dim: D.
        hidden_per_variable: hidden units of each variable's network.
    """

    def __init__(self, dim: int, hidden_per_variable: int = 16):
        super().__init__()
        self.log_limit = nn.Parameter(torch.zeros(dim))
        width = hidden_per_variable
        self.first = MaskedLinear(autoregressive_mask(dim, 1, width, strict=True))
        self.middle = MaskedLinear(autoregressive_mask(dim, width, width, strict=False))
        self.last = MaskedLinear(autoregressive_mask(dim, width, 2, strict=False))
        with torch.no_grad():
            self.last.weight.mul_(0.01)
            self.last.bias.zero_()

    def _shift_and_log_scale(self, x: Vectors) -> tuple[Tensor, Tensor]:
        hidden = functional.silu(self.middle(functional.silu(self.first(x))))
        shift, raw = self.last(hidden).unflatten(-1, (x.shape[-1], 2)).unbind(-1)
        limit = 3 * torch.tanh(self.log_limit.exp() / 3)
        return shift, torch.tanh(raw / limit.clamp(min=1.0)) * limit

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        shift, log_scale = self._shift_and_log_scale(x)
        return (x + shift) * log_scale.exp(), log_scale.sum(dim=-1)

    def inverse(self, z: Vectors) -> Vectors:
        columns: list[Tensor] = []
        for i in range(z.shape[-1]):
            so_far = torch.stack([*columns, *([torch.zeros_like(z[:, 0])] * (z.shape[-1] - i))], dim=-1)
            shift, log_scale = self._shift_and_log_scale(so_far)
            columns.append(z[:, i] * torch.exp(-log_scale[:, i]) - shift[:, i])
        return torch.stack(columns, dim=-1)


def random_rotation(dim: int, generator: torch.Generator) -> Float[Tensor, "dim dim"]:
    """An orthogonal matrix drawn uniformly (QR of a Gaussian matrix, signs fixed)."""
    q, r = torch.linalg.qr(torch.randn(dim, dim, generator=generator))
    return q * r.diagonal().sign()


def shift(offset: Float[Tensor, "dim"]) -> ActNorm:
    """The flow z = x - offset, an `ActNorm` that counts as initialised."""
    layer = ActNorm(len(offset))
    with torch.no_grad():
        layer.bias.copy_(-offset)
    layer.initialised.fill_(True)
    return layer
