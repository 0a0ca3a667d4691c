"""The published image networks: convolutions that see the position of every pixel (Lippe et al., ICML 2022).

Frames are square. Encoders halve the side with strided convolutions until it is 4, and compute the latents from the
4x4 map; decoders do the reverse. A `Position` layer gives the convolutions their row and column. Frames of 32x32 have
a plain pair of networks, larger ones a pair with normalisation, whose decoder consists of residual blocks. The layers
next to the latents, the last of the encoder and the first of the decoder, stay in full precision, because low
precision hides small movements.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from trisect import checks
from trisect.models.networks.layers import (
    FullPrecisionLinear,
    Position,
    ResidualBlock,
    conv,
    doubling_conv,
    start_normalised,
)
from trisect.models.networks.network import ImageNetwork
from trisect.models.shapes import Frames, FrameShape, Latents

NORMS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}
"""Normalisations by name; "instance" has no parameters."""
PLAIN_SIDE = 32
COARSE = 4
"""Side of the coarsest maps."""


def supported_side(shape: FrameShape) -> int:
    """Return the side of frames that the published networks support: 32, 64 or a higher power of two.

    Raises:
        ValueError: frames of another size; the message names the nearest supported sizes.
    """
    height, width = shape.height, shape.width
    fits = height == width and height >= PLAIN_SIDE and height.bit_count() == 1
    below = max(PLAIN_SIDE, 1 << (min(height, width).bit_length() - 1))
    above = max(PLAIN_SIDE, 1 << (max(height, width) - 1).bit_length())
    nearest = " or ".join(f"{side}x{side}" for side in sorted({below, above}))
    todo = f"resize the frames to {nearest}, or pass networks='profile', which takes any size"
    must = "32x32, 64x64 or a higher power of two"
    checks.require(fits, "the size of frames for the published networks", must, f"{height}x{width}", todo)
    return height


class PlainEncoder(ImageNetwork):
    """Frames of 32x32 to latents, without normalisation.

    Args:
        shape: shape of the frames, 32x32.
        num_outputs: numbers per frame: L, or 2 L for mean and log-std.
        channels: c, channels of the first convolutions; the later ones have 2 c.

    Raises:
        ValueError: frames of another size.
    """

    def __init__(self, shape: FrameShape, num_outputs: int, channels: int = 32):
        super().__init__()
        side, c = _plain_side(shape), channels
        self.maps = nn.Sequential(
            *(conv(shape.channels, c, stride=2), Position(c, side // 2), nn.SiLU()),
            *(conv(c, c), nn.SiLU()),
            *(conv(c, 2 * c, stride=2), nn.SiLU()),
            *(conv(2 * c, 2 * c), nn.SiLU()),
            *(conv(2 * c, 2 * c, stride=2), nn.SiLU(), nn.Flatten()),
        )
        self.hidden = nn.Sequential(nn.Linear(2 * c * COARSE**2, 4 * c), nn.SiLU())
        self.outputs = FullPrecisionLinear(4 * c, num_outputs)

    def initialise(self, frames: Frames) -> None:
        """Normalise all layers but the last; with the published start, latents of frames differ by only 1e-4."""
        start_normalised(self.hidden, start_normalised(self.maps, frames))

    def forward(self, frames: Frames) -> Latents:
        return self.outputs(self.hidden(self.maps(frames)))


class PlainDecoder(ImageNetwork):
    """Latents to frames of 32x32, without normalisation.

    Args:
        shape: shape of the frames, 32x32.
        num_latents: L.
        channels: c, channels of the last convolutions; the earlier ones have 2 c.

    Raises:
        ValueError: frames of another size.
    """

    def __init__(self, shape: FrameShape, num_latents: int, channels: int = 32):
        super().__init__()
        side, c = _plain_side(shape), channels
        self.hidden = nn.Sequential(
            *(FullPrecisionLinear(num_latents, 4 * c), nn.SiLU()),
            *(nn.Linear(4 * c, 2 * c * COARSE**2), nn.SiLU(), nn.Unflatten(1, (2 * c, COARSE, COARSE))),
        )
        self.maps = nn.Sequential(
            *(doubling_conv(2 * c, 2 * c), Position(2 * c, side // 4), nn.SiLU()),
            *(conv(2 * c, 2 * c), Position(2 * c, side // 4), nn.SiLU()),
            *(doubling_conv(2 * c, c), Position(c, side // 2), nn.SiLU()),
            *(conv(c, c), Position(c, side // 2), nn.SiLU()),
            *(doubling_conv(c, shape.channels), nn.Tanh()),
        )

    def initialise(self, frames: Frames) -> None:
        """Do nothing: the network starts from its random weights, as published."""

    def forward(self, z: Latents) -> Frames:
        return self.maps(self.hidden(z))


class NormalisedEncoder(ImageNetwork):
    """Square frames to latents: log2(side) - 2 blocks of two convolutions, each normalised.

    Args:
        shape: shape of the frames, see `supported_side`.
        num_outputs: numbers per frame: L, or 2 L for mean and log-std.
        channels: c, channels of all convolutions.
        norm: "batch" or "instance".

    Raises:
        ValueError: frames of an unsupported size, or an unknown normalisation.
    """

    def __init__(self, shape: FrameShape, num_outputs: int, channels: int = 32, norm: str = "batch"):
        super().__init__()
        sides, normalise = _sides(shape), _norm(norm)
        first = _halving_block(shape.channels, channels, normalise, Position(channels, sides[-2]))
        others = [_halving_block(channels, channels, normalise) for _ in sides[:-2]]
        self.maps = nn.Sequential(first, *others, nn.Flatten())
        wide = 4 * channels
        self.hidden = nn.Sequential(nn.Linear(channels * COARSE**2, wide), nn.LayerNorm(wide), nn.SiLU())
        self.outputs = FullPrecisionLinear(wide, num_outputs)

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """Set the running statistics of batch normalisation from these frames; the weights stay unchanged."""
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm2d)]
        before = [(norm.momentum, norm.training) for norm in norms]
        for norm in norms:
            norm.train().momentum = 1.0
        self.maps(frames)
        for norm, (momentum, training) in zip(norms, before):
            norm.train(training).momentum = momentum

    def forward(self, frames: Frames) -> Latents:
        return self.outputs(self.hidden(self.maps(frames)))


class ResidualDecoder(ImageNetwork):
    """Latents to square frames: log2(side) - 2 stages of bilinear doubling and residual blocks, then 1x1 convolutions.

    Args:
        shape: shape of the frames, see `supported_side`.
        num_latents: L.
        channels: c, channels of all convolutions.
        num_blocks: residual blocks after every doubling; the published autoencoder has 2, the VAE 1.
        norm: "batch" or "instance".

    Raises:
        ValueError: frames of an unsupported size, or an unknown normalisation.
    """

    def __init__(
        self, shape: FrameShape, num_latents: int, channels: int = 32, num_blocks: int = 2, norm: str = "batch"
    ):
        super().__init__()
        sides, normalise, wide = _sides(shape), _norm(norm), 4 * channels
        self.hidden = nn.Sequential(
            *(FullPrecisionLinear(num_latents, wide), nn.LayerNorm(wide), nn.SiLU()),
            *(nn.Linear(wide, channels * COARSE**2), nn.Unflatten(1, (channels, COARSE, COARSE))),
        )
        self.maps = nn.Sequential()
        for side in sides[1:]:
            residual = [ResidualBlock(channels, normalise, Position(channels, side)) for _ in range(num_blocks)]
            doubling = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            self.maps.append(nn.Sequential(doubling, *residual))
        self.head = nn.Sequential(
            *(normalise(channels), nn.SiLU(), nn.Conv2d(channels, channels, 1), Position(channels, sides[-1])),
            *(normalise(channels), nn.SiLU(), nn.Conv2d(channels, shape.channels, 1), nn.Tanh()),
        )

    def initialise(self, frames: Frames) -> None:
        """Do nothing: the network starts from its random weights, as published."""

    def forward(self, z: Latents) -> Frames:
        return self.head(self.maps(self.hidden(z)))


def _plain_side(shape: FrameShape) -> int:
    side = supported_side(shape)
    todo = "use the networks with normalisation for larger frames"
    checks.require(side == PLAIN_SIDE, "the size of frames for the plain networks", "32x32", f"{side}x{side}", todo)
    return side


def _sides(shape: FrameShape) -> list[int]:
    """Sides of all maps of a network, from 4 to the side of the frame."""
    return [1 << power for power in range(COARSE.bit_length() - 1, supported_side(shape).bit_length())]


def _norm(name: str) -> Callable[[int], nn.Module]:
    return NORMS[checks.one_of(name, NORMS, "the norm of image networks")]


def _halving_block(before: int, after: int, norm: Callable[[int], nn.Module], *position: Position) -> nn.Sequential:
    """Two convolutions; the first has stride 2 and is followed by the position layer, if there is one."""
    return nn.Sequential(
        *(conv(before, after, stride=2, bias=False), *position, norm(after), nn.SiLU()),
        *(conv(after, after, bias=False), norm(after), nn.SiLU()),
    )
