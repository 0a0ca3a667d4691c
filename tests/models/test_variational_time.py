"""Which frame each part of the KL reads, by plain loops over posteriors that differ in every frame."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from trisect.batches import SequenceBatch, Step
from trisect.models.assignment import Assignment
from trisect.models.flows.factory import published_flow
from trisect.models.flows.flow import Chain, Flow
from trisect.models.networks.network import ImageNetwork
from trisect.models.networks.variational import FIXED_BOUND, VariationalEncoder
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.transition import SlotGaussians, TransitionPrior
from trisect.models.representations.variational import VariationalVectors
from trisect.models.slot_model import Parts
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings
from trisect.models.variational_model import VariationalModel, VariationalSettings

DIM, LATENTS, VARIABLES, NUM, TIME, SEED = 4, 3, 2, 5, 4, 8
PRIORS = [PerfectPrior, ImperfectPrior, AutoregressivePrior]
SHARES = torch.tensor([0.5, -1.0, 0.8])
"""Slope of each latent's log-std in the clock, see `windows`."""


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


MATRIX = randn(DIM, LATENTS, seed=1)


class ClockEncoder(ImageNetwork):
    """Means x A; the log-std before its bound follows the last feature, which is the frame's clock."""

    def initialise(self, frames: Tensor) -> None:
        """Nothing."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x @ MATRIX, x[:, -1:] * SHARES], dim=1)


class Decoder(ImageNetwork):
    """All zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.zeros = nn.Parameter(torch.zeros(DIM))

    def initialise(self, frames: Tensor) -> None:
        """Nothing."""

    def forward(self, z: Tensor) -> Tensor:
        return self.zeros.expand(len(z), -1)


def make(prior: type[TransitionPrior], flow: Flow, *, flow_prior: bool) -> VariationalModel:
    torch.manual_seed(0)
    settings = VariationalSettings(num_latents=LATENTS, flow_prior=flow_prior, noise_discount=0.25, classifier=0.0)
    parts = Parts(
        VariationalVectors(DIM, VariationalEncoder(ClockEncoder(), LATENTS), Decoder()),
        flow,
        Assignment(LATENTS, VARIABLES),
        prior(LATENTS, VARIABLES, 4),
        TargetClassifier(LATENTS, VARIABLES, TargetClassifierSettings(hidden=4)),
    )
    with torch.no_grad():
        parts.assignment.logits.copy_(randn(LATENTS, VARIABLES + 1, seed=4))
    return VariationalModel(parts, ("here", "there"), settings)


def windows() -> SequenceBatch:
    """Windows whose last feature is a clock, -1.5 to 1.5, so that deviations differ by frame, some threefold."""
    observations = randn(NUM, TIME, DIM, seed=7)
    observations[..., -1] = torch.linspace(-1.5, 1.5, TIME)
    targets = (torch.rand(NUM, TIME - 1, VARIABLES, generator=torch.Generator().manual_seed(6)) < 0.4).float()
    return SequenceBatch(observations, targets)


def posterior(x: Tensor) -> Normal:
    """q(e | x) of one frame."""
    log_std = FIXED_BOUND * torch.tanh(x[-1] * SHARES / FIXED_BOUND)
    return Normal(x @ MATRIX, log_std.exp())


def draws(data: SequenceBatch) -> Tensor:
    """One draw (batch, time, L) of every frame's posterior; its noise is the generator's first draw."""
    noise = randn(NUM * TIME, LATENTS, seed=SEED).view(NUM, TIME, LATENTS)
    return torch.stack(
        [
            torch.stack([posterior(x).mean + posterior(x).stddev * n for x, n in zip(*window)])
            for window in zip(data.observations, noise)
        ]
    )


def psi_of(model: VariationalModel) -> Tensor:
    """The draw of psi in a loss: it comes after the noise."""
    generator = torch.Generator().manual_seed(SEED)
    torch.randn(NUM * TIME, LATENTS, generator=generator)
    return model._assignment.sample(generator)


def laws(model: VariationalModel, z_prev: Tensor, z_next: Tensor, target: Tensor, psi: Tensor) -> list[list[Normal]]:
    """The prior of z^{t+1} gaussians z^t, per latent and slot."""
    args = (z_prev[None], z_next[None], target[None], psi)
    prior = model.prior
    gaussians = prior(*args) if isinstance(prior, AutoregressivePrior) else prior(args[0], args[2])
    assert isinstance(gaussians, SlotGaussians)
    return [[Normal(m, s.exp()) for m, s in zip(*rows)] for rows in zip(gaussians.mean[0], gaussians.log_std[0])]


def loss_of(model: VariationalModel, data: SequenceBatch, *, training: bool) -> Tensor:
    """The KL of every transition, in nats."""
    terms = model.loss(data, Step(0, 0.5, torch.Generator().manual_seed(SEED), training))
    if training:
        return terms["kl"]
    return terms["negative_elbo"] - data.observations[:, 1:].square().sum(dim=-1).flatten()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("prior", PRIORS)
@torch.no_grad()
def test_the_kl_compares_the_next_frame_s_posterior_with_the_prior_given_this_frame(
    prior: type[TransitionPrior], training: bool
) -> None:
    model, data = make(prior, Chain([]), flow_prior=False), windows()
    e, psi, probs, expected = draws(data), psi_of(model), model.probs(), []
    discount = 0.25 if training else 0.0
    for b, t in itertools.product(range(NUM), range(TIME - 1)):
        p, total = laws(model, e[b, t], e[b, t + 1], data.targets[b, t], psi), 0.0
        q = posterior(data.observations[b, t + 1])
        for i, s in itertools.product(range(LATENTS), range(VARIABLES + 1)):
            kl = kl_divergence(Normal(q.mean[i], q.stddev[i]), p[i][s])
            total += float(probs[i, s] * kl) * (1 - discount * (s == VARIABLES))
        expected.append(total)
    assert loss_of(model, data, training=training).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("prior", PRIORS)
@torch.no_grad()
def test_the_kl_through_a_flow_uses_density_and_volume_of_the_next_frame(
    prior: type[TransitionPrior], training: bool
) -> None:
    flow = published_flow(LATENTS, 2, 4, torch.Generator().manual_seed(2))
    for parameter in flow.parameters():
        parameter.add_(0.3 * randn(*parameter.shape, seed=3))
    model, data = make(prior, flow, flow_prior=True), windows()
    e, psi, probs, expected = draws(data), psi_of(model), model.probs(), []
    for b, t in itertools.product(range(NUM), range(TIME - 1)):
        (z_prev, z_next), log_det = flow(e[b, t : t + 2])
        assert abs(float(log_det[1] - log_det[0])) > 1e-4
        p = laws(model, z_prev, z_next, data.targets[b, t], psi)
        costs = [[-float(law.log_prob(value)) for law in row] for row, value in zip(p, z_next)]
        of_prior = float((probs * torch.tensor(costs)).sum())
        of_posterior = -float(posterior(data.observations[b, t + 1]).log_prob(e[b, t + 1]).sum())
        expected.append(of_prior - float(log_det[1]) - of_posterior)
    assert loss_of(model, data, training=training).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@torch.no_grad()
def test_inactive_latents_are_counted_from_the_second_frame_on_by_the_transition_prior() -> None:
    model, data = make(PerfectPrior, Chain([]), flow_prior=False), windows()
    e, psi, probs = draws(data), psi_of(model), model.probs()
    total = torch.zeros(LATENTS)
    for b, t in itertools.product(range(NUM), range(TIME - 1)):
        p, q = laws(model, e[b, t], e[b, t + 1], data.targets[b, t], psi), posterior(data.observations[b, t + 1])
        for i, s in itertools.product(range(LATENTS), range(VARIABLES + 1)):
            total[i] += probs[i, s] * kl_divergence(Normal(q.mean[i], q.stddev[i]), p[i][s])
    kl = model.latent_kl([data], torch.Generator().manual_seed(SEED))
    assert torch.allclose(kl, total / (NUM * (TIME - 1)), rtol=1e-4)


@torch.no_grad()
def test_with_a_flow_inactive_latents_are_counted_over_the_deviations_of_all_frames() -> None:
    model, data = make(PerfectPrior, Chain([]), flow_prior=True), windows()
    laws_of_frames = [posterior(x) for x in data.observations.flatten(0, 1)]
    means = torch.stack([law.mean for law in laws_of_frames])
    variances = torch.stack([law.variance for law in laws_of_frames])
    everything = Normal(means.mean(dim=0), (means.var(dim=0, correction=0) + variances.mean(dim=0)).sqrt())
    expected = torch.stack([kl_divergence(law, everything) for law in laws_of_frames]).mean(dim=0)
    kl = model.latent_kl([data], torch.Generator().manual_seed(0))
    assert torch.allclose(kl, expected, rtol=1e-4)
