"""The residual pair: any size, each frame by itself, the same start for the same seed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trisect.batches import SequenceBatch, Step
from trisect.models.autoencoder import Autoencoder, AutoencoderSettings
from trisect.models.image_factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.image_layers import PixelNorm
from trisect.models.images import FrameShape
from trisect.models.residual_networks import ResidualEncoder, WaveDecoder

SIZES = [(24, 40), (64, 64), (100, 76), (17, 17), (8, 8), (4, 5)]
LATENTS, CHANNELS = 5, 8


def frames(shape: FrameShape, num: int = 4) -> Tensor:
    size = (num, shape.channels, shape.height, shape.width)
    return 2 * torch.rand(size, generator=torch.Generator().manual_seed(0)) - 1


def pair(shape: FrameShape, seed: int = 0) -> tuple[ResidualEncoder, WaveDecoder]:
    torch.manual_seed(seed)
    encoder = encoder_for(shape, LATENTS, "residual", CHANNELS)
    decoder = decoder_for(shape, LATENTS, "residual", CHANNELS)
    assert isinstance(encoder, ResidualEncoder) and isinstance(decoder, WaveDecoder)
    return encoder, decoder


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 4])
def test_frames_of_any_size_go_in_and_come_out(size: tuple[int, int], channels: int) -> None:
    shape = FrameShape(channels, *size)
    encoder, decoder = pair(shape)
    x = frames(shape)
    encoder.initialise(x)
    decoder.initialise(x)
    z = encoder(x)
    drawn = decoder(z)
    assert z.shape == (4, LATENTS) and drawn.shape == x.shape and drawn.dtype == torch.float32
    (drawn.square().mean() + z.square().mean()).backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_a_frame_is_read_and_drawn_by_itself() -> None:
    shape = FrameShape(3, 24, 24)
    encoder, decoder = pair(shape)
    x = frames(shape)
    encoder.initialise(x)
    for one, all_ in ((encoder(x[:1]), encoder(x)[:1]), (decoder(encoder(x[:1])), decoder(encoder(x))[:1])):
        assert torch.allclose(one, all_, atol=1e-5)


def test_frames_that_never_change_do_no_harm() -> None:
    autoencoder = Autoencoder(FrameShape(3, 24, 40), 2, AutoencoderSettings(LATENTS, networks="residual", channels=8))
    batch = SequenceBatch(torch.full((3, 2, 3, 24, 40), 0.25), torch.zeros(3, 1, 2))
    autoencoder.initialise(batch)
    terms = autoencoder.loss(batch, Step(0, 0.0, torch.Generator().manual_seed(0)))
    terms.total().backward()
    assert terms.first_non_finite() is None
    assert all(p.grad is None or p.grad.isfinite().all() for p in autoencoder.parameters())


def test_the_channels_and_options_reach_the_networks() -> None:
    shape, options = FrameShape(3, 64, 64), NetworkOptions(keypoints=3, waves=9, num_blocks=1)
    encoder = encoder_for(shape, LATENTS, "residual", CHANNELS, options=options)
    decoder = decoder_for(shape, LATENTS, "residual", CHANNELS, options)
    assert isinstance(encoder, ResidualEncoder) and isinstance(decoder, WaveDecoder)
    assert encoder.keypoints.logits.weight.shape == (3, 2 * CHANNELS) and decoder.frequencies.shape == (2, 9)
    fewer = sum(isinstance(part, nn.Conv2d) for part in decoder.modules())
    assert sum(isinstance(part, nn.Conv2d) for part in pair(shape)[1].modules()) == fewer + 4  # two blocks, two sizes
    settings = AutoencoderSettings(LATENTS, networks="residual", channels=CHANNELS, hidden=99)
    assert settings.width == CHANNELS


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pixels_are_normalised_over_their_maps_in_their_own_precision(dtype: torch.dtype) -> None:
    norm, x = PixelNorm(8), (3 * frames(FrameShape(8, 5, 6)) + 1).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        normed = norm(x)
    assert normed.dtype == dtype and normed.shape == x.shape
    mean, variance = normed.float().mean(dim=1), normed.float().var(dim=1, correction=0)
    assert mean.abs().max() < 0.02 and (variance - 1).abs().max() < 0.05
