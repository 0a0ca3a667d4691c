"""Autoregressive transition prior: latents of one slot may depend on each other within a time step.

The latents of a variable that fills several of them are in general not independent given the past. In slot s

    p(z_s^{t+1} | z^t, I_s) = prod_{l in s} N(z_l^{t+1}; m_l, exp(2 a_l))
    (m_l, a_l) = f_l(z_j^{t+1} for j < l in s, z^t, I_s)

with one masked network f for all slots (Germain et al., ICML 2015). A mask is an input that marks the latents in the
slot (Lippe et al., ICML 2022, appendix C).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.layers import MaskedLinear, autoregressive_mask
from trisect.models.priors.factorised import slot_rows
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


class AutoregressivePrior(TransitionPrior):
    """Gaussians of each latent given the latents before it in its slot, z^t and the slot's target.

    With m = psi[:, s], the members of slot s in the hard draw, latent l has `hidden` features

        h_l = 1/2 (A_l (z_j m_j, 2 m_j - 1)_{j < l} + B_l row_s + [1 - I_s] C_l z^t),

    with row_s as in `slot_rows` and [1 - I_s] for perfect interventions only. Then follow, twice, SiLU and a masked
    linear map in which latent l sees the features of j <= l. One pass per slot.

    The cost of latent l in slot s depends on psi only through the latents before l. Its expectation over draws of psi,
    weighted by `marginalise`, is therefore the expectation over all assignments. Gradients reach psi through both.

    Args:
        num_latents, num_variables: L and K.
        hidden: hidden units per latent.
        perfect: whether interventions are perfect: an intervened slot then does not see z^t. If False, the past still
            matters, by another rule.
    """

    def __init__(self, num_latents: int, num_variables: int, hidden: int = 16, *, perfect: bool = False):
        super().__init__(num_latents, num_variables, hidden)
        self.perfect = perfect
        self.context = nn.Linear(num_latents, num_latents * hidden)
        self.row = nn.Linear(num_variables + 1, num_latents * hidden)
        self.first = MaskedLinear(autoregressive_mask(num_latents, 2, hidden, strict=True))
        self.middle = MaskedLinear(autoregressive_mask(num_latents, hidden, hidden, strict=False))
        self.last = MaskedLinear(autoregressive_mask(num_latents, hidden, 2, strict=False))

    def forward(self, z_prev: Latents, z_next: Latents, targets: Targets, psi: Psi) -> SlotGaussians:
        """The Gaussians of z^{t+1}; z_next contains the values of the preceding latents that each latent sees."""
        features = (self.first(_members(z_next, psi)) + self._condition(z_prev, targets)) / 2
        hidden = functional.silu(self.middle(functional.silu(features)))
        mean, log_std = self.last(hidden).unflatten(-1, (self.num_latents, 2)).transpose(1, 2).unbind(-1)
        return SlotGaussians(mean, log_std.clamp(-MAX_LOG_STD, MAX_LOG_STD))

    def _condition(self, z_prev: Tensor, targets: Tensor) -> Float[Tensor, "batch slots features"]:
        """Features of the past and of each slot's own target."""
        rows, past = slot_rows(targets), self.context(z_prev).unsqueeze(1)
        if self.perfect:
            past = past * (1 - rows.diagonal(dim1=1, dim2=2)).unsqueeze(-1)
        return self.row(rows) + past

    def expected_nll(self, before: Samples, after: Samples, targets: Targets, psi: Psi) -> Costs:
        """NLL per latent and slot; sample a of z^t and z^{t+1} gives a Gaussian for all S values of latent l.

        As published. In most pairs a latent and those before it thus come from different samples. The average equals
        that of the joint density if a frame's latents are independent of each other given the frame.
        """
        repeated = targets.repeat_interleave(before.shape[1], 0)
        return self(before.flatten(0, 1), after.flatten(0, 1), repeated, psi).nll_over_pairs(after)

    def kl(
        self,
        z_prev: Latents,
        z_next_mean: Latents,
        z_next_log_std: Latents,
        z_next_sample: Latents,
        targets: Targets,
        psi: Psi,
    ) -> Costs:
        """KL per latent and slot, given the sample of preceding latents; unbiased for the KL of the joint density."""
        return self(z_prev, z_next_sample, targets, psi).kl_from(z_next_mean, z_next_log_std)

    def sample(self, z_prev: Latents, targets: Targets, psi: Psi, generator: torch.Generator | None) -> Latents:
        """Draw z^{t+1} latent by latent, in L passes."""
        noise, z_next = standard_normal(z_prev, generator), torch.zeros_like(z_prev)
        position = torch.arange(self.num_latents, device=z_prev.device)
        for latent in range(self.num_latents):
            drawn = self(z_prev, z_next, targets, psi).move(noise, psi)
            z_next = torch.where(position == latent, drawn, z_next)
        return z_next


def _members(z_next: Tensor, psi: Tensor) -> Float[Tensor, "batch slots inputs"]:
    """Interleaved pairs (z_l m_l, 2 m_l - 1) for the members m of each slot."""
    mask = psi.T
    values = z_next.unsqueeze(1) * mask
    return torch.stack([values, (2 * mask - 1).expand_as(values)], dim=-1).flatten(-2)
