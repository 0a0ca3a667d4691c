from __future__ import annotations

import pytest
import torch
from torch import nn

from trisect.evaluation.batched_mlp import BatchedMlp, BestOutputs, FitSettings, fit, training_allowed


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_equals_separate_networks():
    network = BatchedMlp([2, 3], (3, 5, 4, 2), seeded())
    inputs = torch.randn(2, 7, 3, generator=seeded(1))
    for k in range(2):
        layers = [nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2)]
        for layer, weight, bias in zip(layers[::2], network.weights, network.biases):
            layer.weight.data, layer.bias.data = weight[k].T, bias[k, 0]
        assert torch.allclose(nn.Sequential(*layers)(inputs[k]), network(inputs)[k], atol=1e-6)


def test_weights_are_scaled_by_the_inputs_used():
    network = BatchedMlp([1, 100], (100, 50, 1), seeded())
    largest = network.weights[0].abs().amax(dim=(1, 2))
    assert 0.9 < largest[0] <= 1.0 and 0.09 < largest[1] <= 0.1


@pytest.mark.parametrize("cosine", [False, True])
def test_fit_solves_a_regression_and_sees_every_row(cosine):
    inputs = torch.randn(1, 300, 2, generator=seeded(1))
    wanted = (inputs[0, :, 0] * inputs[0, :, 1])[:, None]
    network, seen, calls = BatchedMlp([2], (2, 32, 32, 1), seeded()), set(), []

    def loss(rows: torch.Tensor) -> torch.Tensor:
        seen.update(rows.tolist())
        return (network(inputs[:, rows])[0] - wanted[rows]).square().mean()

    def checkpoint() -> None:
        calls.append((network(inputs)[0] - wanted).square().mean().item())

    settings = FitSettings(700, batch_size=100, cosine=cosine, check_every=250)
    fit(network, 300, loss, settings, seeded(), checkpoint)
    assert seen == set(range(300))
    assert len(calls) == 3 and calls[-1] < 0.02 < wanted.var()


@pytest.mark.parametrize("surroundings", [torch.no_grad, torch.inference_mode])
def test_training_is_allowed_anywhere(surroundings):
    with surroundings(), torch.autocast("cpu", dtype=torch.bfloat16), training_allowed():
        weight = torch.ones(3, 3, requires_grad=True)
        product = weight @ torch.ones(3, 3)
        product.sum().backward()
    assert product.dtype == torch.float32 and weight.grad is not None and (weight.grad == 3).all()


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
