"""Against PyTorch's layers and its automatic derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trisect.evaluation.probes.batched_mlp import CHUNK_ROWS, BatchedMlp, Workspace

SIZES = (3, 5, 4, 2)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def layers_of(network: BatchedMlp, k: int) -> nn.Sequential:
    """The k-th network, layer by layer."""
    layers: list[nn.Module] = []
    for weight, bias in zip(network.weights, network.biases):
        linear = nn.Linear(*weight.shape[1:])
        linear.weight.data, linear.bias.data = weight[k].T.clone(), bias[k, 0].clone()
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("num_rows", [0, 1, CHUNK_ROWS, 2 * CHUNK_ROWS + 7])
def test_equals_separate_networks(num_rows: int):
    network = BatchedMlp([2, 3], SIZES, seeded())
    inputs = torch.randn(2, num_rows, 3, generator=seeded(1))
    outputs = network(inputs)
    assert outputs.shape == (2, num_rows, 2)
    for k in range(2):
        assert torch.allclose(layers_of(network, k)(inputs[k]), outputs[k], atol=1e-6)


def test_passes_and_gradients_equal_automatic_ones():
    network = BatchedMlp([3, 3], SIZES, seeded())
    inputs, rows = torch.randn(2, 9, 3, generator=seeded(1)), torch.tensor([7, 0, 0, 5])
    pulls = torch.randn(2, 4, 2, generator=seeded(2))
    workspace = Workspace(network, 4)
    for _ in range(2):  # the second pass must not depend on the first
        outputs = workspace.forward_rows(inputs, rows).clone()
        workspace.slopes.copy_(pulls)
        workspace.backward()
    for k in range(2):
        alone = layers_of(network, k)
        expected = alone(inputs[k, rows])
        assert torch.allclose(outputs[k], expected, atol=1e-6)
        (expected * pulls[k]).sum().backward()
        for layer, linear in enumerate(alone[::2]):
            assert torch.allclose(network.weight_slopes[layer][k].T, linear.weight.grad, atol=1e-5)
            assert torch.allclose(network.bias_slopes[layer][k, 0], linear.bias.grad, atol=1e-5)


def test_all_parameters_are_in_one_tensor():
    network = BatchedMlp([3, 3], SIZES, seeded())
    parts: list[Tensor] = [*network.weights, *network.biases]
    assert len(network.parameters) == sum(part.numel() for part in parts)
    network.parameters.zero_()
    assert all((part == 0).all() for part in parts)
    network.weight_slopes[1].fill_(1)
    assert network.parameters.grad is not None and network.parameters.grad.sum() == 2 * 5 * 4


def test_weights_are_scaled_by_the_inputs_used():
    network = BatchedMlp([1, 100], (100, 50, 1), seeded())
    largest = network.weights[0].abs().amax(dim=(1, 2))
    assert 0.9 < largest[0] <= 1.0 and 0.09 < largest[1] <= 0.1
