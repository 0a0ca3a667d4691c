"""Residual image networks, for a GPU: frames of any size whose things turn, are shaded or cast shadows.

They read and draw as the pair in `trisect.models.conv_networks` does, through keypoints and waves, with residual blocks
in between that see and draw what a single convolution cannot. Nothing is normalised over the batch, so that the latents
of a frame do not depend on the frames beside it. Frames are (batch, channels, height, width), float in [-1, 1].
"""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.conv_networks import KeypointEncoder, WaveDecoder, num_cells, num_halvings
from trisect.models.image_layers import Maps, PixelNorm, ResidualBlock, conv
from trisect.models.images import Frames, FrameShape


class ResidualEncoder(KeypointEncoder):
    """Keypoints of maps that residual blocks have refined (He et al., 2016, in their pre-activation form).

    A convolution of stride 2 per halving, each followed by residual blocks, with twice the maps from the second halving
    on; keypoints are read off the coarsest maps.

    Args:
        shape: of the frames.
        num_latents: L.
        channels: c, maps after the first halving.
        num_keypoints: K.
        num_blocks: residual blocks after every halving.
    """

    def __init__(
        self, shape: FrameShape, num_latents: int, channels: int = 64, num_keypoints: int = 24, num_blocks: int = 1
    ):
        super().__init__(shape)
        widths = [shape.channels, channels, *[2 * channels] * (num_halvings(shape) - 1)]
        self.halving = nn.Sequential()
        for before, after in itertools.pairwise(widths):
            self.halving.append(conv(before, after, 2))
            self.halving.extend(_blocks(after, num_blocks))
        wide = widths[-1]
        self.place = nn.Parameter(0.5 * torch.randn(2, wide))
        self.last = nn.Sequential(ResidualBlock(wide, PixelNorm), PixelNorm(wide), nn.SiLU())
        self.read_keypoints(wide, num_keypoints, 4 * channels, num_latents, scale=0.3)

    def refined(self, maps: Maps) -> Maps:
        refined: Maps = self.last(maps)
        return refined


class ResidualWaveDecoder(WaveDecoder):
    """Mixed waves over coarse cells, refined and doubled by residual blocks up to half the frame's size.

    The last maps draw patches of 2x2 pixels.

    Args:
        shape: of the frames.
        num_latents: L.
        channels: c, of the finest maps; all coarser ones have 2 c.
        num_waves: waves.
        num_blocks: residual blocks on the coarsest maps, and after every doubling.
    """

    def __init__(
        self, shape: FrameShape, num_latents: int, channels: int = 64, num_waves: int = 128, num_blocks: int = 2
    ):
        widths = [*[2 * channels] * (num_halvings(shape) - 1), channels]
        super().__init__(shape, num_latents, 8 * channels, num_cells(shape), num_waves, widths[0])
        self.maps = nn.Sequential(*_blocks(widths[0], num_blocks))
        for before, after in itertools.pairwise(widths):
            self.maps.append(nn.Upsample(scale_factor=2, mode="nearest"))
            self.maps.append(conv(before, after))
            self.maps.extend(_blocks(after, num_blocks))
        self.patches = nn.Sequential(PixelNorm(channels), nn.SiLU(), conv(channels, 4 * shape.channels))

    def of_features(self, features: Float[Tensor, "batch features"]) -> Frames:
        maps = self.mixed(features).transpose(1, 2).unflatten(2, self.cells)
        drawn = self.patches(self.maps(maps.contiguous(memory_format=torch.channels_last)))
        frames = functional.pixel_shuffle(drawn, 2)
        return frames[..., : self.shape.height, : self.shape.width].float() + self.bias


def _blocks(channels: int, number: int) -> list[nn.Module]:
    return [ResidualBlock(channels, PixelNorm) for _ in range(number)]
