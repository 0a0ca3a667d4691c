"""Target classifier: which targets can be told from which latents.

A network predicts all K targets of a transition from z^t and z^{t+1} masked to a set of latents. It is run for K + 2
sets: each variable's slot, the noise slot, all latents. Latents are then trained so that slot i tells I_i, and every
other pair of set and target tells no more than the base rate (Lippe et al., ICML 2022, section 4.4).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks


@dataclass(frozen=True)
class TargetClassifierSettings:
    """Settings of the target classifier.

    Attributes:
        hidden: c; the network has 2 c hidden units.
        momentum: of the frozen copy that judges the latents, in [0, 1); 0 copies the network at every step.
        conditional: base rates P(I_j | I_i) instead of P(I_j), for targets that are not independent.
    """

    hidden: int = 32
    momentum: float = 0.0
    conditional: bool = True

    def __post_init__(self) -> None:
        checks.positive_int(self.hidden, "hidden of a target classifier")
        momentum = checks.in_range(self.momentum, "momentum of a target classifier", 0, 1)
        checks.require(momentum < 1, "momentum of a target classifier", "below 1", momentum)


class BaseRates(nn.Module):
    """Running base rates of the targets: P(I_j = 1), and P(I_j = 1 | I_i) from counts.

    They are buffers, so that a checkpoint holds them with their counts. Before the first batch they are .5.

    Args:
        num_variables: K.
    """

    marginal: Tensor
    num_batches: Tensor
    conditional: Tensor
    counts: Tensor

    def __init__(self, num_variables: int):
        super().__init__()
        self.register_buffer("marginal", torch.full((num_variables,), 0.5))
        self.register_buffer("num_batches", torch.tensor(0.0))
        self.register_buffer("conditional", torch.full((num_variables, num_variables, 2), 0.5))
        self.register_buffer("counts", torch.ones(num_variables, 2))

    def update(self, targets: Float[Tensor, "batch variables"]) -> None:
        """Count a batch of 0/1 targets: the marginal is a mean of batch means, the conditional is count-weighted."""
        with torch.no_grad():
            self.num_batches += 1
            self.marginal += (targets.mean(dim=0) - self.marginal) / self.num_batches
            given = torch.stack([1 - targets, targets], dim=-1)
            seen = given.sum(dim=0)
            ones = torch.einsum("bj,big->jig", targets, given)
            self.conditional.copy_((self.conditional * self.counts + ones) / (self.counts + seen))
            self.counts += seen

    def labels(
        self, targets: Float[Tensor, "batch variables"], *, conditional: bool
    ) -> Float[Tensor, "batch sets variables"]:
        """Expected I_j for each of the K + 2 sets; for slot i conditional on I_i if asked for."""
        num_variables = targets.shape[1]
        labels = self.marginal.expand(len(targets), num_variables + 2, num_variables).clone()
        if conditional:
            zero, one = self.conditional.permute(2, 1, 0)
            labels[:, :num_variables] = torch.where(targets.unsqueeze(-1) > 0.5, one, zero)
        return labels


class TargetClassifier(nn.Module):
    """The classifier, its frozen copy and the base rates.

    Args:
        num_latents: L.
        num_variables: K.
        settings: see `TargetClassifierSettings`.
    """

    def __init__(self, num_latents: int, num_variables: int, settings: TargetClassifierSettings):
        super().__init__()
        self.settings = settings
        self.num_variables = num_variables
        width = 2 * settings.hidden
        last = nn.Linear(width, num_variables)
        nn.init.zeros_(last.weight)
        self.network = nn.Sequential(nn.Linear(3 * num_latents, width), nn.LayerNorm(width), nn.SiLU(), last)
        self.judge = copy.deepcopy(self.network).requires_grad_(False)
        self.base_rates = BaseRates(num_variables)

    def update(self, targets: Float[Tensor, "batch variables"]) -> None:
        """Before the losses of a training step: move the frozen copy and count the targets."""
        with torch.no_grad():
            for kept, new in zip(self.judge.parameters(), self.network.parameters()):
                kept.lerp_(new, 1 - self.settings.momentum)
        self.base_rates.update(targets)

    def classifier_loss(self, z_prev: Tensor, z_next: Tensor, targets: Tensor, psi: Tensor) -> Float[Tensor, "batch"]:
        """Cross-entropy of every target from every set, inputs detached; the sum over sets of the mean over targets.

        Args:
            z_prev, z_next: (batch, L).
            targets: (batch, K) float 0/1.
            psi: (L, K + 1), a sample or the hard assignment.
        """
        logits = self.network(_inputs(z_prev.detach(), z_next.detach(), psi.detach()))
        labels = targets.unsqueeze(1).expand_as(logits)
        cost = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return cost.mean(dim=-1).sum(dim=-1)

    def latent_loss(self, z_prev: Tensor, z_next: Tensor, targets: Tensor, psi: Tensor) -> Float[Tensor, "batch"]:
        """What the latents are trained on, judged by the frozen copy; arguments as in `classifier_loss`.

        Slot i must tell I_i and all latents together every target (weight K); any other pair must not tell more
        than the base rate (weight 1).
        """
        logits = self.judge(_inputs(z_prev, z_next, psi))
        own = self._own_pairs(logits.device)
        labels = self.base_rates.labels(targets, conditional=self.settings.conditional)
        labels = torch.where(own, targets.unsqueeze(1), labels)
        weights = torch.where(own, float(self.num_variables), 1.0)
        cost = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return (weights * cost).mean(dim=-1).sum(dim=-1)

    def _own_pairs(self, device: torch.device) -> Tensor:
        own = torch.eye(self.num_variables + 2, self.num_variables, dtype=torch.bool, device=device)
        own[-1] = True
        return own


def _inputs(z_prev: Tensor, z_next: Tensor, psi: Tensor) -> Float[Tensor, "batch sets inputs"]:
    """[z^t, z^{t+1} * mask, mask] for the mask of each slot and of all latents."""
    masks = torch.cat([psi.T, torch.ones_like(psi.T[:1])])
    shape = (len(z_prev), len(masks), z_prev.shape[1])
    before = z_prev.unsqueeze(1).expand(shape)
    return torch.cat([before, z_next.unsqueeze(1) * masks, masks.expand(shape)], dim=-1)
