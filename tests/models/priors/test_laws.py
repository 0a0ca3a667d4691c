"""Laws that every transition prior obeys, tested through the public interface only."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior
from trisect.models.priors.factory import PRIORS
from trisect.models.priors.transition import TransitionPrior, marginalise

KINDS = {f"{kind} {interventions}": build for (kind, interventions), build in PRIORS.items()}
SAMPLES, LATENTS, VARIABLES = 3, 3, 2
SLOTS = VARIABLES + 1
TARGETS = torch.tensor([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=torch.float64)
BATCH = len(TARGETS)
every_prior = pytest.mark.parametrize("kind", list(KINDS))


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(kind: str) -> TransitionPrior:
    torch.manual_seed(0)
    prior = KINDS[kind](LATENTS, VARIABLES, 5).double()
    with torch.no_grad():
        for number, parameter in enumerate(prior.parameters()):
            parameter.copy_(0.7 * randn(*parameter.shape, seed=100 + number))
    return prior


def probs() -> Tensor:
    return randn(LATENTS, SLOTS, seed=1).softmax(dim=1)


def one_hot(*slots: int) -> Tensor:
    return functional.one_hot(torch.tensor(slots), SLOTS).double()


def nll(prior: TransitionPrior, psi: Tensor, targets: Tensor = TARGETS) -> Tensor:
    return prior.expected_nll(
        randn(BATCH, SAMPLES, LATENTS, seed=2), randn(BATCH, SAMPLES, LATENTS, seed=3), targets, psi
    )


def kl(prior: TransitionPrior, psi: Tensor, targets: Tensor = TARGETS) -> Tensor:
    z_prev, mean, log_std, noise = (randn(BATCH, LATENTS, seed=seed) for seed in (4, 5, 6, 7))
    log_std = 0.3 * log_std
    return prior.kl(z_prev, mean, log_std, mean + log_std.exp() * noise, targets, psi)


both_costs = pytest.mark.parametrize("cost", [nll, kl])


def assignments() -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """All (K + 1)^L assignments with their probabilities."""
    for slots in itertools.product(range(SLOTS), repeat=LATENTS):
        yield slots, torch.stack([probs()[latent, slot] for latent, slot in enumerate(slots)]).prod()


@every_prior
@both_costs
@pytest.mark.parametrize("discount", [0.0, 0.1])
def test_marginalising_equals_enumerating_all_assignments(kind: str, cost: Callable, discount: float) -> None:
    prior, weight = make(kind), [1.0] * VARIABLES + [1.0 - discount]
    marginalised, enumerated = torch.zeros(2, BATCH, dtype=torch.float64)
    for slots, probability in assignments():
        costs = cost(prior, one_hot(*slots)).detach()
        marginalised += probability * marginalise(costs, probs(), discount)
        enumerated += probability * sum(weight[slot] * costs[:, latent, slot] for latent, slot in enumerate(slots))
    assert torch.allclose(marginalised, enumerated, rtol=1e-10)


@every_prior
@both_costs
@pytest.mark.parametrize("slots", [(2, 0, 1), (0, 0, 0), (1, 2, 1)])
def test_a_hard_assignment_sums_the_costs_of_the_assigned_slots(kind: str, cost: Callable, slots: tuple) -> None:
    costs, psi = cost(make(kind), one_hot(*slots)), one_hot(*slots)
    assert costs.shape == (BATCH, LATENTS, SLOTS)
    by_hand = sum(costs[:, latent, slot] for latent, slot in enumerate(slots))
    assert torch.allclose(marginalise(costs, psi), by_hand)


@every_prior
def test_the_discount_is_continuous_at_zero(kind: str) -> None:
    costs = kl(make(kind), one_hot(0, 2, 1))
    nothing, noise_share = marginalise(costs, probs(), 0.0), (costs[..., -1] * probs()[:, -1]).sum(dim=1)
    for discount in (1e-8, 1e-4):
        change = nothing - marginalise(costs, probs(), discount)
        assert torch.allclose(change, discount * noise_share, rtol=1e-4, atol=1e-12)


def permuted(kind: str, order: list[int]) -> TransitionPrior:
    """The prior of a world whose variables are in another order."""
    prior = make(kind)
    with torch.no_grad():
        if isinstance(prior, PerfectPrior):
            prior.intervened.copy_(prior.intervened[:, order])
        if isinstance(prior, ImperfectPrior):
            columns = [0, *(1 + k for k in order), 1 + VARIABLES]
            prior.network.input.weight.copy_(prior.network.input.weight[..., columns])
        if isinstance(prior, AutoregressivePrior):
            prior.row.weight.copy_(prior.row.weight[:, [*order, VARIABLES]])
    return prior


@every_prior
@both_costs
def test_permuting_the_variables_changes_nothing(kind: str, cost: Callable) -> None:
    order, psi = [1, 0], one_hot(0, 0, 2)
    slots = [*order, VARIABLES]
    total = marginalise(cost(make(kind), psi), probs(), 0.1)
    again = marginalise(cost(permuted(kind, order), psi[:, slots], TARGETS[:, order]), probs()[:, slots], 0.1)
    assert torch.allclose(total, again, rtol=1e-10)


@every_prior
def test_the_kl_is_the_expected_nll_minus_the_entropy(kind: str) -> None:
    prior, psi, num = make(kind), one_hot(0, 0, 2), 20_000
    z_prev, mean, log_std = (randn(1, LATENTS, seed=seed).expand(num, -1) for seed in (4, 5, 6))
    log_std, targets = 0.3 * log_std, TARGETS[1:2]
    draws = mean + log_std.exp() * randn(num, LATENTS, seed=8)
    with torch.no_grad():
        costs = prior.kl(z_prev, mean, log_std, draws, targets.expand(num, -1), psi)
        expected = prior.expected_nll(z_prev.unsqueeze(0), draws.unsqueeze(0), targets, psi)[0]
        single = prior.expected_nll(z_prev.unsqueeze(1), draws.unsqueeze(1), targets.expand(num, -1), psi)
    entropy = log_std[0] + 0.5 * math.log(2 * math.pi * math.e)
    error = 5 * single.std(dim=0) / math.sqrt(num)
    assert (((expected - entropy.unsqueeze(-1)) - costs.mean(dim=0)).abs() < error).all()
    assert (costs > 0).all()


@every_prior
def test_samples_follow_the_assigned_gaussians(kind: str) -> None:
    """KL(q || p) = 0 only if q = p: q has the moments of the draws; each latent is alone in its slot."""
    prior, psi, num = make(kind), one_hot(2, 0, 1), 20_000
    for row in range(BATCH):
        z_prev, targets = randn(1, LATENTS, seed=4), TARGETS[row : row + 1]
        generator = torch.Generator().manual_seed(row)
        with torch.no_grad():
            draws = prior.sample(z_prev.expand(num, -1), targets.expand(num, -1), psi, generator)
            mean, log_std = draws.mean(dim=0, keepdim=True), draws.std(dim=0).log().unsqueeze(0)
            costs = prior.kl(z_prev, mean, log_std, mean, targets, psi)
        assert (costs * psi).sum() < 2e-3
        assert torch.corrcoef(draws.T).fill_diagonal_(0).abs().max() < 0.04
    assert (costs * (1 - psi)).sum() > 0.1  # both intervened on: other slots would give other draws


@every_prior
def test_one_generator_gives_one_sample(kind: str) -> None:
    prior, psi = make(kind), one_hot(0, 0, 2)
    draws = [prior.sample(randn(BATCH, LATENTS), TARGETS, psi, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).all()
    assert draws[0].dtype == torch.float64
