from __future__ import annotations

import pytest

from trisect.evaluation.probes.batched_mlp import BatchedMlp
from trisect.evaluation.probes.fitting import FitSettings, fit
from trisect.evaluation.progress import finished, listening, part


def test_parts_of_parts_are_shares_of_the_whole() -> None:
    told: list[float] = []
    with listening(told.append), part(0.5, 1.0):
        with part(0.0, 0.5):
            finished(0.5)
        finished(0.8)
    assert told == pytest.approx([0.5, 0.5, 0.625, 0.75, 0.9, 1.0])


def test_nobody_listens_by_default() -> None:
    with part(0.0, 1.0):
        finished(0.5)
    told: list[float] = []
    with listening(told.append):
        pass
    finished(1.0)
    assert told == []


def test_training_a_probe_tells_how_far_it_is(rng) -> None:
    import torch

    told: list[float] = []
    generator = torch.Generator().manual_seed(0)
    network = BatchedMlp([2], (2, 3, 1), generator)
    inputs = torch.ones(1, 20, 2)
    with listening(told.append), torch.no_grad():
        fit(network, inputs, lambda outputs, rows, into: into.zero_(), FitSettings(10, check_every=4), generator, list)
    assert told == [0.4, 0.8, 1.0]
