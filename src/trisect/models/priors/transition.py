"""Transition priors: p(z^{t+1} | z^t, I^{t+1}) as Gaussians per latent and slot, marginalised over psi.

A prior gives the mean and log standard deviation of every latent under every slot that it may belong to. The
function `marginalise` turns costs per latent and slot into a cost per example (Lippe et al., ICML 2022, eq. 6-8).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks, gaussian

Latents = Float[Tensor, "batch latents"]
Samples = Float[Tensor, "batch samples latents"]
Targets = Float[Tensor, "batch variables"]
Psi = Float[Tensor, "latents slots"]
Costs = Float[Tensor, "batch latents slots"]
MAX_LOG_STD = 10.0


@dataclass(frozen=True)
class SlotGaussians:
    """Mean and log standard deviation of each latent under each slot.

    Attributes:
        mean, log_std: (batch, latents, slots), the standard deviation's natural logarithm.
    """

    mean: Float[Tensor, "batch latents slots"]
    log_std: Float[Tensor, "batch latents slots"]

    def nll(self, z_next: Latents) -> Costs:
        """Negative log-density of z^{t+1} per latent and slot, in nats."""
        return gaussian.nll(z_next.unsqueeze(-1), self.mean, self.log_std)

    def expected_nll(self, mean: Latents, variance: Latents) -> Costs:
        """Average of `nll` over any set of values with this mean and (biased) variance."""
        spread = 0.5 * variance.unsqueeze(-1) * torch.exp(-2 * self.log_std)
        return self.nll(mean) + spread

    def kl_from(self, mean: Latents, log_std: Latents) -> Costs:
        """KL(q || p) per latent and slot, q the Gaussian of this mean and log standard deviation."""
        return gaussian.kl(mean.unsqueeze(-1), log_std.unsqueeze(-1), self.mean, self.log_std)

    def nll_over_pairs(self, after: Samples) -> Costs:
        """NLL averaged over S x S pairs per transition: S of these Gaussians, which are consecutive, and S values."""
        num_samples = after.shape[1]
        mean, variance = after.mean(dim=1), after.var(dim=1, unbiased=False)
        repeat = (mean.repeat_interleave(num_samples, 0), variance.repeat_interleave(num_samples, 0))
        return self.expected_nll(*repeat).unflatten(0, (-1, num_samples)).mean(dim=1)

    def move(self, noise: Latents, psi: Psi) -> Latents:
        """Turn standard normal noise into draws of each latent from its slot's Gaussian; psi is one-hot."""
        mean, log_std = ((value * psi).sum(dim=-1) for value in (self.mean, self.log_std))
        return mean + torch.exp(log_std) * noise


def standard_normal(like: Float[Tensor, "..."], generator: torch.Generator | None) -> Float[Tensor, "..."]:
    """Standard normal noise with the shape, type and device of a tensor; zeros without a generator."""
    if generator is None:
        return torch.zeros_like(like)
    return torch.randn(like.shape, generator=generator, device=generator.device).to(like)


def marginalise(cost: Costs, probs: Psi, noise_discount: float = 0.0) -> Float[Tensor, "batch"]:
    """Expected cost over psi: sum_l sum_s w_s probs[l, s] cost[b, l, s].

    Costs add up over latents, so the sum over all (K+1)^L assignments factorises.

    Args:
        cost: cost of each latent in each slot.
        probs: psi, (L, K + 1); rows sum to one.
        noise_discount: lambda in [0, 1]; the noise slot (the last) has weight w = 1 - lambda, every other w = 1.
    """
    weights = torch.ones_like(probs)
    weights[:, -1] = 1 - noise_discount
    return torch.einsum("bls,ls->b", cost, probs * weights)


class TransitionPrior(nn.Module, ABC):
    """p(z^{t+1} | z^t, I^{t+1}) for every latent and slot: the interface between a model and any prior.

    Every method also takes psi, one hard draw of the assignment, one-hot (L, K + 1). It is drawn once per step and
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

    def frozen_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        """`expected_nll` for a frozen assignment: costs of latents outside their slot in psi may be left at 0."""
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
        """Draw z^{t+1}, (batch, L): each latent from the Gaussian of its slot in psi, with noise from the generator.

        Without a generator every latent is the mean of its Gaussian.
        """

    def parameter_cost(self, z_next: Latents, targets: Targets) -> Float[Tensor, "batch"]:
        """Cost, on detached latents, of parameters that `expected_nll` detaches; its value never enters the loss."""
        return z_next.new_zeros(len(z_next))
