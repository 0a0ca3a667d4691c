"""Invertible maps of latent vectors, with log-determinants: activation normalisation, linear, autoregressive affine.

Every flow maps x of shape (batch, D) to z and returns log |det dz/dx| of shape (batch,); `inverse` goes back.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.layers import MaskedLinear, autoregressive_mask, row_major

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
        """Adapt to a first batch of inputs, once; loading a state keeps it from happening again."""


class ActNorm(Flow):
    """Activation normalisation, z = (x + bias) exp(scale), |scale| <= 3 (Kingma & Dhariwal, 2018).

    `initialise` sets bias = -mean and scale = -ln std of the first batch, so that z starts standardised. Inputs of
    standard deviation below e^-3 or above e^3 cannot be standardised by it: standardise them before.
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
    """An invertible linear map z = x W with W = P L U; sign and log of U's diagonal are kept apart.

    Args:
        matrix: the initial W, (D, D), invertible; a random rotation is usual (Kingma & Dhariwal, 2018).
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
        """W of the current parameters."""
        lower = self.lower.tril(-1) + torch.eye(len(self.sign), dtype=self.lower.dtype, device=self.lower.device)
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())
        return self.permutation @ lower @ upper

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        return x @ self.matrix(), self.log_diagonal.sum().expand(x.shape[0])

    def inverse(self, z: Vectors) -> Vectors:
        exact = torch.float32 if z.device.type == "mps" else torch.float64
        return torch.linalg.solve(self.matrix().to(exact).T, z.to(exact).T).T.to(z.dtype)


class AutoregressiveAffine(Flow):
    """An affine map whose shift and log-scale read the variables before: z_i = (x_i + t_i(x_<i)) exp(s_i(x_<i)).

    Masked linear, SiLU, masked linear, SiLU, masked linear give (t, s); s <- tanh(s / max(c, 1)) c with
    c = 3 tanh(exp(a)/3), a learned (Lippe et al., 2022, appendix C). The inverse takes D passes.

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
            known = torch.stack([*columns, *([torch.zeros_like(z[:, 0])] * (z.shape[-1] - i))], dim=-1)
            shift, log_scale = self._shift_and_log_scale(known)
            columns.append(z[:, i] * torch.exp(-log_scale[:, i]) - shift[:, i])
        return torch.stack(columns, dim=-1)


class Elementwise(Flow):
    """A monotone curve per variable: z_i = exp(s_i) x_i + sum_k softplus(a_ik) tanh(exp(b_ik) (x_i - c_ik)).

    It bends single coordinates, which affine maps that read other variables can only imitate. Starts close to the
    identity. The inverse bisects, then takes one Newton step, through which gradients flow.

    Args:
        dim: D.
        num_bumps: steps of each curve, spread over [-3, 3] at the start.
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
        """Values and slopes."""
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


class Chain(Flow):
    """Flows applied one after the other."""

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


def random_rotation(dim: int, generator: torch.Generator) -> Float[Tensor, "dim dim"]:
    """An orthogonal matrix drawn uniformly (QR of a Gaussian matrix, signs fixed)."""
    q, r = torch.linalg.qr(torch.randn(dim, dim, generator=generator))
    return q * r.diagonal().sign()


def published_flow(dim: int, num_blocks: int, hidden_per_variable: int, generator: torch.Generator) -> Chain:
    """The flow of CITRIS-NF: blocks of [ActNorm, linear (not in the first), autoregressive affine].

    Args:
        dim: D, the number of latents.
        num_blocks: how many blocks, at least 1 (4 in the paper).
        hidden_per_variable: hidden units per variable of the autoregressive networks (16 in the paper).
        generator: draws the rotations.
    """
    checks.positive_int(num_blocks, "num_blocks of a flow")
    flows: list[Flow] = []
    for block in range(num_blocks):
        rotation = [LULinear(random_rotation(dim, generator))] if block > 0 else []
        flows += [ActNorm(dim), *rotation, AutoregressiveAffine(dim, hidden_per_variable)]
    return Chain(flows)


def shift(offset: Float[Tensor, "dim"]) -> ActNorm:
    """z = x - offset, as an `ActNorm` that counts as initialised."""
    layer = ActNorm(len(offset))
    with torch.no_grad():
        layer.bias.copy_(-offset)
    layer.initialised.fill_(True)
    return layer


def linear_flow(mean: Float[Tensor, "dim"], matrix: Float[Tensor, "dim dim"]) -> Chain:
    """z = (x - mean) matrix."""
    return Chain([shift(mean), LULinear(matrix)])


def polishing_flow(start: Chain, num_blocks: int, hidden_per_variable: int, num_bumps: int = 0) -> Chain:
    """A flow that starts as the map ``start``: reversals between almost-identity maps after it.

    The product of the reversals is the identity for an even number of blocks; every variable can read every other
    after two blocks.

    Args:
        start: a chain that holds a linear map, such as `linear_flow`'s.
        num_blocks: an even number, at least 2.
        hidden_per_variable: hidden units per variable of the autoregressive networks.
        num_bumps: of an elementwise curve before each affine map; 0 leaves the curves out.
    """
    checks.require(num_blocks % 2 == 0 and num_blocks > 0, "num_blocks of a polishing flow", "even, from 2", num_blocks)
    dim = next(len(flow.sign) for flow in start.flows if isinstance(flow, LULinear))
    flows: list[Flow] = start.flows
    for _ in range(num_blocks):
        reversal = LULinear(torch.eye(dim).flip(0))
        curve = [Elementwise(dim, num_bumps)] if num_bumps > 0 else []
        flows += [*curve, AutoregressiveAffine(dim, hidden_per_variable), reversal]
    return Chain(flows)
