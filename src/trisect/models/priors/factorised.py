"""Priors whose latents are independent of each other given the past: perfect and imperfect interventions."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import gaussian
from trisect.models.layers import PerLatentLinear
from trisect.models.priors.transition import (
    MAX_LOG_STD,
    Costs,
    Latents,
    Psi,
    Samples,
    SlotGaussians,
    Targets,
    TransitionPrior,
    standard_normal,
)

UNKNOWN = -1.0
"""Input in place of the targets that a slot must not see."""


class FactorisedPrior(TransitionPrior, ABC):
    """Priors under which latents are independent of each other given z^t and the targets."""

    @abstractmethod
    def forward(self, z_prev: Latents, targets: Targets) -> SlotGaussians:
        """The Gaussians of z^{t+1}; the noise slot sees no target."""

    def for_latents(self, z_prev: Tensor, targets: Tensor) -> SlotGaussians:
        """The Gaussians that latents are trained against; some priors cut gradients here."""
        return self(z_prev, targets)

    def expected_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        repeated = targets.repeat_interleave(before.shape[1], 0)
        return self.for_latents(before.flatten(0, 1), repeated).nll_over_pairs(after)

    def kl(
        self,
        z_prev: Latents,
        z_next_mean: Latents,
        z_next_log_std: Latents,
        z_next_sample: Latents,
        targets: Targets,
        psi: Psi,
    ) -> Costs:
        return self(z_prev, targets).kl_from(z_next_mean, z_next_log_std)

    def sample(self, z_prev: Latents, targets: Targets, psi: Psi, generator: torch.Generator | None) -> Latents:
        return self(z_prev, targets).move(standard_normal(z_prev, generator), psi)


class _LatentMLP(nn.Module):
    """Per-latent network: (z^t, inputs) -> SiLU -> SiLU -> (mean, log-std); the context layer reads all of z^t."""

    def __init__(self, num_latents: int, num_inputs: int, hidden: int):
        super().__init__()
        self.context = nn.Linear(num_latents, num_latents * hidden)
        self.input = PerLatentLinear(num_latents, num_inputs, hidden)
        self.middle = PerLatentLinear(num_latents, hidden, hidden)
        self.output = PerLatentLinear(num_latents, hidden, 2)

    def forward(self, z_prev: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Map z^t (batch, L) and inputs (batch, ..., L, inputs) to mean and log-std, both (batch, ..., L)."""
        context = self.context(z_prev).unflatten(-1, (z_prev.shape[-1], -1))
        context = context.reshape(len(z_prev), *([1] * (inputs.ndim - 3)), *context.shape[1:])
        hidden = functional.silu(context + self.input(inputs))
        mean, log_std = self.output(functional.silu(self.middle(hidden))).unbind(-1)
        return mean, log_std.clamp(-MAX_LOG_STD, MAX_LOG_STD)


class PerfectPrior(FactorisedPrior):
    """Perfect interventions: the new value does not depend on the past.

    Without intervention, a network per latent reads z^t. With an intervention on slot s, the Gaussian is a free mean
    and log-std per latent and slot. Latents are trained against detached intervention parameters, and these parameters
    against detached latents.
    """

    def __init__(self, num_latents: int, num_variables: int, hidden: int = 32):
        super().__init__(num_latents, num_variables, hidden)
        self.network = _LatentMLP(num_latents, 1, hidden)
        self.intervened = nn.Parameter(torch.zeros(num_latents, num_variables, 2))

    def forward(self, z_prev: Latents, targets: Targets) -> SlotGaussians:
        return self._gaussians(z_prev, targets, self.intervened)

    def for_latents(self, z_prev: Tensor, targets: Tensor) -> SlotGaussians:
        return self._gaussians(z_prev, targets, self.intervened.detach())

    def _gaussians(self, z_prev: Tensor, targets: Tensor, intervened: Tensor) -> SlotGaussians:
        mean, log_std = (value.unsqueeze(-1) for value in self.network(z_prev, z_prev.unsqueeze(-1)))
        is_target = targets.unsqueeze(1) > 0.5
        means = torch.where(is_target, intervened[..., 0], mean)
        log_stds = torch.where(is_target, intervened[..., 1].clamp(-MAX_LOG_STD, MAX_LOG_STD), log_std)
        return SlotGaussians(torch.cat([means, mean], dim=-1), torch.cat([log_stds, log_std], dim=-1))

    def parameter_cost(self, z_next: Latents, targets: Targets) -> Float[Tensor, "batch"]:
        log_std = self.intervened[..., 1].clamp(-MAX_LOG_STD, MAX_LOG_STD)
        cost = gaussian.nll(z_next.detach().unsqueeze(-1), self.intervened[..., 0], log_std)
        return (cost * targets.unsqueeze(1)).sum(dim=(1, 2))


class ImperfectPrior(FactorisedPrior):
    """Imperfect interventions: the past still matters, by another rule.

    The network of each latent also reads a row of targets that contains the slot's own target only: I_s in column s,
    -1 elsewhere; in the noise slot column psi(0) is 0. One pass per slot, or one in all for a frozen assignment.
    """

    def __init__(self, num_latents: int, num_variables: int, hidden: int = 32):
        super().__init__(num_latents, num_variables, hidden)
        self.network = _LatentMLP(num_latents, 1 + num_variables + 1, hidden)

    def forward(self, z_prev: Latents, targets: Targets) -> SlotGaussians:
        rows = slot_rows(targets).unsqueeze(2).expand(-1, -1, self.num_latents, -1)
        past = z_prev[:, None, :, None].expand(-1, rows.shape[1], -1, 1)
        mean, log_std = self.network(z_prev, torch.cat([past, rows], dim=-1))
        return SlotGaussians(mean.transpose(1, 2), log_std.transpose(1, 2))

    def frozen_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        z_prev = before.flatten(0, 1)
        rows = slot_rows(targets.repeat_interleave(before.shape[1], 0))[:, psi.argmax(dim=-1)]
        mean, log_std = self.network(z_prev, torch.cat([z_prev.unsqueeze(-1), rows], dim=-1))
        return SlotGaussians(mean.unsqueeze(-1), log_std.unsqueeze(-1)).nll_over_pairs(after) * psi


def slot_rows(targets: Targets) -> Float[Tensor, "batch slots slots"]:
    """The targets that each slot may see: row s holds I_s in column s (0 in the noise slot) and -1 elsewhere."""
    padded = torch.cat([targets, targets.new_zeros(len(targets), 1)], dim=1)
    diagonal = torch.eye(padded.shape[1], dtype=torch.bool, device=targets.device)
    return torch.where(diagonal, padded.unsqueeze(1), torch.full_like(padded.unsqueeze(1), UNKNOWN))
