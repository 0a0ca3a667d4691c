from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn import functional

from trisect.batches import SequenceBatch, Step
from trisect.models.assignment import Assignment
from trisect.models.causal_model import CausalModel, ObjectiveSettings, Parts
from trisect.models.flows.factory import published_flow
from trisect.models.priors.autoregressive import AutoregressivePrior
from trisect.models.priors.transition import marginalise
from trisect.models.representations.representation import VectorRepresentation
from trisect.models.target_classifier import TargetClassifier, TargetClassifierSettings

LATENTS, VARIABLES = 5, 2
SLOTS = VARIABLES + 1
TARGETS = torch.tensor([(0, 0), (0, 1), (1, 0), (1, 1)], dtype=torch.float64)
BATCH = len(TARGETS)
SAME = {"rtol": 0.0, "atol": 1e-12}  # rows of one product may round apart on some processors
ASSIGNMENTS = [(0, 1, 0, 0, 2), (2, 2, 1, 2, 1), (0, 0, 0, 0, 0)]
both_kinds = pytest.mark.parametrize("perfect", [True, False])
several_assignments = pytest.mark.parametrize("slots", ASSIGNMENTS)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make(perfect: bool = False) -> AutoregressivePrior:
    torch.manual_seed(0)
    return AutoregressivePrior(LATENTS, VARIABLES, 4, perfect=perfect).double()


def one_hot(slots: tuple[int, ...]) -> Tensor:
    return functional.one_hot(torch.tensor(slots), SLOTS).double()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@both_kinds
@several_assignments
def test_a_latent_sees_the_latents_before_it_in_the_slot_and_no_other(perfect: bool, slots: tuple) -> None:
    prior, psi = make(perfect), one_hot(slots)
    z_next = randn(BATCH, LATENTS, seed=1).requires_grad_()
    gaussians = prior(randn(BATCH, LATENTS), z_next, TARGETS, psi)
    for latent, slot in itertools.product(range(LATENTS), range(SLOTS)):
        for outputs in (gaussians.mean, gaussians.log_std):
            (gradient,) = torch.autograd.grad(outputs[:, latent, slot].sum(), z_next, retain_graph=True)
            seen = [j for j in range(latent) if slots[j] == slot]
            unseen = [j for j in range(LATENTS) if j not in seen]
            assert torch.equal(gradient[:, unseen], torch.zeros(BATCH, len(unseen), dtype=torch.float64))
            assert (gradient[:, seen] != 0).all()


@both_kinds
def test_a_member_at_zero_differs_from_a_latent_outside_the_slot(perfect: bool) -> None:
    """The mask itself is an input: a latent in the slot that happens to be zero differs from one outside the slot."""
    prior, z_next = make(perfect), torch.zeros(BATCH, LATENTS, dtype=torch.float64)
    one, two = (prior(randn(BATCH, LATENTS), z_next, TARGETS, one_hot(s)).mean for s in ((0,) * 5, (1, 0, 0, 0, 0)))
    assert torch.equal(one[:, 0], two[:, 0])
    assert (one[:, 1:, :2] != two[:, 1:, :2]).all()
    assert torch.equal(one[..., 2], two[..., 2])


@both_kinds
def test_which_slots_see_the_past_and_which_targets(perfect: bool) -> None:
    prior, psi, z_next = make(perfect), one_hot(ASSIGNMENTS[0]), randn(1, LATENTS, seed=1).expand(BATCH, -1)
    one, two = (prior(randn(1, LATENTS, seed=seed).expand(BATCH, -1), z_next, TARGETS, psi).mean for seed in (2, 3))
    cut = torch.cat([TARGETS == 1, torch.zeros(BATCH, 1, dtype=torch.bool)], dim=1) & perfect
    assert torch.equal(torch.isclose(one, two, **SAME).all(dim=1), cut)
    assert torch.equal((~torch.isclose(one, two, **SAME)).all(dim=1), ~cut)
    for slot in range(VARIABLES):
        hit, quiet = one[TARGETS[:, slot] == 1], one[TARGETS[:, slot] == 0]
        assert torch.allclose(hit[0, :, slot], hit[1, :, slot], **SAME)
        assert not torch.isclose(hit[0, :, slot], quiet[0, :, slot], **SAME).any()
    assert torch.allclose(one[:1, :, -1].expand(BATCH, -1), one[..., -1], **SAME)


@both_kinds
def test_the_nll_by_plain_loops(perfect: bool) -> None:
    """Sample a gives the Gaussian, sample b the value; the mean over all a, b."""
    prior, psi, num = make(perfect), one_hot(ASSIGNMENTS[0]), 3
    before, after = randn(BATCH, num, LATENTS, seed=1), randn(BATCH, num, LATENTS, seed=2)
    total = torch.zeros(BATCH, LATENTS, SLOTS, dtype=torch.float64)
    for a, b in itertools.product(range(num), repeat=2):
        gaussians = prior(before[:, a], after[:, a], TARGETS, psi)
        total -= Normal(gaussians.mean, gaussians.log_std.exp()).log_prob(after[:, b].unsqueeze(-1)) / num**2
    assert torch.allclose(prior.expected_nll(before, after, TARGETS, psi), total)


@both_kinds
def test_bounded_log_std(perfect: bool) -> None:
    gaussians = make(perfect)(1e6 * randn(BATCH, LATENTS), 1e6 * randn(BATCH, LATENTS), TARGETS, one_hot((0,) * 5))
    assert gaussians.mean.shape == gaussians.log_std.shape == (BATCH, LATENTS, SLOTS)
    assert gaussians.log_std.abs().max() <= 10 and gaussians.mean.isfinite().all()


@pytest.mark.parametrize("sizes", [(0, 2, 4), (3, 0, 4), (3, 2, 0)])
def test_sizes_are_checked(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="of a prior must be an integer of at least 1; got 0"):
        AutoregressivePrior(*sizes)


# A linear world. silu(x) - silu(-x) = x, so with the hidden units (x, -x) of each latent the network is linear:
# z_l^{t+1} = sum_{j < l, same slot} A_lj z_j^{t+1} + B_l z^t + noise of deviation d_l.

AMONG = randn(LATENTS, LATENTS, seed=20).tril(-1) * 0.8
PAST = randn(LATENTS, LATENTS, seed=21)
LOG_STD = 0.3 * randn(LATENTS, seed=22)


def linear_prior(perfect: bool) -> AutoregressivePrior:
    prior = AutoregressivePrior(LATENTS, VARIABLES, 2, perfect=perfect).double()
    identity = torch.eye(LATENTS, dtype=torch.float64)
    sign, difference = torch.tensor([1.0, -1.0], dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    difference[0] = sign
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.zero_()
        prior.first.weight[:, 0::2] = torch.kron(2 * AMONG, sign.unsqueeze(1))
        prior.context.weight.copy_(torch.kron(2 * PAST, sign.unsqueeze(1)))
        prior.middle.weight.copy_(torch.kron(identity, torch.outer(sign, sign)))
        prior.last.weight.copy_(torch.kron(identity, difference))
        prior.last.bias[1::2] = LOG_STD
    return prior


def joint(perfect: bool, slots: tuple[int, ...], z_prev: Tensor, targets: Tensor) -> MultivariateNormal:
    """p(z^{t+1} | z^t, I) of the linear world for one example."""
    psi = one_hot(slots)
    noise_map = torch.linalg.inv(torch.eye(LATENTS, dtype=torch.float64) - AMONG * (psi @ psi.T))
    intervened = functional.pad(targets, (0, 1)) @ psi.T
    drift = (PAST @ z_prev) * (1 - intervened if perfect else 1)
    root = noise_map * LOG_STD.exp()
    return MultivariateNormal(noise_map @ drift, root @ root.T)


@both_kinds
@several_assignments
def test_the_nll_of_a_linear_world(perfect: bool, slots: tuple) -> None:
    prior, psi, before, after = linear_prior(perfect), one_hot(slots), randn(BATCH, LATENTS), randn(BATCH, LATENTS)
    nll = marginalise(prior.expected_nll(before.unsqueeze(1), after.unsqueeze(1), TARGETS, psi), psi)
    expected = [-joint(perfect, slots, before[b], TARGETS[b]).log_prob(after[b]) for b in range(BATCH)]
    assert torch.allclose(nll, torch.stack(expected), rtol=1e-10)


@both_kinds
@several_assignments
def test_the_kl_of_a_linear_world(perfect: bool, slots: tuple) -> None:
    prior, psi, num = linear_prior(perfect), one_hot(slots), 20_000
    z_prev, mean, log_std, targets = randn(LATENTS), randn(LATENTS, seed=1), 0.3 * randn(LATENTS, seed=2), TARGETS[2]
    draws = mean + log_std.exp() * randn(num, LATENTS, seed=3)
    arguments = (value.expand(num, -1) for value in (z_prev, mean, log_std))
    with torch.no_grad():
        costs = marginalise(prior.kl(*arguments, draws, targets.expand(num, -1), psi), psi)
    q = MultivariateNormal(mean, torch.diag((2 * log_std).exp()))
    expected = kl_divergence(q, joint(perfect, slots, z_prev, targets))
    assert abs(float(costs.mean() - expected)) < 5 * float(costs.std()) / math.sqrt(num)
    assert expected > 0.5


@both_kinds
@several_assignments
def test_samples_of_a_linear_world(perfect: bool, slots: tuple) -> None:
    prior, num, z_prev = linear_prior(perfect), 20_000, randn(LATENTS)
    for targets in TARGETS[[0, 2]]:
        world = joint(perfect, slots, z_prev, targets)
        with torch.no_grad():
            draws = prior.sample(z_prev.expand(num, -1), targets.expand(num, -1), one_hot(slots), generator())
        variance = world.variance
        mean_error, covariance_error = draws.mean(dim=0) - world.mean, torch.cov(draws.T) - world.covariance_matrix
        assert (mean_error.abs() < 5 * (variance / num).sqrt()).all()
        assert (covariance_error.abs() < 5 * (2 * torch.outer(variance, variance) / num).sqrt()).all()


# The prior in a model.


def model(perfect: bool, dtype: torch.dtype = torch.float32, num_samples: int = 2) -> CausalModel:
    torch.manual_seed(0)
    parts = Parts(
        VectorRepresentation(LATENTS),
        published_flow(LATENTS, 2, 4, generator(2)),
        Assignment(LATENTS, VARIABLES, generator=generator(1)),
        AutoregressivePrior(LATENTS, VARIABLES, 4, perfect=perfect),
        TargetClassifier(LATENTS, VARIABLES, TargetClassifierSettings(hidden=4)),
    )
    return CausalModel(parts, ("here", "there"), ObjectiveSettings(num_samples=num_samples)).to(dtype)


def batch(dtype: torch.dtype = torch.float32) -> SequenceBatch:
    targets = (torch.rand(16, 2, VARIABLES, generator=generator(4)) < 0.3).to(dtype)
    return SequenceBatch(randn(16, 3, LATENTS, seed=3).to(dtype), targets)


@both_kinds
@pytest.mark.parametrize(("dtype", "autocast"), [(torch.float32, False), (torch.float64, False), (torch.float32, True)])
def test_training_reaches_every_part(perfect: bool, dtype: torch.dtype, autocast: bool) -> None:
    trained, data = model(perfect, dtype), batch(dtype)
    trained.initialise(data)
    optimiser = torch.optim.AdamW([p for p in trained.parameters() if p.requires_grad], 1e-2)
    losses = []
    for _ in range(8):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            terms = trained.loss(data, Step(0, 0.0, generator(5)))
        assert terms.first_non_finite() is None
        optimiser.zero_grad()
        terms.total().backward()
        for name, parameter in trained.named_parameters():
            if parameter.requires_grad:
                assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        optimiser.step()
        losses.append(terms["prior"].mean().item() + terms["volume"].item())
    assert losses[-1] < losses[0]


@both_kinds
def test_the_likelihood_in_a_model_by_plain_loops(perfect: bool) -> None:
    causal_model, data, num = model(perfect, torch.float64, 3), batch(torch.float64), 3
    draws = generator(8)
    noise = torch.randn(16, 3, num, LATENTS, generator=draws).double()
    psi = causal_model._assignment.sample(draws).detach()
    with torch.no_grad():
        z = causal_model.flow((data.observations.unsqueeze(2) + causal_model.objectives.noise * noise).flatten(0, 2))[0]
        z = z.reshape(16, 3, num, LATENTS)
        total = 0.0
        for t, a, b in itertools.product(range(2), range(num), range(num)):
            gaussians = causal_model.prior(z[:, t, a], z[:, t + 1, a], data.targets[:, t], psi)
            total += float((gaussians.nll(z[:, t + 1, b]) * causal_model.probs()).sum()) / (16 * 2 * num**2)
        nll = causal_model.loss(data, Step(0, 0.0, generator(8)))["prior"].mean().item()
    assert nll == pytest.approx(total, rel=1e-9)


def test_prior_and_classifier_share_one_draw_of_psi(monkeypatch: pytest.MonkeyPatch) -> None:
    causal_model, draws = model(False), []

    def spy(part: torch.nn.Module, name: str) -> None:
        inner = getattr(part, name)
        monkeypatch.setattr(part, name, lambda *arguments: draws.append(arguments[3]) or inner(*arguments))

    spy(causal_model.prior, "expected_nll")
    spy(causal_model.classifier, "latent_loss")
    causal_model.loss(batch(), Step(0, 0.0, generator(5)))
    assert len(draws) == 2 and draws[0] is draws[1]
    assert torch.allclose(draws[0], functional.one_hot(draws[0].argmax(dim=-1), SLOTS).float(), atol=1e-6)


def test_the_assignment_learns_through_the_masks() -> None:
    prior, assignment = make(), Assignment(LATENTS, VARIABLES, generator=generator(1)).double()
    z = randn(BATCH, 2, LATENTS)
    prior.expected_nll(z, z, TARGETS, assignment.sample(generator())).sum().backward()
    gradient = assignment.logits.grad
    assert gradient is not None and (gradient[:-1] != 0).all()
    assert torch.equal(gradient[-1], torch.zeros(SLOTS, dtype=torch.float64))
