from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from trisect import gaussian


def normals(*shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def test_nll_is_that_of_torch() -> None:
    x, mean, log_std = normals((50, 3), (50, 3), (50, 3))
    expected = -Normal(mean, log_std.exp()).log_prob(x)
    torch.testing.assert_close(gaussian.nll(x, mean, log_std), expected)


def test_kl_is_that_of_torch() -> None:
    mean_q, log_std_q, mean_p, log_std_p = normals((50, 3), (50, 3), (50, 3), (50, 3))
    expected = kl_divergence(Normal(mean_q, log_std_q.exp()), Normal(mean_p, log_std_p.exp()))
    torch.testing.assert_close(gaussian.kl(mean_q, log_std_q, mean_p, log_std_p), expected)


def test_kl_is_the_integral_of_the_densities() -> None:
    mean_q, log_std_q, mean_p, log_std_p = torch.tensor([0.3, -0.2, -0.5, 0.4], dtype=torch.float64)
    x = torch.linspace(-12, 12, 20001, dtype=torch.float64)
    nll_q, nll_p = gaussian.nll(x, mean_q, log_std_q), gaussian.nll(x, mean_p, log_std_p)
    torch.testing.assert_close(torch.trapezoid(torch.exp(-nll_q), x), torch.tensor(1.0, dtype=torch.float64))
    expected = torch.trapezoid(torch.exp(-nll_q) * (nll_p - nll_q), x)
    torch.testing.assert_close(gaussian.kl(mean_q, log_std_q, mean_p, log_std_p), expected)


def test_kl_is_zero_only_for_equal_gaussians() -> None:
    mean, log_std = normals((20,), (20,))
    torch.testing.assert_close(gaussian.kl(mean, log_std, mean, log_std), torch.zeros(20, dtype=torch.float64))
    assert (gaussian.kl(mean, log_std, mean + 0.1, log_std) > 0).all()
    assert (gaussian.kl(mean, log_std, mean, log_std + 0.1) > 0).all()


def test_arguments_broadcast() -> None:
    x, mean, log_std = normals((4, 1, 3), (5, 3), (3,))
    assert gaussian.nll(x, mean, log_std).shape == (4, 5, 3)
    assert gaussian.kl(x, log_std, mean, log_std).shape == (4, 5, 3)


def test_gradients_are_right() -> None:
    arguments = [tensor.requires_grad_() for tensor in normals((4,), (4,), (4,), (4,))]
    assert torch.autograd.gradcheck(gaussian.nll, arguments[:3])
    assert torch.autograd.gradcheck(gaussian.kl, arguments)


@pytest.mark.parametrize("log_std", [-10.0, 10.0])
def test_extreme_widths_stay_finite_in_single_precision(log_std: float) -> None:
    zero, width = torch.zeros(1), torch.tensor([log_std])
    assert gaussian.nll(zero, zero, width).isfinite().all()
    assert gaussian.kl(zero, width, zero, zero).isfinite().all()
