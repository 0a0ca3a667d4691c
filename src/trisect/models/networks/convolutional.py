"""Convolutional image networks for frames of any size and content: keypoints in, waves out.

The encoder convolves, and a spatial soft-argmax over its feature maps gives *keypoints*: their positions, with
sub-pixel precision, and the features at these positions. Positions reach the latents only through a linear map, so an
object that moves in the picture moves along a line in the latents. The decoder draws every patch from waves over the
picture plane whose phases depend on the latents. Neither network assumes that objects are small, few or upright, or
that they move along the axes. Frames are (batch, channels, height, width), float in [-1, 1].
"""

from __future__ import annotations

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.layers import full_precision
from trisect.models.networks.layers import Maps, conv, start_normalised
from trisect.models.networks.network import ImageNetwork, mlp, start_small
from trisect.models.networks.profile import SineDecoder
from trisect.models.shapes import Frames, FrameShape, Latents

CELLS = 16
"""Approximate number of cells along the longer side of a frame, at which halving stops."""
LOGIT_DEVIATION = 2.0
"""Standard deviation of the keypoints' logits over all positions at the start: high enough to find salient features."""
REACH = 1.7
"""Coordinates go from -1.7 to 1.7, which gives unit variance when they are uniform."""
FREQUENCY = 3.0
"""Standard deviation of the waves' frequencies at the start, in radians per unit of these coordinates."""
FEW = 256
"""Number of frames that set the scale of the logits."""


def num_halvings(shape: FrameShape) -> int:
    """How often a frame is halved so that its longer side has about `CELLS` cells; at least once.

    Example:
        >>> [num_halvings(FrameShape(3, side, side)) for side in (8, 32, 64, 128)]
        [1, 1, 2, 3]
    """
    return max(1, round(math.log2(max(shape.height, shape.width) / CELLS)))


def cell_grid(height: int, width: int) -> Float[Tensor, "cells 2"]:
    """(row, column) of all cells in reading order, each from -1.7 to 1.7."""
    steps = (torch.linspace(-REACH, REACH, length) for length in (height, width))
    return torch.stack(torch.meshgrid(*steps, indexing="ij"), dim=-1).flatten(0, 1)


class SpatialSoftArgmax(nn.Module):
    """Keypoints of feature maps: their positions, and the features at these positions.

    With logits l_k = w_k . f(p) of keypoint k at position p and a_k = softmax over positions of l_k, keypoint k is at
    position sum_p a_k(p) p and has the features sum_p a_k(p) f(p).

    Args:
        num_maps: C, number of feature maps.
        num_keypoints: K, number of keypoints.
        grid: (cells, 2), the coordinates of the maps' cells.

    Source:
        Levine, Finn, Darrell and Abbeel, End-to-end training of deep visuomotor policies, JMLR 2016, section 5.1;
        Finn et al., Deep spatial autoencoders for visuomotor learning, ICRA 2016. Both take a softmax of every feature
        map directly and use only the positions.
    """

    grid: Tensor

    def __init__(self, num_maps: int, num_keypoints: int, grid: Float[Tensor, "cells 2"]):
        super().__init__()
        self.logits = nn.Linear(num_maps, num_keypoints, bias=False)  # a constant does not change a softmax
        self.register_buffer("grid", grid, persistent=False)

    @torch.no_grad()
    def initialise(self, maps: Maps) -> None:
        """Scale the logits to a standard deviation of `LOGIT_DEVIATION` on these maps."""
        deviation = self.logits(_cells(maps)).std()
        if deviation > 1e-6:
            self.logits.weight.mul_(LOGIT_DEVIATION / deviation)

    def forward(self, maps: Maps) -> tuple[Float[Tensor, "batch keypoints 2"], Float[Tensor, "batch keypoints maps"]]:
        """Positions (row, column) and features of the keypoints."""
        with torch.autocast(maps.device.type, enabled=False):
            features = _cells(maps).to(self.logits.weight.dtype)
            attention = torch.softmax(self.logits(features).transpose(1, 2), dim=-1)
            return attention @ self.grid.to(features), attention @ features


class ConvFeatures(nn.Module):
    """Coarse feature maps of frames, and keypoints in them.

    The maps come from one strided convolution per halving and one more convolution, which also sees the position of
    every cell.

    Args:
        shape: shape of the frames.
        num_maps: C, number of feature maps.
        num_keypoints: K, number of keypoints.
    """

    mean: Tensor
    gain: Tensor

    def __init__(self, shape: FrameShape, num_maps: int = 16, num_keypoints: int = 24):
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape.channels, shape.height, shape.width))
        self.register_buffer("gain", torch.ones(shape.channels, 1, 1))
        self.cells = num_cells(shape)
        widths = [shape.channels, *[num_maps] * num_halvings(shape)]
        layers = ((conv(before, after, 2), nn.SiLU()) for before, after in itertools.pairwise(widths))
        self.halving = nn.Sequential(*list(itertools.chain.from_iterable(layers))[:-1])
        self.place = nn.Parameter(0.5 * torch.randn(2, num_maps))
        self.last = conv(num_maps, num_maps)
        self.keypoints = SpatialSoftArgmax(num_maps, num_keypoints, cell_grid(*self.cells))

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """Set the mean frame, normalise channels and the outputs of the halving layers, and scale the logits."""
        self.mean.copy_(frames.mean(dim=0))
        deviation = (frames - self.mean).square().mean(dim=(0, 2, 3)).sqrt()
        self.gain.copy_(1 / deviation.clamp(min=1e-3)[:, None, None])
        few = self.centred(frames[:FEW])
        start_normalised(self.halving, few)
        self.keypoints.initialise(self.maps(few))

    def centred(self, frames: Frames) -> Frames:
        """Frames minus the mean frame, scaled to unit deviation per channel on the frames of `initialise`."""
        return ((frames - self.mean) * self.gain).contiguous(memory_format=torch.channels_last)

    def maps(self, centred: Frames) -> Float[Tensor, "batch maps rows columns"]:
        """The maps in which the keypoints are located."""
        maps = self.halving(centred)
        place = (self.keypoints.grid @ self.place).T.unflatten(1, self.cells)
        return functional.silu(self.last(functional.silu(maps + place.to(maps))))


class ConvEncoder(ConvFeatures, ImageNetwork):
    """Frames to latents: z = W p + g(f), with the positions p and the features f of keypoints in coarse maps.

    g is small at the start. Positions and W keep full precision under autocast, which sub-pixel accuracy needs.

    Args:
        shape: shape of the frames.
        num_latents: L.
        num_maps: C, number of feature maps.
        num_keypoints: K, number of keypoints.
        hidden: width of g.
    """

    def __init__(
        self, shape: FrameShape, num_latents: int, num_maps: int = 16, num_keypoints: int = 24, hidden: int = 256
    ):
        super().__init__(shape, num_maps, num_keypoints)
        self.coordinates = nn.Linear(2 * num_keypoints, num_latents)
        self.side = mlp([num_keypoints * num_maps, hidden, hidden, num_latents])
        start_small(self.side)

    def of_centred(self, centred: Frames) -> Latents:
        """Latents of centred frames."""
        positions, features = self.keypoints(self.maps(centred))
        side = self.side(features.flatten(1))
        with torch.autocast(centred.device.type, enabled=False):
            return self.coordinates(positions.flatten(1)) + full_precision(side)

    def forward(self, frames: Frames) -> Latents:
        return self.of_centred(self.centred(frames))


class CoordinateDecoder(SineDecoder):
    """Draws every patch of a frame from waves over the plane, whose phases and mixing depend on the latents.

    With e = e(z) the features of the latents and p a cell's (row, column):
    wave_k = sin(phase_k(e) + frequency_k . p), mixed = W wave + M e, patch = V silu(mixed) + bias.
    A wave whose phase follows the position of an object moves with it, in any direction.

    Args:
        shape: shape of the frames.
        num_latents: L.
        num_waves: number of waves, and width of the layer that mixes them.
        hidden: number of features of the latents.

    Source:
        The coordinates of Watters et al., Spatial broadcast decoder, 2019, with the sines of Sitzmann et al., Implicit
        neural representations with periodic activation functions, NeurIPS 2020, instead of convolutions.
    """

    grid: Tensor

    def __init__(self, shape: FrameShape, num_latents: int, num_waves: int = 128, hidden: int = 256):
        super().__init__(shape, num_latents, hidden)
        self.side = 2 ** (num_halvings(shape) + 1)
        self.cells = (-(-shape.height // self.side), -(-shape.width // self.side))
        self.register_buffer("grid", cell_grid(*self.cells), persistent=False)
        self.frequencies = nn.Parameter(FREQUENCY * torch.randn(2, num_waves))
        self.phases = nn.Linear(hidden, num_waves)
        with torch.no_grad():
            self.phases.weight.mul_(3)
        self.mix, self.modulation = nn.Linear(num_waves, num_waves), nn.Linear(hidden, num_waves, bias=False)
        self.patches = nn.Linear(num_waves, shape.channels * self.side**2)

    def of_features(self, features: Float[Tensor, "batch features"]) -> Frames:
        """Frames from the features of latents."""
        waves = torch.sin(full_precision(self.phases(features))[:, None] + self.grid @ self.frequencies)
        mixed = self.mix(waves) + self.modulation(features)[:, None]
        drawn = self.patches(functional.silu(mixed))
        frames = functional.pixel_shuffle(drawn.transpose(1, 2).unflatten(2, self.cells), self.side)
        return frames[..., : self.shape.height, : self.shape.width] + self.bias

    def forward(self, z: Latents) -> Frames:
        return self.of_features(self.features(z))


def _cells(maps: Maps) -> Float[Tensor, "batch cells maps"]:
    return maps.permute(0, 2, 3, 1).flatten(1, 2)


def num_cells(shape: FrameShape) -> tuple[int, int]:
    """Rows and columns after all halvings, each of which rounds up."""
    divisor = 2 ** num_halvings(shape)
    return -(-shape.height // divisor), -(-shape.width // divisor)
