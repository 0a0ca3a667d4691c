"""Target classifier: which targets can be predicted from which latents.

A network predicts all K targets of a transition from z^t and z^{t+1} masked to a set of latents. It is run for K + 2
sets: each variable's slot, the noise slot, all latents. Latents are then trained so that slot i and the set of all
latents predict I_i, and for any other pair of set and target the prediction is no better than the base rate (Lippe et
al., ICML 2022, section 4.4).
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
        momentum: momentum in [0, 1) of the EMA copy that the latents are trained against; 0 copies the network at
            every step.
        conditional: whether base rates are P(I_j | I_i) instead of P(I_j), for targets that are not independent.
    """

    hidden: int = 32
    momentum: float = 0.0
    conditional: bool = True

    def __post_init__(self) -> None:
        checks.size(self.hidden, "hidden of a target classifier")
        momentum = checks.in_range(self.momentum, "momentum of a target classifier", 0, 1)
        checks.require(momentum < 1, "momentum of a target classifier", "below 1", momentum)


class BaseRates(nn.Module):
    """Running base rates of the targets: P(I_j = 1), and P(I_j = 1 | I_i) from counts.

    They are buffers, so that a checkpoint contains them and their counts. Before the first batch they are 0.5.

    Args:
        num_variables: K, the number of targeted variables.
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
            conditions = torch.stack([1 - targets, targets], dim=-1)
            counts = conditions.sum(dim=0)
            ones = torch.einsum("bj,big->jig", targets, conditions)
            self.conditional.copy_((self.conditional * self.counts + ones) / (self.counts + counts))
            self.counts += counts

    def labels(
        self, targets: Float[Tensor, "batch variables"], *, conditional: bool
    ) -> Float[Tensor, "batch sets variables"]:
        """Expected I_j for each of the K + 2 sets; for slot i given I_i if ``conditional``."""
        num_variables = targets.shape[1]
        labels = self.marginal.expand(len(targets), num_variables + 2, num_variables).clone()
        if conditional:
            zero, one = self.conditional.permute(2, 1, 0)
            labels[:, :num_variables] = torch.where(targets.unsqueeze(-1) > 0.5, one, zero)
        return labels


class TargetClassifier(nn.Module):
    """The classifier, its EMA copy, which is not trained, and the base rates.

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
        self.judge = copy.deepcopy(self.network).requires_grad_(False)  # the EMA copy; weight files use this name
        self.base_rates = BaseRates(num_variables)

    def update(self, targets: Float[Tensor, "batch variables"]) -> None:
        """Update the EMA copy and count the targets; call it before the losses of a training step."""
        with torch.no_grad():
            for average, new in zip(self.judge.parameters(), self.network.parameters()):
                average.lerp_(new, 1 - self.settings.momentum)
        self.base_rates.update(targets)

    def classifier_loss(self, z_prev: Tensor, z_next: Tensor, targets: Tensor, psi: Tensor) -> Float[Tensor, "batch"]:
        """Cross-entropy of every target predicted from every set, summed over sets and averaged over targets.

        The latents and psi are detached, so that it trains the network only.

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
        """Loss that trains the latents, computed with the EMA copy; arguments as in `classifier_loss`.

        Slot i should predict I_i, and all latents together every target (weight K); the prediction of any other pair
        should be the base rate (weight 1).
        """
        logits = self.judge(_inputs(z_prev, z_next, psi))
        paired = self._paired(logits.device)
        labels = self.base_rates.labels(targets, conditional=self.settings.conditional)
        labels = torch.where(paired, targets.unsqueeze(1), labels)
        weights = torch.where(paired, float(self.num_variables), 1.0)
        cost = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
        return (weights * cost).mean(dim=-1).sum(dim=-1)

    def _paired(self, device: torch.device) -> Tensor:
        """Which sets (rows) should predict which targets (columns)."""
        paired = torch.eye(self.num_variables + 2, self.num_variables, dtype=torch.bool, device=device)
        paired[-1] = True
        return paired


def _inputs(z_prev: Tensor, z_next: Tensor, psi: Tensor) -> Float[Tensor, "batch sets inputs"]:
    """[z^t, z^{t+1} * mask, mask] for the mask of each slot and of all latents."""
    masks = torch.cat([psi.T, torch.ones_like(psi.T[:1])])
    shape = (len(z_prev), len(masks), z_prev.shape[1])
    before = z_prev.unsqueeze(1).expand(shape)
    return torch.cat([before, z_next.unsqueeze(1) * masks, masks.expand(shape)], dim=-1)
