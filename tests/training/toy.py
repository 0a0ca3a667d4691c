"""A small data source and module for the engine's tests; run as a script, it trains in a folder until killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from trisect.batches import LossTerms, ParameterGroup, SequenceBatch, Step
from trisect.training import FitOptions, TrainingSettings, fit

DRIFT = torch.tensor([[0.9, 0.0, 0.0], [0.3, 0.5, 0.0], [0.0, 0.0, -0.4]])


class DriftSource:
    """Vectors that follow x' = x DRIFT + noise; batch number ``halt_at`` is never returned."""

    def __init__(self, seed: int = 0, size: int = 16, halt_at: int | None = None):
        self.seed, self.size, self.halt_at = seed, size, halt_at

    def batch(self, k: int) -> SequenceBatch:
        if k == self.halt_at:
            time.sleep(120)
        generator = torch.Generator().manual_seed(1000 * self.seed + k)
        before = torch.randn(self.size, 3, generator=generator)
        after = before @ DRIFT + 0.1 * torch.randn(self.size, 3, generator=generator)
        return SequenceBatch(torch.stack([before, after], 1), torch.zeros(self.size, 1, 2))


def held_out() -> Iterator[SequenceBatch]:
    source = DriftSource(seed=7, size=32)
    return (source.batch(k) for k in range(3))


class DriftModule(nn.Module):
    """Predicts the next vector from a noisy copy of the current one; has all kinds of state that a checkpoint keeps."""

    started: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.dropout = nn.Dropout(0.1)
        nn.init.eye_(self.linear.weight)
        self.register_buffer("started", torch.tensor(False))
        self.register_buffer("count", torch.tensor(0))
        self.seen: list[Step] = []

    def initialise(self, batch: SequenceBatch) -> None:
        if not self.started:
            self.linear.bias.copy_(batch.observations[:, 1].mean(0))
            self.started.fill_(True)

    def after_step(self, step: Step) -> None:
        self.count += 1
        self.seen.append(step)

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        before, after = batch.observations[:, 0], batch.observations[:, 1]
        noise = torch.randn(before.shape, generator=step.generator, device=before.device)
        error = self.linear(self.dropout(before + 0.01 * noise)) - after
        return LossTerms(fit=error.square().sum(-1), size=1e-4 * self.linear.weight.square().sum())


class GroupedModule(DriftModule):
    def parameter_groups(self, settings: TrainingSettings) -> list[ParameterGroup]:
        return [
            ParameterGroup("weight", [self.linear.weight], weight_decay=0.1),
            ParameterGroup("bias", [self.linear.bias], learning_rate_factor=4.0),
        ]


SETTINGS = TrainingSettings(
    steps=400, learning_rate=0.03, warm_up=0.1, checkpoint_every=200, validate_every=50, log_every=25, logger=None
)


def run(folder: Path, *, halt_at: int | None = None, resume: bool = False) -> DriftModule:
    torch.manual_seed(0)
    module = DriftModule()
    source = DriftSource(halt_at=halt_at)
    fit(module, source, held_out, SETTINGS, folder, FitOptions(3, resume, progress=False, signature="drift"))
    return module


if __name__ == "__main__":
    run(Path(sys.argv[1]), halt_at=260)
