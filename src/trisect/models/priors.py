"""Transition priors: p(z^{t+1} | z^t, I^{t+1}) as Gaussians per latent and slot, marginalised over psi.

A prior gives the mean and log standard deviation of every latent under every slot that it may belong to. The one
function `marginalise` turns costs per latent and slot into a cost per example (Lippe et al., ICML 2022, eq. 6-8).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks, gaussian
from trisect.models.layers import PerLatentLinear

Latents = Float[Tensor, "batch latents"]
Samples = Float[Tensor, "batch samples latents"]
Targets = Float[Tensor, "batch variables"]
Psi = Float[Tensor, "latents slots"]
Costs = Float[Tensor, "batch latents slots"]

MAX_LOG_STD = 10.0
UNKNOWN = -1.0
"""Input for the targets that a slot must not see."""


@dataclass(frozen=True)
class SlotGaussians:
    """Mean and log standard deviation of each latent under each slot.

    Attributes:
        mean, log_std: (batch, latents, slots).
    """

    mean: Float[Tensor, "batch latents slots"]
    log_std: Float[Tensor, "batch latents slots"]

    def nll(self, z_next: Latents) -> Costs:
        """Negative log-density of z^{t+1} per latent and slot, in nats."""
        return gaussian.nll(z_next.unsqueeze(-1), self.mean, self.log_std)

    def expected_nll(self, mean: Latents, variance: Latents) -> Costs:
        """`nll` averaged over any set of values with this mean and (biased) variance."""
        spread = 0.5 * variance.unsqueeze(-1) * torch.exp(-2 * self.log_std)
        return self.nll(mean) + spread

    def kl_from(self, mean: Latents, log_std: Latents) -> Costs:
        """KL(q || p) per latent and slot, q Gaussian with the given mean and log standard deviation."""
        return gaussian.kl(mean.unsqueeze(-1), log_std.unsqueeze(-1), self.mean, self.log_std)

    def nll_over_pairs(self, after: Samples) -> Costs:
        """NLL of transitions averaged over S x S pairs: these Gaussians, S in a row per transition, and S values."""
        num_samples = after.shape[1]
        mean, variance = after.mean(dim=1), after.var(dim=1, unbiased=False)
        repeat = (mean.repeat_interleave(num_samples, 0), variance.repeat_interleave(num_samples, 0))
        return self.expected_nll(*repeat).unflatten(0, (-1, num_samples)).mean(dim=1)

    def move(self, noise: Latents, psi: Psi) -> Latents:
        """Standard normal noise as draws of each latent from its slot's Gaussian; psi is one-hot."""
        mean, log_std = ((value * psi).sum(dim=-1) for value in (self.mean, self.log_std))
        return mean + torch.exp(log_std) * noise


def standard_normal(like: Float[Tensor, "..."], generator: torch.Generator | None) -> Float[Tensor, "..."]:
    """Standard normal noise of the shape, type and device of a tensor; zeros without a generator."""
    if generator is None:
        return torch.zeros_like(like)
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)


def marginalise(cost: Costs, probs: Psi, noise_discount: float = 0.0) -> Float[Tensor, "batch"]:
    """Expected cost over psi: sum_l sum_s w_s probs[l, s] cost[b, l, s].

    The cost is additive over latents, so the sum over all (K+1)^L assignments factorises.

    Args:
        cost: per latent and slot.
        probs: psi, rows sum to one.
        noise_discount: lambda in [0, 1]; the noise slot (the last) counts w = 1 - lambda, every other w = 1.
    """
    weights = torch.ones_like(probs)
    weights[:, -1] = 1 - noise_discount
    return torch.einsum("bls,ls->b", cost, probs * weights)


class TransitionPrior(nn.Module, ABC):
    """p(z^{t+1} | z^t, I^{t+1}) for every latent and slot: what a model asks of any prior.

    Every method also gets psi, one hard draw of the assignment, one-hot (L, K + 1). It is drawn once per step and
    shared with the other parts; priors whose latents are independent given the past need it for `sample` only.

    Args:
        num_latents: L.
        num_variables: K; the slots are the variables, then noise.
        hidden: hidden units per latent.
    """

    def __init__(self, num_latents: int, num_variables: int, hidden: int):
        super().__init__()
        self.num_latents = checks.positive_int(num_latents, "num_latents of a prior")
        self.num_variables = checks.positive_int(num_variables, "num_variables of a prior")
        self.hidden = checks.positive_int(hidden, "hidden of a prior")

    @abstractmethod
    def expected_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        """NLL per latent and slot, averaged over all pairs of a sample of z^t and one of z^{t+1}, in nats.

        Args:
            before, after: S samples each of z^t and z^{t+1}, (batch, S, L).
            targets: I^{t+1}, (batch, K) float 0/1.
            psi: one-hot, (L, K + 1).
        """

    def held_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        """`expected_nll` for an assignment that is held: what latents cost in other slots than psi's may be left 0."""
        return self.expected_nll(before, after, targets, psi)

    @abstractmethod
    def kl(
        self,
        z_prev: Latents,
        z_next_mean: Latents,
        z_next_log_std: Latents,
        z_next_sample: Latents,
        targets: Targets,
        psi: Psi,
    ) -> Costs:
        """KL(q || p) per latent and slot, in nats, q Gaussian with independent latents.

        Args:
            z_prev: a sample of z^t, (batch, L).
            z_next_mean, z_next_log_std: of q(z^{t+1}), (batch, L).
            z_next_sample: a draw from q(z^{t+1}), (batch, L).
            targets: I^{t+1}, (batch, K) float 0/1.
            psi: one-hot, (L, K + 1).
        """

    @abstractmethod
    def sample(self, z_prev: Latents, targets: Targets, psi: Psi, generator: torch.Generator | None) -> Latents:
        """Draw z^{t+1}, (batch, L): each latent from the Gaussian of its slot in psi, the noise by the generator.

        Without a generator every latent is the mean of its Gaussian.
        """

    def parameter_cost(self, z_next: Latents, targets: Targets) -> Float[Tensor, "batch"]:
        """Cost of parameters that `expected_nll` cuts off, on detached latents; its value never enters the loss."""
        return z_next.new_zeros(len(z_next))


class FactorisedPrior(TransitionPrior, ABC):
    """Latents are independent of each other given z^t and the targets: Gaussians without a look at z^{t+1}."""

    @abstractmethod
    def forward(self, z_prev: Latents, targets: Targets) -> SlotGaussians:
        """The Gaussians of z^{t+1}; in the noise slot no target is seen."""

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
    """Per-latent network: (z^t, own inputs) -> SiLU -> SiLU -> (mean, log-std); the context layer reads all of z^t."""

    def __init__(self, num_latents: int, num_inputs: int, hidden: int):
        super().__init__()
        self.context = nn.Linear(num_latents, num_latents * hidden)
        self.input = PerLatentLinear(num_latents, num_inputs, hidden)
        self.middle = PerLatentLinear(num_latents, hidden, hidden)
        self.output = PerLatentLinear(num_latents, hidden, 2)

    def forward(self, z_prev: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (batch, L) and (batch, ..., L, inputs); returns mean and log-std of shape (batch, ..., L)."""
        context = self.context(z_prev).unflatten(-1, (z_prev.shape[-1], -1))
        context = context.reshape(len(z_prev), *([1] * (own.ndim - 3)), *context.shape[1:])
        hidden = functional.silu(context + self.input(own))
        mean, log_std = self.output(functional.silu(self.middle(hidden))).unbind(-1)
        return mean, log_std.clamp(-MAX_LOG_STD, MAX_LOG_STD)


class PerfectPrior(FactorisedPrior):
    """Perfect interventions: the new value does not depend on the past.

    Not intervened: a network per latent on z^t. Intervened on slot s: a free mean and log-std per latent and slot.
    Latents are trained against detached intervention parameters, and those against detached latents.
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
    """Imperfect interventions: the past still matters, by a changed rule.

    The network of each latent also reads a row of targets in which only the slot's own is known: I_s in column s,
    -1 elsewhere; in the noise slot column psi(0) is 0. One pass per slot, or one in all for a held assignment.
    """

    def __init__(self, num_latents: int, num_variables: int, hidden: int = 32):
        super().__init__(num_latents, num_variables, hidden)
        self.network = _LatentMLP(num_latents, 1 + num_variables + 1, hidden)

    def forward(self, z_prev: Latents, targets: Targets) -> SlotGaussians:
        rows = slot_rows(targets).unsqueeze(2).expand(-1, -1, self.num_latents, -1)
        own = z_prev[:, None, :, None].expand(-1, rows.shape[1], -1, 1)
        mean, log_std = self.network(z_prev, torch.cat([own, rows], dim=-1))
        return SlotGaussians(mean.transpose(1, 2), log_std.transpose(1, 2))

    def held_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        z_prev = before.flatten(0, 1)
        rows = slot_rows(targets.repeat_interleave(before.shape[1], 0))[:, psi.argmax(dim=-1)]
        mean, log_std = self.network(z_prev, torch.cat([z_prev.unsqueeze(-1), rows], dim=-1))
        return SlotGaussians(mean.unsqueeze(-1), log_std.unsqueeze(-1)).nll_over_pairs(after) * psi


def slot_rows(targets: Targets) -> Float[Tensor, "batch slots slots"]:
    """What each slot may know of the targets: row s holds I_s in column s (0 in the noise slot) and -1 elsewhere."""
    padded = torch.cat([targets, targets.new_zeros(len(targets), 1)], dim=1)
    own = torch.eye(padded.shape[1], dtype=torch.bool, device=targets.device)
    return torch.where(own, padded.unsqueeze(1), torch.full_like(padded.unsqueeze(1), UNKNOWN))
