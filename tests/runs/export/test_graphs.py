from __future__ import annotations

import pytest
import torch

from trisect.models.flows.affine import LULinear
from trisect.models.flows.elementwise import Elementwise
from trisect.models.flows.factory import published_flow
from trisect.models.flows.flow import Chain
from trisect.runs.export import graphs


def perturbed(flow):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in flow.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator))
    return flow


@pytest.fixture
def flow() -> Chain:
    blocks = published_flow(4, 3, 4, torch.Generator().manual_seed(0)).flows
    return perturbed(Chain([*blocks, Elementwise(4, 3)]))


def test_the_forward_map_is_unchanged(flow) -> None:
    x = torch.randn(20, 4)
    assert torch.allclose(graphs.for_graphs(flow)(x)[0], flow(x)[0], atol=1e-6)


@torch.no_grad()
def test_a_linear_map_has_its_exact_inverse() -> None:
    torch.manual_seed(0)
    scales = torch.diag(torch.logspace(-3, 3, 6))  # condition 1e6, as whitened latents have
    flow = LULinear(torch.linalg.qr(torch.randn(6, 6))[0] @ scales)
    z = torch.randn(50, 6)
    back = graphs.GraphLinear(flow).inverse(z)
    assert float((back - flow.inverse(z)).abs().max() / back.abs().max()) < 1e-6


def test_the_parts_of_the_affine_inverse_are_those_of_the_flow(flow) -> None:
    """The loop of the graph, in PyTorch."""
    affine = next(part for part in graphs.for_graphs(flow).flows if isinstance(part, graphs.GraphAffine))
    first, middle, last, limit = affine.parts
    z = torch.randn(10, 4)
    x = torch.zeros_like(z)
    for i in range(4):
        hidden = torch.nn.functional.silu(x @ first[:-1] + first[-1])
        hidden = torch.nn.functional.silu(hidden @ middle[:-1] + middle[-1])
        shift, raw = (hidden @ last[:-1] + last[-1]).chunk(2, dim=1)
        log_scale = torch.tanh(raw / limit.clamp(min=1)) * limit
        x = torch.where(torch.arange(4) == i, z * torch.exp(-log_scale) - shift, x)
    assert torch.allclose(x, affine.flow.inverse(z), atol=1e-5)


def test_loops_run_only_in_graphs(flow) -> None:
    with pytest.raises(NotImplementedError, match="can only run in an exported graph"):
        graphs.for_graphs(flow).inverse(torch.randn(2, 4))
