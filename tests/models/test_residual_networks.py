"""The residual pair: its sizes, and the normalisation of pixels. See also test_any_frames.py."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trisect.models.autoencoder import AutoencoderSettings
from trisect.models.image_factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.image_layers import PixelNorm
from trisect.models.images import FrameShape
from trisect.models.residual_networks import ResidualEncoder, ResidualWaveDecoder

SIZES = [(24, 40), (64, 64), (100, 76), (17, 17), (8, 8), (4, 5)]
LATENTS, CHANNELS = 5, 8


def frames(shape: FrameShape, num: int = 4) -> Tensor:
    size = (num, shape.channels, shape.height, shape.width)
    return 2 * torch.rand(size, generator=torch.Generator().manual_seed(0)) - 1


def pair(shape: FrameShape, seed: int = 0) -> tuple[ResidualEncoder, ResidualWaveDecoder]:
    torch.manual_seed(seed)
    encoder = encoder_for(shape, LATENTS, "residual", CHANNELS)
    decoder = decoder_for(shape, LATENTS, "residual", CHANNELS)
    assert isinstance(encoder, ResidualEncoder) and isinstance(decoder, ResidualWaveDecoder)
    return encoder, decoder


def test_the_channels_and_options_reach_the_networks() -> None:
    shape, options = FrameShape(3, 64, 64), NetworkOptions(keypoints=3, waves=9, num_blocks=1)
    encoder = encoder_for(shape, LATENTS, "residual", CHANNELS, options=options)
    decoder = decoder_for(shape, LATENTS, "residual", CHANNELS, options)
    assert isinstance(encoder, ResidualEncoder) and isinstance(decoder, ResidualWaveDecoder)
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
