"""Diagonal Gaussians: log-probability and Kullback-Leibler divergence.

All functions work element by element on tensors that broadcast against each other; the caller sums.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

Elements = Float[Tensor, "..."]

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def nll(x: Elements, mean: Elements, log_std: Elements) -> Elements:
    """Negative log-density: log s + log(2 pi)/2 + ((x - m)/s)^2 / 2, in nats per element."""
    return log_std + HALF_LOG_2PI + 0.5 * ((x - mean) * torch.exp(-log_std)) ** 2


def kl(mean_q: Elements, log_std_q: Elements, mean_p: Elements, log_std_p: Elements) -> Elements:
    """KL(q || p) = log(s_p/s_q) + (s_q^2 + (m_q - m_p)^2) / (2 s_p^2) - 1/2, in nats per element."""
    ratio = torch.exp(2 * (log_std_q - log_std_p))
    shift = ((mean_q - mean_p) * torch.exp(-log_std_p)) ** 2
    return log_std_p - log_std_q + 0.5 * (ratio + shift - 1)
