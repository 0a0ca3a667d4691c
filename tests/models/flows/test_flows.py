from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from trisect.models.flows.affine import ActNorm, AutoregressiveAffine, LULinear, random_rotation, shift
from trisect.models.flows.elementwise import Elementwise
from trisect.models.flows.factory import FlowSettings, linear_flow, published_flow, refinement_flow
from trisect.models.flows.flow import Chain, Flow

DIM = 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def skewed() -> Tensor:
    return torch.randn(DIM, DIM, generator=generator(11)) + 2 * torch.eye(DIM)


def refinement(num_bumps: int) -> Flow:
    return refinement_flow(linear_flow(torch.ones(DIM), skewed()), FlowSettings(2, 3), num_bumps)


FLOWS: dict[str, Callable[[], Flow]] = {
    "act_norm": lambda: ActNorm(DIM),
    "rotation": lambda: LULinear(random_rotation(DIM, generator(1))),
    "skewed": lambda: LULinear(skewed()),
    "autoregressive": lambda: AutoregressiveAffine(DIM, 3),
    "elementwise": lambda: Elementwise(DIM, 3),
    "chain": lambda: Chain([ActNorm(DIM), LULinear(skewed()), AutoregressiveAffine(DIM, 3)]),
    "published": lambda: published_flow(DIM, 3, 4, generator(2)),
    "refinement": lambda: refinement(0),
    "refinement_curves": lambda: refinement(3),
}


def make(name: str, spread: float = 0.4) -> Flow:
    """A flow in float64 with weights far from their start."""
    torch.manual_seed(3)
    flow = FLOWS[name]().double()
    draws = generator(4)
    with torch.no_grad():
        for key, parameter in flow.named_parameters():
            parameter += spread * torch.randn(parameter.shape, generator=draws, dtype=torch.float64)
            if key.endswith("height"):
                parameter += 5
    return flow


@pytest.fixture(params=list(FLOWS))
def flow(request: pytest.FixtureRequest) -> Flow:
    return make(request.param)


def test_log_determinant_is_that_of_the_jacobian(flow: Flow) -> None:
    x = randn(5, DIM)
    z, log_det = flow(x)
    assert z.shape == x.shape and log_det.shape == (5,)
    for i in range(5):
        whole = jacobian(lambda row: flow(row.unsqueeze(0))[0].squeeze(0), x[i])
        assert torch.allclose(torch.linalg.slogdet(whole).logabsdet, log_det[i], atol=1e-10)


def test_inverse_recovers_the_input(flow: Flow) -> None:
    x = 2 * randn(6, DIM)
    assert torch.allclose(flow.inverse(flow(x)[0]), x, atol=1e-9)
    assert torch.allclose(flow(flow.inverse(x))[0], x, atol=1e-9)


def test_inverse_recovers_float32_too(flow: Flow) -> None:
    flow = flow.float()
    x = randn(6, DIM).float()
    back = flow.inverse(flow(x)[0])
    assert back.dtype == torch.float32
    assert torch.allclose(back, x, atol=1e-3)


def test_gradients_pass_the_inverse(flow: Flow) -> None:
    z = flow(randn(2, DIM))[0].detach().requires_grad_()
    assert torch.autograd.gradcheck(flow.inverse, (z,))


def test_gradients_of_the_weights_pass_the_inverse(flow: Flow) -> None:
    """Along a random direction of all weights, against a central difference."""
    z, weights = flow(randn(3, DIM))[0].detach(), randn(3, DIM, seed=6)
    parameters = list(flow.parameters())
    directions = [randn(*p.shape, seed=20 + i) for i, p in enumerate(parameters)]

    def moved(step: float) -> Tensor:
        with torch.no_grad():
            for p, d in zip(parameters, directions):
                p += step * d
        return (flow.inverse(z) * weights).sum()

    gradients = torch.autograd.grad(moved(0.0), parameters, allow_unused=True)
    slope = sum(float((g * d).sum()) for g, d in zip(gradients, directions) if g is not None)
    step = 1e-6
    numeric = (float(moved(step).detach()) - float(moved(-2 * step).detach())) / (2 * step)
    assert slope == pytest.approx(numeric, rel=1e-4, abs=1e-6)


def test_an_infinite_value_stays_in_its_row(flow: Flow) -> None:
    x = randn(4, DIM)
    spoilt = x.clone()
    spoilt[1, 2] = float("inf")
    rows = [0, 2, 3]
    assert torch.allclose(flow(spoilt)[0][rows], flow(x)[0][rows])
    assert torch.allclose(flow.inverse(spoilt)[rows], flow.inverse(x)[rows])


def test_outputs_follow_the_current_weights(flow: Flow) -> None:
    """A forward pass stores nothing that is still used after loading other weights."""
    x, state = randn(3, DIM), {name: value.clone() for name, value in flow.state_dict().items()}
    first, back = flow(x)[0], flow.inverse(x)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1
    assert not torch.allclose(flow(x)[0], first)
    flow.load_state_dict(state)
    assert torch.equal(flow(x)[0], first)
    assert torch.equal(flow.inverse(x), back)


def test_autoregressive_outputs_read_preceding_variables_only() -> None:
    flow = make("autoregressive")
    whole = jacobian(lambda row: flow(row.unsqueeze(0))[0].squeeze(0), randn(DIM))
    assert torch.equal(whole, whole.tril())
    assert (whole.diagonal() > 0).all()
    assert (whole[torch.ones(DIM, DIM).tril(-1).bool()] != 0).all()


def test_elementwise_curves_grow_and_read_nothing_else() -> None:
    flow = make("elementwise")
    whole = jacobian(lambda row: flow(row.unsqueeze(0))[0].squeeze(0), randn(DIM))
    assert torch.equal(whole, whole.diagonal().diag())
    assert (whole.diagonal() > 0).all()


def test_autoregressive_scale_is_bounded() -> None:
    """|s| <= c = 3 tanh(exp(a) / 3) < 3 however large the weights."""
    flow = make("autoregressive", spread=100.0)
    assert (flow(randn(50, DIM))[1].abs() <= 3 * DIM + 1e-9).all()


@pytest.mark.parametrize("log_limit", [-2.0, 0.0, 2.0])
@torch.no_grad()
def test_autoregressive_scales_by_formula(log_limit: float) -> None:
    """s = c tanh(raw / max(c, 1)), c = 3 tanh(exp(a) / 3), which is .13, .97 and 2.96 here; z = (x + t) exp(s)."""
    flow, x = AutoregressiveAffine(DIM, 3).double(), randn(1, DIM)
    flow.log_limit.fill_(log_limit)
    shifts, raws = torch.linspace(-1, 1, DIM).double(), torch.linspace(-2, 3, DIM).double()
    flow.last.weight.zero_()
    flow.last.bias.copy_(torch.stack([shifts, raws], dim=-1).flatten())
    c = 3 * math.tanh(math.exp(log_limit) / 3)
    scales = [c * math.tanh(float(raw) / max(c, 1.0)) for raw in raws]
    z, log_det = flow(x)
    expected = [(float(v) + float(t)) * math.exp(s) for v, t, s in zip(x[0], shifts, scales)]
    assert z[0].tolist() == pytest.approx(expected, rel=1e-9)
    assert log_det.tolist() == pytest.approx([sum(scales)], rel=1e-9)


def test_linear_map_is_the_initial_matrix() -> None:
    flow, x = LULinear(skewed()).double(), randn(3, DIM)
    assert torch.allclose(flow.matrix().float(), skewed(), atol=1e-5)
    assert torch.allclose(flow(x)[0], x @ skewed().double(), atol=1e-5)


@pytest.mark.parametrize(
    "matrix",
    [
        torch.tensor([[-2.0, 0.0], [0.0, 3.0]]),
        torch.tensor([[0.0, -1.0], [1.0, 0.0]]),
        torch.tensor([[0.5, 0.2, -1.0], [-3.0, 0.1, 0.4], [1.0, -2.0, -0.3]]),
        -torch.eye(4),
    ],
)
def test_a_linear_map_keeps_its_signs(matrix: Tensor) -> None:
    x = torch.eye(len(matrix), dtype=torch.float64)
    layer = LULinear(matrix).double()
    assert torch.allclose(layer(x)[0], matrix.double(), atol=1e-6)
    assert torch.allclose(layer.inverse(x), torch.linalg.inv(matrix.double()), atol=1e-6)


def test_random_rotations_are_orthogonal_and_repeat() -> None:
    one, again, other = (random_rotation(6, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.allclose(one.T @ one, torch.eye(6), atol=1e-5)


def test_published_flow_has_no_rotation_first() -> None:
    kinds = [type(layer).__name__ for layer in published_flow(3, 3, 2, generator()).flows]
    block = ["ActNorm", "LULinear", "AutoregressiveAffine"]
    assert kinds == ["ActNorm", "AutoregressiveAffine", *block, *block]


@pytest.mark.parametrize("num_bumps", [0, 8])
def test_refinement_starts_close_to_its_linear_map(num_bumps: int) -> None:
    torch.manual_seed(0)
    matrix, x = skewed(), torch.randn(200, DIM, generator=generator(5))
    flow = refinement_flow(linear_flow(torch.ones(DIM), matrix), FlowSettings(4, 16), num_bumps)
    start = (x - 1) @ matrix
    assert (flow(x)[0] - start).abs().max() < 0.05 * start.abs().max()


@pytest.mark.parametrize("num_blocks", [1, 3])
def test_refinement_needs_an_even_number_of_blocks(num_blocks: int) -> None:
    with pytest.raises(ValueError, match="num_blocks of a refinement flow must be even"):
        refinement_flow(linear_flow(torch.zeros(2), torch.eye(2)), FlowSettings(num_blocks, 4))


def test_published_needs_a_block() -> None:
    with pytest.raises(ValueError, match="num_blocks of a flow must be an integer of at least 1; got 0"):
        published_flow(3, 0, 2, generator())


def batch(seed: int = 0, size: int = 500) -> Tensor:
    return torch.randn(size, DIM, generator=generator(seed)) * torch.tensor([0.5, 1, 2, 4]) + 3


def test_act_norm_starts_standardised() -> None:
    layer = ActNorm(DIM)
    layer.initialise(batch())
    z = layer(batch())[0]
    assert torch.allclose(z.mean(dim=0), torch.zeros(DIM), atol=1e-5)
    assert torch.allclose(z.std(dim=0, unbiased=False), torch.ones(DIM), atol=1e-5)


@pytest.mark.parametrize("zero_mean", [False, True])
@pytest.mark.parametrize("loaded", [False, True])
def test_act_norm_starts_once(zero_mean: bool, loaded: bool) -> None:
    data = batch()
    if zero_mean:
        data = torch.cat([data - 3, 3 - data])
    layer = ActNorm(DIM)
    layer.initialise(data)
    if zero_mean:
        with torch.no_grad():
            layer.bias.zero_()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    if loaded:
        layer = ActNorm(DIM)
        layer.load_state_dict(before)
    layer.initialise(10 * batch(seed=1))
    for name, value in layer.state_dict().items():
        assert torch.equal(value, before[name])


def test_every_layer_of_a_chain_adapts_to_the_outputs_of_the_layers_before() -> None:
    flow = published_flow(DIM, 3, 4, generator())
    flow.initialise(batch())
    x = batch()
    for layer in flow.flows:
        x = layer(x)[0]
        if isinstance(layer, ActNorm):
            assert torch.allclose(x.std(dim=0, unbiased=False), torch.ones(DIM), atol=1e-3)
    before = flow(batch())[0]
    other = published_flow(DIM, 3, 4, generator(1))
    other.load_state_dict(flow.state_dict())
    other.initialise(10 * batch(seed=1))
    assert torch.equal(other(batch())[0], before)


def test_a_batch_of_one_is_finite() -> None:
    flow = published_flow(DIM, 2, 4, generator())
    flow.initialise(batch(size=1))
    z, log_det = flow(batch())
    assert z.isfinite().all() and log_det.isfinite().all()
    assert all(p.isfinite().all() for p in flow.parameters())


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_a_constant_dimension_is_finite(scale: float) -> None:
    data = scale * batch()
    data[:, 1] = 7.0
    flow = published_flow(DIM, 2, 4, generator())
    flow.initialise(data)
    z, log_det = flow(data)
    assert z.isfinite().all() and log_det.isfinite().all()
    assert all(p.isfinite().all() for p in flow.parameters())


def test_a_shift_counts_as_initialised() -> None:
    layer = shift(torch.arange(4.0))
    layer.initialise(batch())
    assert torch.equal(layer(torch.zeros(1, DIM))[0], -torch.arange(4.0).unsqueeze(0))
