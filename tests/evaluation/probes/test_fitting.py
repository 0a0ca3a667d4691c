from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.evaluation.probes.batched_mlp import BatchedMlp
from trisect.evaluation.probes.fitting import BestOutputs, FitSettings, fit, plain_arithmetic


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("cosine", [False, True])
def test_fit_solves_a_regression_and_sees_every_row(cosine: bool):
    inputs = torch.randn(1, 300, 2, generator=seeded(1))
    truth = (inputs[0, :, 0] * inputs[0, :, 1])[:, None]
    network, seen, calls = BatchedMlp([2], (2, 32, 32, 1), seeded()), set(), []

    def slopes(outputs: Tensor, rows: Tensor, into: Tensor) -> None:
        seen.update(rows.tolist())
        into.copy_(2 * (outputs - truth[rows]) / len(rows))

    def checkpoint() -> None:
        calls.append((network(inputs)[0] - truth).square().mean().item())

    settings = FitSettings(700, batch_size=100, cosine=cosine, check_every=250)
    fit(network, inputs, slopes, settings, seeded(), checkpoint)
    assert seen == set(range(300))
    assert len(calls) == 3 and calls[-1] < 0.02 < truth.var()


def test_fit_takes_the_steps_of_adam():
    """One linear layer, all rows in every batch: Kingma and Ba (2015), algorithm 1, by hand."""
    inputs, truth = torch.randn(1, 8, 2, generator=seeded(1)).double(), torch.randn(1, 8, 1, generator=seeded(2))
    network = BatchedMlp([2], (2, 1), seeded())
    state = network.parameters.double().clone()

    def slopes(outputs: Tensor, rows: Tensor, into: Tensor) -> None:
        into.copy_(outputs - truth[:, rows])

    fit(network, inputs.float(), slopes, FitSettings(5, learning_rate=0.1), seeded(), lambda: None)
    first, second = torch.zeros(3).double(), torch.zeros(3).double()
    design = torch.cat([inputs[0], torch.ones(8, 1)], dim=1)
    for step in range(1, 6):
        gradient = design.T @ (design @ state - truth[0, :, 0])
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        state = state - 0.1 * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
    assert torch.allclose(network.parameters.double(), state, atol=1e-5)


@pytest.mark.parametrize("surroundings", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_arithmetic_is_plain_in_any_context(surroundings):
    with surroundings(), torch.autocast("cpu", dtype=torch.bfloat16), plain_arithmetic():
        product = torch.ones(3, 3) @ torch.ones(3, 3)
        assert not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert product.dtype == torch.float32


def test_best_outputs_are_kept_per_network_and_head():
    best = BestOutputs([slice(0, 1), slice(1, 3)])
    best.offer(torch.tensor([[1.0, 5.0], [1.0, 5.0]]), torch.zeros(2, 4, 3))
    best.offer(torch.tensor([[0.5, 6.0], [2.0, 4.0]]), torch.ones(2, 4, 3))
    assert best.outputs is not None
    assert best.outputs[:, 0].tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    assert best.loss.tolist() == [[0.5, 5.0], [1.0, 4.0]]


@pytest.mark.parametrize(
    "broken", [{"num_steps": 0}, {"learning_rate": 0.0}, {"batch_size": 0}, {"weight_decay": -1.0}, {"check_every": 0}]
)
def test_settings_are_checked(broken):
    with pytest.raises(ValueError, match="of a fit must be"):
        FitSettings(**broken)
