"""Heads that predict interventions: what they see of the latents after a transition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trisect.batches import SequenceBatch, Step
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.target_heads import DirectionsHead, JointHead
from trisect.models.shapes import FrameShape


def latents(num: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    before, after = (torch.randn(num, 4, generator=generator) for _ in range(2))
    return before, after


def test_a_variable_sees_its_directions_only() -> None:
    torch.manual_seed(0)
    head = DirectionsHead(4, 2, 1)
    with torch.no_grad():
        head.directions.copy_(torch.tensor([[[1.0], [0.0], [0.0], [0.0]], [[0.0], [0.0], [1.0], [1.0]]]))
    before, after = latents(5)
    after.requires_grad_()
    first, second = (torch.autograd.grad(head(before, after)[:, k].sum(), after)[0] for k in range(2))
    assert (first[:, 0].abs() > 0).all() and first[:, 1:].abs().max() == 0
    assert second[:, :2].abs().max() == 0 and torch.allclose(second[:, 2], second[:, 3])


@pytest.mark.parametrize("head", [JointHead(4, 3), DirectionsHead(4, 3, 2)])
def test_every_latent_before_counts(head: torch.nn.Module) -> None:
    before, after = latents(5)
    before.requires_grad_()
    logits = head(before, after)
    assert logits.shape == (5, 3)
    (gradient,) = torch.autograd.grad(logits.sum(), before)
    assert (gradient.abs().sum(dim=0) > 0).all()


def test_the_directions_find_what_was_replaced() -> None:
    """Latent 0 stands still unless replaced, in code that is mixed; the direction learned reads little else."""
    torch.manual_seed(0)
    mixing = torch.linalg.qr(torch.randn(4, 4))[0]
    head = DirectionsHead(4, 1, 1)
    optimiser = torch.optim.Adam(head.parameters(), 1e-2)
    for k in range(400):
        before, fresh = latents(256, seed=k)
        target = torch.rand(256, generator=torch.Generator().manual_seed(1000 + k)) < 0.5
        after = before + 0.3 * fresh.roll(1, dims=0)
        after[:, 0] = torch.where(target, fresh[:, 0], before[:, 0])
        loss = functional.binary_cross_entropy_with_logits(head(before @ mixing, after @ mixing)[:, 0], target.float())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    read = (mixing @ head.directions[0, :, 0]).detach().abs()
    assert loss.item() < 0.35 and read[1:].max() < 0.1 * read[0]


def test_the_autoencoder_has_the_head_that_its_settings_name() -> None:
    shape = FrameShape(3, 8, 8)
    makes = {0: JointHead, 3: DirectionsHead}
    batch = SequenceBatch(torch.rand(4, 3, 3, 8, 8), torch.ones(4, 2, 2))
    for directions, kind in makes.items():
        settings = AutoencoderSettings(num_latents=4, hidden=16, target_directions=directions)
        autoencoder = Autoencoder(shape, 2, settings)
        assert type(autoencoder.target_head) is kind
        autoencoder.initialise(batch)
        terms = autoencoder.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0)))
        assert terms["targets"].shape == (4,) and terms["targets"].min() > 0
    with pytest.raises(ValueError, match="target_directions of the autoencoder must be an integer of at least 0"):
        AutoencoderSettings(target_directions=-1)
    with pytest.raises(ValueError, match="must be at most num_latents, 4; got 5"):
        AutoencoderSettings(num_latents=4, target_directions=5)


@torch.no_grad()
def test_the_logits_of_directions_by_plain_loops() -> None:
    """logit_k = w_k . silu(W_k silu(V_k (z^t, P_k z^{t+1}) + a_k) + b_k) + c_k, latent by latent."""
    torch.manual_seed(0)
    head, (before, after) = DirectionsHead(4, 3, 2, hidden=5), latents(6)
    for bias in head.biases:
        bias.normal_()
    a, b, c = head.biases
    for row in range(6):
        for k in range(3):
            read = [float(sum(after[row, i] * head.directions[k, i, n] for i in range(4))) for n in range(2)]
            inputs = torch.tensor([*before[row].tolist(), *read])
            hidden = functional.silu(head.first[k].T @ inputs + a[k, 0])
            hidden = functional.silu(head.second[k].T @ hidden + b[k, 0])
            expected = float(head.last[k, :, 0] @ hidden + c[k, 0, 0])
            assert float(head(before, after)[row, k]) == pytest.approx(expected, abs=1e-5)
