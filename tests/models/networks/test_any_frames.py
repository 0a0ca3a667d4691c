"""The laws of all networks for frames of any size and content."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trisect.batches import SequenceBatch, Step
from trisect.models.networks.combined import CombinedEncoder
from trisect.models.networks.factory import decoder_for, encoder_for
from trisect.models.networks.network import ImageNetwork
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.shapes import FrameShape

SIZES = [(24, 40), (64, 64), (100, 76), (17, 17), (8, 8), (4, 5)]
LATENTS, WIDTH = 6, 16
all_networks = pytest.mark.parametrize("networks", ["conv", "combined", "glimpse"])


def frames(shape: FrameShape, num: int = 4) -> Tensor:
    size = (num, shape.channels, shape.height, shape.width)
    return 2 * torch.rand(size, generator=torch.Generator().manual_seed(0)) - 1


def pair(shape: FrameShape, networks: str) -> tuple[ImageNetwork, ImageNetwork]:
    """An encoder and a decoder, initialised from `frames`."""
    torch.manual_seed(0)
    encoder = encoder_for(shape, LATENTS, networks, WIDTH)
    decoder = decoder_for(shape, LATENTS, networks, WIDTH)
    encoder.initialise(frames(shape))
    decoder.initialise(frames(shape))
    return encoder, decoder


@all_networks
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 4])
def test_frames_of_any_size_go_in_and_come_out(networks: str, size: tuple[int, int], channels: int) -> None:
    shape = FrameShape(channels, *size)
    encoder, decoder = pair(shape, networks)
    z = encoder(frames(shape))
    drawn = decoder(z)
    assert z.shape == (4, LATENTS) and drawn.shape == frames(shape).shape and drawn.dtype == torch.float32
    (drawn.square().mean() + z.square().mean()).backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


@all_networks
def test_a_frame_is_read_and_drawn_by_itself(networks: str) -> None:
    shape = FrameShape(3, 17, 24)
    encoder, decoder = pair(shape, networks)
    x = frames(shape)
    z, alone = encoder(x), encoder(x[:1])
    assert torch.allclose(alone, z[:1], atol=1e-5)
    assert torch.allclose(decoder(alone), decoder(z)[:1], atol=1e-5)


@all_networks
def test_frames_that_never_change_do_no_harm(networks: str) -> None:
    settings = AutoencoderSettings(LATENTS, networks=networks, hidden=WIDTH, channels=8)
    autoencoder = Autoencoder(FrameShape(3, 24, 40), 2, settings)
    batch = SequenceBatch(torch.full((3, 2, 3, 24, 40), 0.25), torch.zeros(3, 1, 2))
    autoencoder.initialise(batch)
    terms = autoencoder.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0)))
    terms.total().backward()
    assert terms.first_non_finite() is None
    assert all(p.grad is None or p.grad.isfinite().all() for p in autoencoder.parameters())


def test_the_combined_encoder_initialises_all_its_readouts() -> None:
    shape = FrameShape(3, 24, 40)
    encoder, _ = pair(shape, "combined")
    assert isinstance(encoder, CombinedEncoder)
    mean = frames(shape).mean(dim=0)
    assert torch.equal(encoder.profile.mean, mean) and torch.equal(encoder.conv.mean, mean)
