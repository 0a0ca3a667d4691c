from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trisect.models.target_classifier import BaseRates, TargetClassifier, TargetClassifierSettings

LATENTS, VARIABLES, BATCH = 4, 3, 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed))


def some_targets(size: int = BATCH, seed: int = 0, rate: float = 0.4) -> Tensor:
    return (torch.rand(size, VARIABLES, generator=generator(seed)) < rate).float()


def one_hot(slots: list[int]) -> Tensor:
    return functional.one_hot(torch.tensor(slots), VARIABLES + 1).float()


PSI = one_hot([0, 2, 3, 0])


def make(**settings: object) -> TargetClassifier:
    """A classifier whose last layers are not zero, and whose EMA copy differs from its network."""
    torch.manual_seed(0)
    classifier = TargetClassifier(LATENTS, VARIABLES, TargetClassifierSettings(hidden=6, **settings))  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter += 0.3 * torch.randn(parameter.shape)
    return classifier


def set_logits(network: torch.nn.Module, z_prev: Tensor, z_next: Tensor, number: int) -> Tensor:
    """Logits for one set: slots 0 .. K, then all latents; input [z^t, z^{t+1} m, m]."""
    mask = PSI[:, number] if number <= VARIABLES else torch.ones(LATENTS)
    return network(torch.cat([z_prev, z_next * mask, mask.expand_as(z_next)], dim=1))


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    p = torch.sigmoid(logits)
    return -(labels * p.log() + (1 - labels) * (1 - p).log())


def test_untrained_predicts_the_same_for_every_input() -> None:
    classifier = TargetClassifier(LATENTS, VARIABLES, TargetClassifierSettings())
    one, two = (classifier.network(randn(2, 3 * LATENTS, seed=seed)) for seed in (0, 1))
    assert torch.equal(one, two)


def test_classifier_loss_sums_over_sets_and_averages_over_targets() -> None:
    classifier, targets = make(), some_targets()
    z_prev, z_next = randn(BATCH, LATENTS), randn(BATCH, LATENTS, seed=1)
    by_hand = torch.stack(
        [cross_entropy(set_logits(classifier.network, z_prev, z_next, s), targets).mean(1) for s in range(5)]
    )
    assert torch.allclose(classifier.classifier_loss(z_prev, z_next, targets, PSI), by_hand.sum(0), atol=1e-5)


@pytest.mark.parametrize("conditional", [False, True])
def test_latent_loss_by_hand(conditional: bool) -> None:
    """Slot i with I_i, and all latents: the truth, weight K. Other pairs: the base rate, weight 1."""
    classifier, targets = make(conditional=conditional), some_targets()
    counted = some_targets(40, seed=7, rate=0.3)
    classifier.base_rates.update(counted)
    z_prev, z_next = randn(BATCH, LATENTS), randn(BATCH, LATENTS, seed=1)
    expected = torch.zeros(BATCH)
    for number in range(VARIABLES + 2):
        logits = set_logits(classifier.judge, z_prev, z_next, number)
        for j in range(VARIABLES):
            paired = number == j or number == VARIABLES + 1
            for b in range(BATCH):
                rate = counted[:, j].mean()
                if conditional and number < VARIABLES:
                    alike = counted[:, number] == targets[b, number]
                    rate = (0.5 + counted[alike, j].sum()) / (1 + alike.sum())
                label, weight = (targets[b, j], VARIABLES) if paired else (rate, 1)
                expected[b] += weight * cross_entropy(logits[b, j], label) / VARIABLES
    assert torch.allclose(classifier.latent_loss(z_prev, z_next, targets, PSI), expected, atol=1e-4)


def test_classifier_loss_trains_the_network_only() -> None:
    classifier = make()
    z_prev, z_next, psi = (t.requires_grad_() for t in (randn(BATCH, LATENTS), randn(BATCH, LATENTS), PSI.clone()))
    classifier.classifier_loss(z_prev, z_next, some_targets(), psi).sum().backward()
    assert z_prev.grad is None and z_next.grad is None and psi.grad is None
    assert all(p.grad is not None for p in classifier.network.parameters())
    assert all(p.grad is None for p in classifier.judge.parameters())


def test_latent_loss_trains_latents_and_assignment_only() -> None:
    classifier = make()
    z_prev, z_next, psi = (t.requires_grad_() for t in (randn(BATCH, LATENTS), randn(BATCH, LATENTS), PSI.clone()))
    classifier.latent_loss(z_prev, z_next, some_targets(), psi).sum().backward()
    for tensor in (z_prev, z_next, psi):
        assert tensor.grad is not None and (tensor.grad != 0).any()
    assert all(p.grad is None for p in classifier.parameters())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_ema_copy_follows_the_network(momentum: float) -> None:
    classifier = make(momentum=momentum)
    before = [p.clone() for p in classifier.judge.parameters()]
    classifier.update(some_targets())
    for old, average, new in zip(before, classifier.judge.parameters(), classifier.network.parameters()):
        assert torch.allclose(average, momentum * old + (1 - momentum) * new, atol=1e-6)
        assert not average.requires_grad


def test_the_marginal_is_the_mean_of_batch_means() -> None:
    rates, batches = BaseRates(VARIABLES), [some_targets(size, seed=size) for size in (4, 9, 16)]
    assert rates.marginal.tolist() == [0.5] * VARIABLES
    for targets in batches:
        rates.update(targets)
    assert torch.allclose(rates.marginal, torch.stack([b.mean(0) for b in batches]).mean(0))


def test_the_conditional_is_counted() -> None:
    """One pseudo-count at .5 for every pair of a target and an outcome of another."""
    rates, batches = BaseRates(VARIABLES), [some_targets(size, seed=size) for size in (4, 9, 16)]
    for targets in batches:
        rates.update(targets)
    rows = torch.cat(batches).tolist()
    probe = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    labels = rates.labels(probe, conditional=True)
    for b in range(2):
        for i in range(VARIABLES):
            alike = [row for row in rows if row[i] == probe[b, i]]
            for j in range(VARIABLES):
                counted = (0.5 + sum(row[j] for row in alike)) / (1 + len(alike))
                assert float(labels[b, i, j]) == pytest.approx(counted, rel=1e-5)


def test_labels_of_the_sets() -> None:
    rates = BaseRates(VARIABLES)
    rates.update(some_targets(30))
    probe = some_targets(BATCH, seed=3)
    plain, by_target = (rates.labels(probe, conditional=conditional) for conditional in (False, True))
    assert plain.shape == by_target.shape == (BATCH, VARIABLES + 2, VARIABLES)
    assert torch.equal(plain, rates.marginal.expand_as(plain))
    assert torch.equal(by_target[:, VARIABLES:], plain[:, VARIABLES:])


def test_one_odd_batch_after_loading_changes_little() -> None:
    rates = BaseRates(VARIABLES)
    for k in range(50):
        rates.update(some_targets(20, seed=k, rate=0.2))
    loaded = BaseRates(VARIABLES)
    loaded.load_state_dict(rates.state_dict())
    before = loaded.marginal.clone()
    odd = torch.ones(20, VARIABLES)
    loaded.update(odd)
    rates.update(odd)
    assert torch.allclose(loaded.marginal - before, (1 - before) / 51, atol=1e-6)
    assert torch.equal(loaded.conditional, rates.conditional)


def test_a_loaded_classifier_has_the_same_losses() -> None:
    classifier, other = make(momentum=0.9), make(momentum=0.9)
    classifier.update(some_targets(seed=4))
    other.load_state_dict(classifier.state_dict())
    arguments = (randn(BATCH, LATENTS), randn(BATCH, LATENTS, seed=1), some_targets(), PSI)
    for name in ("classifier_loss", "latent_loss"):
        assert torch.equal(getattr(classifier, name)(*arguments), getattr(other, name)(*arguments))


def test_batches_without_an_intervention_are_finite() -> None:
    classifier, nothing = make(), torch.zeros(BATCH, VARIABLES)
    classifier.update(nothing)
    arguments = (randn(BATCH, LATENTS), randn(BATCH, LATENTS), nothing, PSI)
    assert classifier.classifier_loss(*arguments).isfinite().all()
    assert classifier.latent_loss(*arguments).isfinite().all()


@pytest.mark.parametrize("settings", [{"hidden": 0}, {"momentum": 1.0}, {"momentum": -0.1}])
def test_settings_are_checked(settings: dict) -> None:
    with pytest.raises(ValueError, match="of a target classifier must be"):
        TargetClassifierSettings(**settings)
