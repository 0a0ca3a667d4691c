from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.training import TrainingSettings
from trisect.training.checkpoints import Identity
from trisect.training.held_out import held_out_score
from trisect.training.task import Task


class Mean(nn.Module):
    """The loss of an example is its first number; records the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Dropout().eval()
        self.calls: list[tuple[bool, bool, Step]] = []

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        self.calls.append((self.training, torch.is_grad_enabled(), step))
        return LossTerms(first=batch.observations[:, 0, 0], one=torch.ones(()))


def uneven() -> Iterator[SequenceBatch]:
    """The numbers 0, 1, 2 and then 9."""
    for numbers in (torch.tensor([0.0, 1.0, 2.0]), torch.tensor([9.0])):
        yield SequenceBatch(numbers[:, None, None].expand(-1, 2, 1), torch.zeros(len(numbers), 1, 1))


def task(toy: ModuleType, term: str | None) -> Task:
    return Task(toy.DriftSource(), uneven, term, TrainingSettings(steps=10), Path("nowhere"), Identity("", 0, {}))


@pytest.mark.parametrize(("term", "expected"), [("first", 3.0), ("one", 1.0), (None, 4.0)])
def test_every_example_has_the_same_weight(toy: ModuleType, term: str | None, expected: float) -> None:
    assert held_out_score(Mean(), task(toy, term), 4, torch.device("cpu")) == expected


def test_the_module_is_evaluated_and_its_modes_are_restored(toy: ModuleType) -> None:
    module = Mean()
    held_out_score(module, task(toy, None), 4, torch.device("cpu"))
    assert [(training, grad) for training, grad, _ in module.calls] == [(False, False)] * 2
    assert all((step.training, step.index, step.progress) == (False, 4, 0.4) for *_, step in module.calls)
    assert (module.training, module.frozen.training, torch.is_grad_enabled()) == (True, False, True)
