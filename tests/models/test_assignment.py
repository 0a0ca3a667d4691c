from __future__ import annotations

import pytest
import torch

from trisect.models.assignment import Assignment


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def with_logits(logits: torch.Tensor, temperature: float = 1.0) -> Assignment:
    psi = Assignment(logits.shape[0], logits.shape[1] - 1, temperature)
    with torch.no_grad():
        psi.logits.copy_(logits)
    return psi


def test_sizes_count_the_noise_slot() -> None:
    psi = Assignment(5, 3)
    assert (psi.num_latents, psi.num_variables, psi.num_slots) == (5, 3, 4)
    assert psi.probs().shape == psi.hard().shape == psi.sample(generator()).shape == (5, 4)


def test_starts_undecided() -> None:
    assert torch.allclose(Assignment(5, 3).probs(), torch.full((5, 4), 0.25))
    nearly = Assignment(5, 3, generator=generator()).probs()
    assert not torch.equal(nearly, Assignment(5, 3).probs())
    assert torch.allclose(nearly, torch.full((5, 4), 0.25), atol=0.02)


def test_probs_are_a_softmax_and_hard_its_largest() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]])
    psi = with_logits(logits)
    assert torch.allclose(psi.probs(), logits.exp() / logits.exp().sum(1, keepdim=True))
    assert psi.hard().tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("temperature", [0, 0.0, -1.0, float("nan"), float("inf")])
def test_temperature_must_be_above_zero(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature of an Assignment must be a number in"):
        Assignment(3, 2, temperature)


@pytest.mark.parametrize("sizes", [(0, 2), (3, 0), (-1, 2), (2.5, 2)])
def test_sizes_must_be_positive(sizes: tuple) -> None:
    with pytest.raises(ValueError, match="of an Assignment must be an integer of at least 1"):
        Assignment(*sizes)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_draws_follow_the_probabilities(temperature: float) -> None:
    """Gumbel-max: the hard draw has the softmax's probabilities at any temperature."""
    row = torch.tensor([0.5, -1.0, 1.5])
    draws = with_logits(row.repeat(40_000, 1), temperature).sample(generator(1))
    frequencies = draws.detach().mean(dim=0)
    assert torch.allclose(frequencies, row.softmax(0), atol=4 * 0.5 / 200)


def test_draws_are_one_hot_and_repeat_with_the_generator() -> None:
    psi = with_logits(torch.randn(50, 4, generator=generator(2)))
    first, again, other = (psi.sample(generator(seed)).detach() for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.allclose(first.sort(dim=1).values, torch.tensor([0.0, 0.0, 0.0, 1.0]).expand(50, 4), atol=1e-6)


def test_gradients_pass_straight_through() -> None:
    """d sum(w * soft) / d logits of a softmax at temperature tau: rows sum to 0 and scale like 1 / tau."""
    psi = with_logits(torch.zeros(6, 3), temperature=2.0)
    weights = torch.randn(6, 3, generator=generator(5))
    (psi.sample(generator(6)) * weights).sum().backward()
    gradient = psi.logits.grad
    assert gradient is not None
    assert torch.allclose(gradient.sum(dim=1), torch.zeros(6), atol=1e-6)
    assert (gradient.abs().sum(dim=1) > 1e-3).all()
    uniform = torch.rand(6, 3, generator=generator(6), dtype=torch.float64)
    gumbel = -torch.log(-torch.log(uniform)).float()
    logits = torch.zeros(6, 3, requires_grad=True)
    (((logits + gumbel) / 2.0).softmax(dim=1) * weights).sum().backward()
    assert logits.grad is not None
    assert torch.allclose(gradient, logits.grad, atol=1e-6)


def test_freezing_fixes_the_slots_permanently() -> None:
    psi = Assignment(4, 2, generator=generator())
    psi.freeze([2, 0, 1, 0])
    expected = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 0, 0]]).float()
    assert torch.equal(psi.hard(), expected)
    assert torch.allclose(psi.probs(), expected, atol=1e-10)
    for seed in range(20):
        assert torch.allclose(psi.sample(generator(seed)), expected, atol=1e-6)
    assert not psi.probs().requires_grad
    assert not psi.sample(generator()).requires_grad


def test_freezing_is_part_of_the_state() -> None:
    psi, fresh = Assignment(3, 1), Assignment(3, 1)
    psi.freeze([0, 1, 1])
    fresh.load_state_dict(psi.state_dict())
    assert torch.equal(fresh.hard(), psi.hard())
    assert not fresh.probs().requires_grad


@pytest.mark.parametrize(
    ("slots", "message"), [([0, 1], "the slots to freeze must be 3 numbers; got 2"), ([0, 1, 3], "from 0 to 2; got 3")]
)
def test_freezing_refuses_invalid_slots(slots: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Assignment(3, 2).freeze(slots)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_finite(dtype: torch.dtype) -> None:
    free, frozen = Assignment(64, 3, generator=generator()), Assignment(3, 2)
    frozen.freeze([0, 1, 2])
    for psi in (free.to(dtype), frozen.to(dtype)):
        for seed in range(20):
            draw = psi.sample(generator(seed))
            assert draw.dtype == dtype
            assert draw.isfinite().all()
        assert psi.probs().isfinite().all()
        assert psi.logits.isfinite().all()


def test_a_very_small_temperature_is_finite() -> None:
    psi = Assignment(1000, 3, temperature=1e-4)
    draw = psi.sample(generator())
    draw.square().sum().backward()
    assert draw.isfinite().all()
    assert psi.logits.grad is not None and psi.logits.grad.isfinite().all()
