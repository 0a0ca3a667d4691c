"""CausalModel: joins a representation, a flow, an assignment, a transition prior and their objectives.

The loss of a batch of transitions (Lippe et al., ICML 2022, section 4.3), on S noisy samples of each latent vector:

    prior      NLL of z^{t+1} under the prior, averaged over all pairs of samples, marginalised over psi
    volume     - log |det dz/dx|
    minimality lambda_m times the innovation rate of the variables' slots (see `ObjectiveSettings`)
    noise_bonus lambda_b mean_l (1 - psi(l in noise slot)), training only
    classifier, latents   the two losses of the target classifier, for a learned assignment, training only

The parts that process latents slot by slot, the prior and the target classifier, share one hard draw of psi per step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trisect import checks
from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.models.priors.transition import marginalise
from trisect.models.representations.representation import Representation
from trisect.models.slot_model import Parts, SlotModel

HALF_LOG_2_PI_E = 0.5 * math.log(2 * math.pi * math.e)


@dataclass(frozen=True)
class ObjectiveSettings:
    """Weights of the objectives.

    The likelihood does not depend on whether a variable's slot holds more than its intervention moves: an invertible
    map that moves content between slots does not change the joint density. CITRIS requires as much content as possible
    in psi(0). The published way, a discount on the NLL of psi(0), can be exploited by stretching its latents.
    `minimality` weighs a scale-free measure instead, the innovation rate of a latent: its NLL given the past minus the
    entropy due to the latent noise alone, in nats. It is a cost for the variables' slots only.

    Attributes:
        noise: standard deviation of the noise added to the latents, relative to each latent's standard deviation.
        num_samples: S, number of noisy samples of every latent vector, at least 2.
        minimality: lambda_m, cost per nat of innovation rate in the variables' slots; 0 switches it off.
        noise_bonus: lambda_b, weight of the noise bonus, for learned assignments; 0 switches it off.
        classifier: weight of both losses of the target classifier; 0 leaves it out. They lead a learned assignment to
            the right slots, and are not used for a frozen one, where they would only cause leakage.
        latents: extra weight of the loss that trains the latents through the classifier.
    """

    noise: float = 0.01
    num_samples: int = 2
    minimality: float = 0.02
    noise_bonus: float = 0.01
    classifier: float = 1.0
    latents: float = 1.0

    def __post_init__(self) -> None:
        checks.in_range(self.noise, "noise of the objectives", 0.0, 1.0, open_low=True)
        checks.positive_int(self.num_samples, "num_samples of the objectives", 2)
        for name in ("minimality", "noise_bonus", "classifier", "latents"):
            checks.in_range(getattr(self, name), f"{name} of the objectives", 0.0, 1e3)


class CausalModel(SlotModel[Representation]):
    """A slot model of the latents of a frozen representation, see `SlotModel`.

    Args:
        parts: see `Parts`.
        variables: names of the targeted variables, in the order of the target columns.
        objectives: see `ObjectiveSettings`.

    Raises:
        ValueError: the parts disagree about the number of latents or of variables.
    """

    classifier_speed = 4 / 3
    deviation: Tensor

    def __init__(self, parts: Parts[Representation], variables: Iterable[str], objectives: ObjectiveSettings):
        super().__init__(parts, variables)
        self.objectives = objectives
        self.register_buffer("deviation", torch.ones(parts.representation.num_latents))

    def freeze_assignment(self, slots: Sequence[int]) -> None:
        """Fix which slot each latent belongs to; slots are no longer learned."""
        self._assignment.freeze(slots)

    def initialise(self, batch: SequenceBatch) -> None:
        """Adapt the flow to a first batch of the representation's latents."""
        self.flow.initialise(batch.observations.flatten(0, 1))

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        """Named loss terms of a batch whose observations are the representation's latents, (batch, time, L)."""
        samples, log_det = self._noisy_latents(batch.observations, step.generator)
        before, after = samples[:, :-1].flatten(0, 1), samples[:, 1:].flatten(0, 1)
        targets = batch.targets.flatten(0, 1)
        psi = self._assignment.sample(step.generator)
        terms = self._likelihood(before, after, targets, psi)
        terms["volume"] = -log_det.mean()
        if step.training:
            terms.update(self._shaping(before[:, 0], after[:, 0], targets, psi))
        else:
            terms = {"nll": terms["prior"].mean() + terms["volume"]}
        return LossTerms(**terms)

    def _noisy_latents(self, latents: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Flow outputs (batch, time, S, L) of noisy samples and their log-determinants (batch, time, S)."""
        shape = (*latents.shape[:-1], self.objectives.num_samples, latents.shape[-1])
        noise = torch.randn(shape, generator=generator, device=generator.device).to(latents)
        noisy = latents.unsqueeze(-2) + self.objectives.noise * self.deviation * noise
        z, log_det = self.flow(noisy.flatten(0, -2))
        return z.reshape(shape), log_det.reshape(shape[:-1])

    def _likelihood(self, before: Tensor, after: Tensor, targets: Tensor, psi: Tensor) -> dict[str, Tensor]:
        """The terms "prior" and "minimality" of transitions, from samples (transitions, S, L) before and after."""
        probs = self._assignment.probs()
        nll = self.prior.frozen_nll if self._assignment.is_frozen else self.prior.expected_nll
        cost = nll(before, after, targets, psi)
        terms = {"prior": marginalise(cost, probs)}
        noise_entropy = HALF_LOG_2_PI_E + 0.5 * torch.log(after.var(dim=1) + 1e-12)
        if self.objectives.minimality > 0:
            rate = cost - noise_entropy.unsqueeze(-1)
            terms["minimality"] = self.objectives.minimality * marginalise(rate, probs, noise_discount=1.0)
        return terms

    def _shaping(self, z_prev: Tensor, z_next: Tensor, targets: Tensor, psi: Tensor) -> dict[str, Tensor]:
        """Terms of training only: parameters that the NLL detaches, the classifier's losses, the noise bonus."""
        parameters = self.prior.parameter_cost(z_next, targets)
        terms = {"parameters": parameters - parameters.detach()}
        if self._assignment.is_frozen:
            return terms
        weight = self.objectives.classifier
        if weight > 0:
            self.classifier.update(targets)
            inputs = (z_prev, z_next, targets, psi)
            terms["classifier"] = weight * self.classifier.classifier_loss(*inputs)
            terms["latents"] = weight * self.objectives.latents * self.classifier.latent_loss(*inputs)
        if self.objectives.noise_bonus > 0:
            terms["noise_bonus"] = self.objectives.noise_bonus * (1 - self._assignment.probs()[:, -1]).mean()
        return terms
