from __future__ import annotations

import pytest
import torch
from torch import nn

from trisect.models import bounded_building
from trisect.models.bounded_building import at_most


@pytest.fixture(autouse=True)
def without_spare(monkeypatch) -> None:
    monkeypatch.setattr(bounded_building, "SPARE", 0)


def test_a_model_as_large_as_its_weights_is_built() -> None:
    with at_most(110, "the model"):
        model = nn.Linear(10, 10)
    assert model.weight.shape == (10, 10)


def test_random_numbers_are_the_same_as_without_bounds() -> None:
    torch.manual_seed(0)
    free = nn.Linear(10, 10).weight
    torch.manual_seed(0)
    with at_most(110, "the model"):
        assert torch.equal(nn.Linear(10, 10).weight, free)


MAKERS = {
    "a layer": lambda: nn.Linear(10**9, 10**9),
    "a layer of 10^30": lambda: nn.Linear(10**30, 1),
    "a convolution": lambda: nn.Conv2d(10**6, 10**6, 3),
    "many layers": lambda: [nn.Linear(10, 10) for _ in range(10)],
    "zeros": lambda: torch.zeros(10**6, 10**6),
    "zeros of a list": lambda: torch.zeros([10**6, 10**6]),
    "zeros by name": lambda: torch.zeros(size=(10**6, 10**6)),
    "a filled one": lambda: torch.full((10**6, 10**6), 1.0),
    "the identity": lambda: torch.eye(10**6),
    "a rectangular identity": lambda: torch.eye(10**6, 10**6),
    "a range": lambda: torch.arange(10**12),
    "steps": lambda: torch.linspace(0, 1, 10**12),
    "steps by name": lambda: torch.linspace(0, 1, steps=10**12),
    "repeated": lambda: torch.zeros(10).repeat(10**9, 10),
    "interleaved": lambda: torch.zeros(10).repeat_interleave(10**12),
    "rows interleaved": lambda: torch.zeros(2, 2).repeat_interleave(10**12, 0),
    "columns interleaved by name": lambda: torch.zeros(2, 2).repeat_interleave(repeats=10**12, dim=1),
    "one of many": lambda: torch.nn.functional.one_hot(torch.zeros(10, dtype=torch.int64), 10**12),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_far_larger_one_is_refused_before_it_gets_memory(name) -> None:
    message = "the model in x.json must be valid; got one far larger than the file of its weights; copy it again"
    with pytest.raises(ValueError, match=message), at_most(110, "the model in x.json", "copy it again"):
        MAKERS[name]()


def test_impossible_sizes_become_a_sentence() -> None:
    message = "the model must be valid; got Trying to create tensor with negative dimension"
    with pytest.raises(ValueError, match=message), at_most(110, "the model"):
        torch.empty(-1, 2)


def test_errors_of_our_own_pass() -> None:
    with pytest.raises(ValueError, match="^seed$"), at_most(110, "the model"):
        raise ValueError("seed")
