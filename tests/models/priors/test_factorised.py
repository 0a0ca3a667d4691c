from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from trisect.models.priors.factorised import ImperfectPrior, PerfectPrior, slot_rows
from trisect.models.priors.transition import SlotGaussians, TransitionPrior, marginalise

PRIORS = [PerfectPrior, ImperfectPrior]
BATCH, LATENTS, VARIABLES = 4, 3, 2
SLOTS = VARIABLES + 1


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def probs(seed: int = 1) -> Tensor:
    return randn(LATENTS, SLOTS, seed=seed).softmax(dim=1)


def make(kind: type[TransitionPrior]) -> TransitionPrior:
    torch.manual_seed(0)
    prior = kind(LATENTS, VARIABLES, hidden=5).double()
    if isinstance(prior, PerfectPrior):
        with torch.no_grad():
            prior.intervened.copy_(randn(LATENTS, VARIABLES, 2, seed=9))
    return prior


def targets(*rows: tuple[int, int]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


ALL_TARGETS = targets((0, 0), (0, 1), (1, 0), (1, 1))


def enumerated(cost: Tensor, psi: Tensor, discount: float) -> Tensor:
    """Expectation over all (K + 1)^L hard assignments of the summed costs; the noise slot counts 1 - discount."""
    weight = [1.0] * VARIABLES + [1.0 - discount]
    total = torch.zeros(len(cost), dtype=cost.dtype)
    for slots in itertools.product(range(SLOTS), repeat=LATENTS):
        probability = torch.stack([psi[latent, slot] for latent, slot in enumerate(slots)]).prod()
        total += probability * sum(weight[slot] * cost[:, latent, slot] for latent, slot in enumerate(slots))
    return total


@pytest.mark.parametrize("discount", [0.0, 1e-8, 0.01, 0.5, 1.0])
def test_the_noise_discount_equals_enumeration_for_any_cost(discount: float) -> None:
    cost, psi = randn(BATCH, LATENTS, SLOTS), probs()
    assert torch.allclose(marginalise(cost, psi, discount), enumerated(cost, psi, discount), atol=1e-12)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("discount", [0.0, 0.1])
def test_both_costs_of_every_prior_equal_enumeration(kind: type[TransitionPrior], discount: float) -> None:
    gaussians = make(kind)(randn(BATCH, LATENTS), ALL_TARGETS)
    for cost in (
        gaussians.nll(randn(BATCH, LATENTS, seed=2)),
        gaussians.kl_from(randn(BATCH, LATENTS, seed=3), randn(BATCH, LATENTS, seed=4)),
    ):
        assert torch.allclose(marginalise(cost, probs(), discount), enumerated(cost, probs(), discount), atol=1e-10)


def test_the_discount_is_continuous_at_zero() -> None:
    cost, psi = randn(BATCH, LATENTS, SLOTS), probs()
    nothing = marginalise(cost, psi, 0.0)
    for discount in (1e-8, 1e-4):
        change = (marginalise(cost, psi, discount) - nothing).abs().max()
        assert change <= discount * cost.abs().sum()


def test_the_discount_applies_to_the_noise_slot_only() -> None:
    cost = randn(BATCH, LATENTS, SLOTS)
    in_noise = torch.tensor([[0.0, 0, 1]] * LATENTS, dtype=torch.float64)
    in_variables = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 1, 0]], dtype=torch.float64)
    assert torch.allclose(marginalise(cost, in_noise, 0.3), 0.7 * marginalise(cost, in_noise))
    assert torch.equal(marginalise(cost, in_variables, 0.3), marginalise(cost, in_variables))


def test_a_hard_assignment_sums_the_assigned_costs() -> None:
    cost, slots = randn(BATCH, LATENTS, SLOTS), [2, 0, 1]
    psi = torch.nn.functional.one_hot(torch.tensor(slots), SLOTS).double()
    assert torch.allclose(marginalise(cost, psi), cost[:, 0, 2] + cost[:, 1, 0] + cost[:, 2, 1])


def test_permuting_the_variables_of_costs_changes_nothing() -> None:
    cost, psi, order = randn(BATCH, LATENTS, SLOTS), probs(), [1, 0, 2]
    assert torch.allclose(marginalise(cost[..., order], psi[:, order], 0.2), marginalise(cost, psi, 0.2))


@pytest.mark.parametrize("kind", PRIORS)
def test_permuting_the_variables_of_a_prior_changes_nothing(kind: type[TransitionPrior]) -> None:
    prior, permuted = make(kind), make(kind)
    order = [1, 0]
    with torch.no_grad():
        if isinstance(permuted, PerfectPrior):
            permuted.intervened.copy_(permuted.intervened[:, order])
        if isinstance(permuted, ImperfectPrior):
            permuted.network.input.weight.copy_(permuted.network.input.weight[..., [0, 2, 1, 3]])
    before, after, psi = randn(BATCH, LATENTS), randn(BATCH, LATENTS, seed=2), probs()
    total = marginalise(prior(before, ALL_TARGETS).nll(after), psi, 0.1)
    again = marginalise(permuted(before, ALL_TARGETS[:, order]).nll(after), psi[:, [*order, 2]], 0.1)
    assert torch.allclose(total, again, atol=1e-12)


def test_nll_and_kl_equal_those_of_torch() -> None:
    mean, log_std = randn(BATCH, LATENTS, SLOTS), 0.5 * randn(BATCH, LATENTS, SLOTS, seed=1)
    gaussians, p = SlotGaussians(mean, log_std), Normal(mean, log_std.exp())
    x, q_log_std = randn(BATCH, LATENTS, seed=2), 0.5 * randn(BATCH, LATENTS, seed=3)
    assert torch.allclose(gaussians.nll(x), -p.log_prob(x.unsqueeze(-1)))
    q = Normal(x.unsqueeze(-1), q_log_std.exp().unsqueeze(-1))
    assert torch.allclose(gaussians.kl_from(x, q_log_std), kl_divergence(q, p))


def test_expected_nll_is_the_average_over_samples() -> None:
    gaussians = SlotGaussians(randn(BATCH, LATENTS, SLOTS), 0.5 * randn(BATCH, LATENTS, SLOTS, seed=1))
    samples = randn(7, BATCH, LATENTS, seed=2)
    averaged = torch.stack([gaussians.nll(sample) for sample in samples]).mean(dim=0)
    expectation = gaussians.expected_nll(samples.mean(dim=0), samples.var(dim=0, unbiased=False))
    assert torch.allclose(expectation, averaged)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("slots", [(0, 1, 2), (2, 0, 0), (1, 1, 2)])
def test_a_frozen_assignment_costs_the_same_in_its_slots(kind: type[TransitionPrior], slots: tuple[int, ...]) -> None:
    prior, psi = make(kind), torch.eye(SLOTS, dtype=torch.float64)[list(slots)]
    before, after = randn(BATCH, 3, LATENTS, seed=1), randn(BATCH, 3, LATENTS, seed=2).requires_grad_()
    costs = [nll(before, after, ALL_TARGETS, psi) for nll in (prior.frozen_nll, prior.expected_nll)]
    grads = [torch.autograd.grad((cost * psi).sum(), [after, *prior.network.parameters()]) for cost in costs]
    torch.testing.assert_close(costs[0] * psi, costs[1] * psi)
    for frozen, all_slots in zip(*grads):
        torch.testing.assert_close(frozen, all_slots)


@pytest.mark.parametrize("kind", PRIORS)
def test_shapes_and_bounded_log_std(kind: type[TransitionPrior]) -> None:
    gaussians = make(kind)(1e6 * randn(BATCH, LATENTS), ALL_TARGETS)
    assert gaussians.mean.shape == gaussians.log_std.shape == (BATCH, LATENTS, SLOTS)
    assert gaussians.log_std.abs().max() <= 10
    assert gaussians.mean.isfinite().all()


def test_perfectly_intervened_slots_do_not_depend_on_the_past() -> None:
    prior = make(PerfectPrior)
    one, two = (prior(randn(BATCH, LATENTS, seed=seed), ALL_TARGETS) for seed in (0, 1))
    for column in range(VARIABLES):
        hit = ALL_TARGETS[:, column] == 1
        for name in ("mean", "log_std"):
            a, b = getattr(one, name)[:, :, column], getattr(two, name)[:, :, column]
            assert torch.equal(a[hit], b[hit])
            assert (a[~hit] != b[~hit]).all()
    assert (one.mean[..., -1] != two.mean[..., -1]).all()


def test_perfect_slots_without_intervention_share_the_dynamics() -> None:
    gaussians = make(PerfectPrior)(randn(BATCH, LATENTS), ALL_TARGETS)
    for column in range(VARIABLES):
        quiet = ALL_TARGETS[:, column] == 0
        assert torch.equal(gaussians.mean[quiet, :, column], gaussians.mean[quiet, :, -1])


def test_perfect_latents_are_trained_against_detached_parameters() -> None:
    prior = make(PerfectPrior)
    assert isinstance(prior, PerfectPrior)
    z_prev, z_next = randn(BATCH, LATENTS).requires_grad_(), randn(BATCH, LATENTS, seed=1).requires_grad_()
    marginalise(prior.for_latents(z_prev, ALL_TARGETS).nll(z_next), probs()).sum().backward()
    assert prior.intervened.grad is None
    assert z_prev.grad is not None and (z_prev.grad != 0).any()
    assert z_next.grad is not None and (z_next.grad != 0).all()
    assert all(p.grad is not None for p in prior.network.parameters())


def test_perfect_parameters_are_trained_against_detached_latents() -> None:
    """Cost sum_ls I_s c(l, s), without a weight of psi."""
    prior = make(PerfectPrior)
    assert isinstance(prior, PerfectPrior)
    z_next = randn(BATCH, LATENTS, seed=1).requires_grad_()
    cost = prior.parameter_cost(z_next, ALL_TARGETS)
    mean, log_std = prior.intervened.detach().unbind(-1)
    by_hand = [
        sum(
            -Normal(mean[latent, s], log_std[latent, s].exp()).log_prob(z_next[b, latent].detach())
            for latent in range(LATENTS)
            for s in range(VARIABLES)
            if ALL_TARGETS[b, s] == 1
        )
        for b in range(BATCH)
    ]
    assert torch.allclose(cost, torch.tensor([float(value) for value in by_hand], dtype=torch.float64))
    cost.sum().backward()
    assert z_next.grad is None
    assert prior.intervened.grad is not None and (prior.intervened.grad != 0).all()
    assert all(p.grad is None for p in prior.network.parameters())


def test_imperfect_priors_cut_nothing() -> None:
    prior = make(ImperfectPrior)
    z_next = randn(BATCH, LATENTS, seed=1)
    assert torch.equal(prior.parameter_cost(z_next, ALL_TARGETS), torch.zeros(BATCH, dtype=torch.float64))
    z_prev = randn(BATCH, LATENTS)
    assert torch.equal(prior.for_latents(z_prev, ALL_TARGETS).mean, prior(z_prev, ALL_TARGETS).mean)


def test_imperfect_slots_see_their_own_target_only() -> None:
    prior, z_prev = make(ImperfectPrior), randn(1, LATENTS)
    means = {row: prior(z_prev, targets(row)).mean[0] for row in itertools.product((0, 1), repeat=2)}
    for first, second in itertools.product((0, 1), repeat=2):
        flipped = {0: means[1 - first, second], 1: means[first, 1 - second]}
        here = means[first, second]
        for column, there in flipped.items():
            assert (here[:, column] != there[:, column]).all()
            others = [slot for slot in range(SLOTS) if slot != column]
            assert torch.equal(here[:, others], there[:, others])


def test_imperfectly_intervened_slots_keep_the_past() -> None:
    prior = make(ImperfectPrior)
    one, two = (prior(randn(1, LATENTS, seed=seed), targets((1, 1))).mean for seed in (0, 1))
    assert (one != two).all()


def test_rows_of_targets() -> None:
    rows = slot_rows(targets((1, 0)))[0]
    assert rows.tolist() == [[1, -1, -1], [-1, 0, -1], [-1, -1, 0]]


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("sizes", [(0, 2, 4), (3, 0, 4), (3, 2, 0)])
def test_sizes_are_checked(kind: type[TransitionPrior], sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="of a prior must be an integer of at least 1; got 0"):
        kind(*sizes)
