from __future__ import annotations

import numpy as np
import pytest
import torch

from trisect.evaluation.probes.target_probe import target_losses, target_slopes


def pairs(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits (3, 12, 2), labels (12, 2), and which count (3, 12, 2): none for the last network's first variable."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(3, 12, 2, generator=generator)
    labels = (torch.rand(12, 2, generator=generator) < 0.4).float()
    counted = (torch.rand(3, 12, 2, generator=generator) < 0.7).float()
    counted[2, :, 0] = 0
    return logits, labels, counted


def test_losses_by_brute_force():
    logits, labels, counted = pairs()
    losses = target_losses(logits, labels, counted)
    for i in range(3):
        for j in range(2):
            rows = [n for n in range(12) if counted[i, n, j]]
            shares = [1 / (1 + np.exp(-float(logits[i, n, j]))) for n in rows]
            terms = [-np.log(p if labels[n, j] else 1 - p) for n, p in zip(rows, shares)]
            assert float(losses[i, j]) == pytest.approx(np.mean(terms) if rows else 0.0, abs=1e-5)


def test_slopes_are_the_derivatives_of_the_losses():
    logits, labels, counted = pairs()
    slopes = torch.full_like(logits, 7.0)
    target_slopes(logits, labels, counted, slopes)
    logits.requires_grad_()
    target_losses(logits, labels, counted).sum().backward()
    assert torch.allclose(slopes, logits.grad, atol=1e-6)
