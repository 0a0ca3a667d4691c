from __future__ import annotations

import pytest
import torch
from torch import nn

from trisect.batches import LossTerms, ParameterGroup, SequenceBatch


def test_the_total_is_the_sum_of_the_means() -> None:
    terms = LossTerms(a=torch.tensor([1.0, 2.0, 6.0]), b=torch.tensor([[1.0, 3.0]]), c=torch.tensor(-0.5))
    assert terms.total().item() == 3.0 + 2.0 - 0.5
    assert terms.total().shape == ()


def test_every_term_gets_its_gradient() -> None:
    x = torch.tensor([1.0, 3.0], requires_grad=True)
    LossTerms(square=x.square(), line=5 * x[0]).total().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0 + 5.0, 3.0]


def test_terms_are_a_mapping_in_order() -> None:
    terms = LossTerms(b=torch.zeros(1), a=torch.ones(1))
    assert list(terms) == ["b", "a"]
    assert len(terms) == 2
    assert terms["a"].item() == 1.0
    assert "c" not in terms


def test_terms_of_mixed_precision_are_added() -> None:
    terms = LossTerms(a=torch.ones(2, dtype=torch.bfloat16), b=torch.ones(2))
    assert terms.total().dtype == torch.float32
    assert terms.total().item() == 2.0


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_the_first_non_finite_term_is_named(bad: float) -> None:
    good, broken = torch.ones(3), torch.tensor([1.0, bad, 1.0])
    assert LossTerms(a=good, b=good).first_non_finite() is None
    assert LossTerms(a=good, b=broken, c=broken).first_non_finite() == "b"


def test_a_loss_without_terms_is_refused() -> None:
    with pytest.raises(ValueError, match="the number of terms of a loss must be at least 1; got 0"):
        LossTerms().total()


def test_a_batch_moves_only_if_it_has_to() -> None:
    batch = SequenceBatch(torch.zeros(4, 2, 3), torch.zeros(4, 1, 2))
    assert len(batch) == 4
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    assert (moved.observations.device.type, moved.targets.device.type) == ("meta", "meta")
    assert moved.observations.shape == batch.observations.shape


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate_factor": 0.0}, "learning_rate_factor of parameter group 'flow' must be a number in"),
        ({"weight_decay": -0.1}, r"weight_decay of parameter group 'flow' must be a number in \[0, 1\]; got -0.1"),
    ],
)
def test_parameter_groups_are_checked(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ParameterGroup("flow", [nn.Parameter(torch.zeros(1))], **changes)
