"""The minimality objective: its value by plain loops, and its effect where the likelihood is indifferent."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings
from trisect.models.flows.factory import published_flow
from trisect.models.flows.flow import Flow, LogDet, Vectors
from trisect.models.priors.factorised import FactorisedPrior, ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import SlotGaussians, TransitionPrior
from trisect.models.representations.representation import VectorRepresentation
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings

LATENTS, VARIABLES, SAMPLES = 4, 2, 3


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def step(seed: int = 0) -> Step:
    return Step(0, 0.0, torch.Generator().manual_seed(seed))


def mixed_model(prior: type[TransitionPrior], minimality: float) -> CausalModel:
    """A model with an uneven soft assignment, whose latents have noise of different sizes."""
    torch.manual_seed(0)
    parts = Parts(
        VectorRepresentation(LATENTS),
        published_flow(LATENTS, 2, 4, torch.Generator().manual_seed(1)),
        Assignment(LATENTS, VARIABLES),
        prior(LATENTS, VARIABLES, 4),
        TargetClassifier(LATENTS, VARIABLES, TargetClassifierSettings(hidden=4)),
    )
    objectives = ObjectiveSettings(noise=0.3, num_samples=SAMPLES, minimality=minimality)
    model = CausalModel(parts, ("here", "there"), objectives)
    with torch.no_grad():
        model._assignment.logits.copy_(randn(LATENTS, VARIABLES + 1, seed=2))
        model.deviation.copy_(torch.arange(1.0, LATENTS + 1))
        for parameter in model.flow.parameters():
            parameter.add_(0.2 * randn(*parameter.shape, seed=3))
    return model


def transitions() -> SequenceBatch:
    targets = (torch.rand(5, 2, VARIABLES, generator=torch.Generator().manual_seed(4)) < 0.4).float()
    return SequenceBatch(randn(5, 3, LATENTS, seed=5), targets)


def nll_over_pairs(
    prior: FactorisedPrior, before: Tensor, after: Tensor, target: Tensor, latent: int, slot: int
) -> float:
    """Mean over all pairs of a sample (S, L) before and one after of -log N, in nats."""
    costs = []
    for z_prev in before:
        gaussians = prior(z_prev[None], target[None])
        law = Normal(gaussians.mean[0, latent, slot], gaussians.log_std[0, latent, slot].exp())
        costs += [-float(law.log_prob(z_next[latent])) for z_next in after]
    return float(np.mean(costs))


def minimality_by_hand(model: CausalModel, data: SequenceBatch, seed: int) -> list[float]:
    """Per transition: lambda times the sum over latents and variables of psi times (NLL - noise entropy), in nats."""
    noise = torch.randn(5, 3, SAMPLES, LATENTS, generator=torch.Generator().manual_seed(seed))
    noisy = data.observations.unsqueeze(2) + 0.3 * torch.arange(1.0, LATENTS + 1) * noise
    z = model.flow(noisy.flatten(0, 2))[0].unflatten(0, noisy.shape[:3])
    probs, values = torch.softmax(model._assignment.logits, dim=1).tolist(), []
    assert isinstance(model.prior, FactorisedPrior)
    for b in range(5):
        for t in range(2):
            before, after, value = z[b, t], z[b, t + 1], 0.0
            for latent in range(LATENTS):
                variance = np.var(after[:, latent].tolist(), ddof=1)
                entropy = 0.5 * math.log(2 * math.pi * math.e * variance)
                for slot in range(VARIABLES):
                    nll = nll_over_pairs(model.prior, before, after, data.targets[b, t], latent, slot)
                    value += probs[latent][slot] * (nll - entropy)
            values.append(model.objectives.minimality * value)
    return values


@pytest.mark.parametrize("prior", [PerfectPrior, ImperfectPrior])
@pytest.mark.parametrize("minimality", [0.02, 1.5])
@torch.no_grad()
def test_the_minimality_is_the_innovation_rate_of_the_variables_by_plain_loops(
    prior: type[TransitionPrior], minimality: float
) -> None:
    model, data = mixed_model(prior, minimality), transitions()
    minimalities = model.loss(data, step(8))["minimality"]
    assert minimalities.tolist() == pytest.approx(minimality_by_hand(model, data, 8), rel=1e-3, abs=1e-4)
    held_out = model.loss(data, Step(0, 0.0, torch.Generator().manual_seed(8), training=False))
    assert "minimality" not in held_out


SPREAD = (1.0, 0.2)
"""Noise of the two latents, in units of 0.05: the second is more precise, by log 5 nats."""
PERSISTENCE = 0.6


class Turn(Flow):
    """Turns pairs of latents by a learned angle."""

    def __init__(self, angle: float):
        super().__init__()
        self.angle = nn.Parameter(torch.tensor(angle))

    def matrix(self) -> Tensor:
        cos, sin = self.angle.cos(), self.angle.sin()
        return torch.stack([torch.stack([cos, sin]), torch.stack([-sin, cos])])

    def forward(self, x: Vectors) -> tuple[Vectors, LogDet]:
        return x @ self.matrix(), x.new_zeros(len(x))

    def inverse(self, z: Vectors) -> Vectors:
        return z @ self.matrix().T


class RoundPrior(FactorisedPrior):
    """z' ~ N(0.6 z, 0.64) for every slot and target: it is invariant under rotations."""

    def forward(self, z_prev: Vectors, targets: Tensor) -> SlotGaussians:
        mean = PERSISTENCE * z_prev.unsqueeze(-1).expand(-1, -1, self.num_variables + 1)
        return SlotGaussians(mean, torch.full_like(mean, math.log(0.8)))


def round_world(num: int = 4000) -> SequenceBatch:
    """Transitions of two latents with the same dynamics; their distribution is invariant under rotations."""
    z_prev = randn(num, 2, seed=11)
    z_next = PERSISTENCE * z_prev + 0.8 * randn(num, 2, seed=12)
    return SequenceBatch(torch.stack([z_prev, z_next], dim=1), torch.zeros(num, 1, 1))


def round_model(minimality: float, angle: float = 0.7) -> CausalModel:
    """The first latent belongs to the variable's slot, the second to the noise slot; the assignment is frozen."""
    assignment = Assignment(2, 1)
    assignment.freeze([0, 1])
    classifier = TargetClassifier(2, 1, TargetClassifierSettings(hidden=4))
    parts = Parts(VectorRepresentation(2), Turn(angle), assignment, RoundPrior(2, 1, 1), classifier)
    objectives = ObjectiveSettings(noise=0.05, num_samples=8, minimality=minimality)
    model = CausalModel(parts, ("moved",), objectives)
    model.deviation.copy_(torch.tensor(SPREAD))
    return model


def slope(model: CausalModel, loss: Tensor) -> float:
    """Derivative of a loss in the flow's angle."""
    assert isinstance(model.flow, Turn)
    return float(torch.autograd.grad(loss, model.flow.angle, retain_graph=True, allow_unused=True)[0])


def terms_of(model: CausalModel, seed: int = 0) -> LossTerms:
    return model.loss(round_world(), step(seed))


def test_two_alike_latents_are_distinguished_by_minimality_and_not_by_the_likelihood() -> None:
    """The noise of z_0 at angle a has variance cos^2 a + 0.04 sin^2 a; minimality falls with half its logarithm."""
    first, second = (spread**2 for spread in SPREAD)
    for angle in (-1.0, 0.3, 0.7, 1.3):
        model = round_model(1.5, angle)
        terms = terms_of(model)
        sin, cos = math.sin(angle), math.cos(angle)
        expected = 1.5 * sin * cos * (first - second) / (first * cos**2 + second * sin**2)
        assert slope(model, terms["prior"].mean()) == pytest.approx(0.0, abs=1e-4)
        assert slope(model, terms["minimality"].mean()) == pytest.approx(expected, rel=0.1, abs=0.06)


@pytest.mark.parametrize(("minimality", "moves"), [(1.0, True), (0.0, False)])
def test_minimality_moves_innovation_from_the_variables_slot_to_the_noise_slot(minimality: float, moves: bool) -> None:
    model = round_model(minimality)
    optimiser = torch.optim.SGD(model.flow.parameters(), lr=0.2)
    for index in range(30):
        optimiser.zero_grad()
        terms_of(model, index).total().backward()
        optimiser.step()
    assert isinstance(model.flow, Turn)
    assert float(model.flow.angle.detach()) == pytest.approx(0.0 if moves else 0.7, abs=0.06 if moves else 0.01)


@pytest.mark.parametrize("minimality", [1.0, 0.0])
def test_minimality_moves_a_latent_that_all_slots_explain_equally_to_the_noise_slot(minimality: float) -> None:
    """The prior is the same in both slots: the likelihood has no slope in psi, minimality has one towards noise."""
    model = round_model(minimality)
    model._assignment = Assignment(2, 1)
    terms = terms_of(model)
    of_prior = torch.autograd.grad(terms["prior"].mean(), model._assignment.logits, retain_graph=True)[0]
    assert torch.allclose(of_prior, torch.zeros(2, 2), atol=1e-6)
    if minimality == 0:
        assert "minimality" not in terms
        return
    of_minimality = torch.autograd.grad(terms["minimality"].mean(), model._assignment.logits)[0]
    assert (of_minimality[:, 0] > 0.1).all() and (of_minimality[:, 1] < -0.1).all()
