"""Residual image networks, for a GPU: frames of any size whose things turn, are shaded or cast shadows.

They read and draw as the pair in `trisect.models.conv_networks` does, through keypoints and waves, with residual blocks
in between that see and draw what a single convolution cannot. Nothing is normalised over the batch, so that the latents
of a frame do not depend on the frames beside it. Frames are (batch, channels, height, width), float in [-1, 1].
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.conv_networks import (
    FEW,
    FREQUENCY,
    SpatialSoftArgmax,
    cell_grid,
    num_cells,
    num_halvings,
)
from trisect.models.image_layers import Maps, PixelNorm, ResidualBlock, conv
from trisect.models.images import Frames, FrameShape, ImageNetwork, Latents, SineDecoder, mlp


class ResidualEncoder(ImageNetwork):
    """Frames to latents: z = W where + g(what), as in `ConvEncoder`, of maps that residual blocks have refined.

    A convolution of stride 2 per halving, each followed by residual blocks, with twice the maps from the second halving
    on; keypoints are read off the coarsest maps.

    Args:
        shape: of the frames.
        num_latents: L.
        channels: c, maps after the first halving.
        num_keypoints: K.
        num_blocks: residual blocks after every halving.
    """

    mean: Tensor
    gain: Tensor

    def __init__(
        self, shape: FrameShape, num_latents: int, channels: int = 64, num_keypoints: int = 24, num_blocks: int = 1
    ):
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape.channels, shape.height, shape.width))
        self.register_buffer("gain", torch.ones(shape.channels, 1, 1))
        self.cells = num_cells(shape)
        widths = [shape.channels, channels, *[2 * channels] * (num_halvings(shape) - 1)]
        self.maps = nn.Sequential()
        for before, after in itertools.pairwise(widths):
            self.maps.append(conv(before, after, 2))
            self.maps.extend(_blocks(after, num_blocks))
        wide, hidden = widths[-1], 4 * channels
        self.place = nn.Parameter(0.5 * torch.randn(2, wide))
        self.last = nn.Sequential(ResidualBlock(wide, PixelNorm), PixelNorm(wide), nn.SiLU())
        self.keypoints = SpatialSoftArgmax(wide, num_keypoints, cell_grid(*self.cells))
        self.coordinates = nn.Linear(2 * num_keypoints, num_latents)
        self.side = mlp([num_keypoints * wide, hidden, hidden, num_latents])
        with torch.no_grad():
            self.side[-1].weight.mul_(0.3)  # type: ignore[operator]

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """The mean frame, what gives every channel unit deviation, and the scale of the logits."""
        self.mean.copy_(frames.mean(dim=0))
        deviation = (frames - self.mean).square().mean(dim=(0, 2, 3)).sqrt()
        self.gain.copy_(1 / deviation.clamp(min=1e-3)[:, None, None])
        self.keypoints.initialise(self._maps(frames[:FEW]))

    def _maps(self, frames: Frames) -> Maps:
        centred = ((frames - self.mean) * self.gain).contiguous(memory_format=torch.channels_last)
        maps = self.maps(centred)
        place = (self.keypoints.grid @ self.place).T.unflatten(1, self.cells)
        refined: Maps = self.last(maps + place.to(maps))
        return refined

    def forward(self, frames: Frames) -> Latents:
        where, what = self.keypoints(self._maps(frames))
        side = self.side(what.flatten(1))
        with torch.autocast(frames.device.type, enabled=False):
            return self.coordinates(where.flatten(1)) + side.float()


class WaveDecoder(SineDecoder):
    """Latents to frames: waves over coarse cells, refined and doubled by residual blocks up to half the frame's size.

    With e = e(z) the features of the latents and p a cell's (row, column), as in `CoordinateDecoder`:
    wave_k = sin(phase_k(e) + frequency_k . p), maps = W wave + M e. The last maps draw patches of 2x2 pixels.

    Args:
        shape: of the frames.
        num_latents: L.
        channels: c, of the finest maps; all coarser ones have 2 c.
        num_waves: waves.
        num_blocks: residual blocks on the coarsest maps, and after every doubling.
    """

    grid: Tensor

    def __init__(
        self, shape: FrameShape, num_latents: int, channels: int = 64, num_waves: int = 128, num_blocks: int = 2
    ):
        hidden = 8 * channels
        super().__init__(shape, num_latents, hidden)
        doublings = num_halvings(shape) - 1
        self.cells = num_cells(shape)
        self.register_buffer("grid", cell_grid(*self.cells), persistent=False)
        self.frequencies = nn.Parameter(FREQUENCY * torch.randn(2, num_waves))
        self.phases = nn.Linear(hidden, num_waves)
        with torch.no_grad():
            self.phases.weight.mul_(3)
        widths = [*[2 * channels] * doublings, channels]
        self.mix, self.modulation = nn.Linear(num_waves, widths[0]), nn.Linear(hidden, widths[0], bias=False)
        self.maps = nn.Sequential(*_blocks(widths[0], num_blocks))
        for before, after in itertools.pairwise(widths):
            self.maps.append(nn.Upsample(scale_factor=2, mode="nearest"))
            self.maps.append(conv(before, after))
            self.maps.extend(_blocks(after, num_blocks))
        self.patches = nn.Sequential(PixelNorm(channels), nn.SiLU(), conv(channels, 4 * shape.channels))

    def forward(self, z: Latents) -> Frames:
        features = self.features(z)
        waves = torch.sin(self.phases(features).float()[:, None] + self.grid @ self.frequencies)
        maps = (self.mix(waves) + self.modulation(features)[:, None]).transpose(1, 2).unflatten(2, self.cells)
        drawn = self.patches(self.maps(maps.contiguous(memory_format=torch.channels_last)))
        frames = functional.pixel_shuffle(drawn, 2)
        return frames[..., : self.shape.height, : self.shape.width].float() + self.bias


def _blocks(channels: int, number: int) -> list[nn.Module]:
    return [ResidualBlock(channels, PixelNorm) for _ in range(number)]
