"""Combined networks: several ways to read and to draw a frame, side by side, for frames of any size and content.

The encoder reads row and column profiles, in which small objects stay visible at full resolution; keypoints with
their features, for objects of any shape and motion; and the feature maps as they are, for what covers much of the
picture. The decoder adds outer products of profiles to patches that are drawn from waves. Each way fails on some
pictures that another one reads or draws well. Frames are (batch, channels, height, width), float in [-1, 1].
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from trisect.models.layers import full_precision
from trisect.models.networks.convolutional import ConvFeatures, CoordinateDecoder
from trisect.models.networks.network import ImageNetwork, mlp, start_small
from trisect.models.networks.profile import ProfileFeatures, outer_products
from trisect.models.shapes import Frames, FrameShape, Latents

COARSE_MAPS = 8
"""Number of mixtures of the feature maps that are read cell by cell."""
COARSE_CELLS = 8
"""Number of rows and of columns that they are averaged to."""
START_MIX = 0.3
"""Initial size of the outer products, in units of those of the profile decoder."""


class CombinedEncoder(ImageNetwork):
    """Frames to latents: z = V q + W p + g(all that is read).

    q are the positions that a soft-argmax finds in the profiles, and p the positions of the keypoints. g, which is
    small at the start, sees both profiles, the keypoints' positions and features, and the feature maps averaged over
    8x8 cells. Positions, V and W keep full precision under autocast.

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
        super().__init__()
        self.profile = ProfileFeatures(shape)
        self.conv = ConvFeatures(shape, num_maps, num_keypoints)
        self.coarse = nn.Conv2d(num_maps, COARSE_MAPS, kernel_size=1)
        num_positions = self.profile.num_positions + 2 * num_keypoints
        num_profiles = shape.channels * (shape.height + shape.width)
        num_features = num_profiles + (2 + num_maps) * num_keypoints + COARSE_MAPS * COARSE_CELLS**2
        self.coordinates = nn.Linear(num_positions, num_latents)
        self.side = mlp([num_features, hidden, hidden, num_latents])
        start_small(self.side)

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        self.profile.initialise(frames)
        self.conv.initialise(frames)

    def forward(self, frames: Frames) -> Latents:
        rows, columns = self.profile.profiles(frames)
        maps = self.conv.maps(self.conv.centred(frames))
        keypoints, features = (read.flatten(1) for read in self.conv.keypoints(maps))
        coarse = functional.adaptive_avg_pool2d(self.coarse(maps), COARSE_CELLS).flatten(1)
        side = self.side(torch.cat([rows.flatten(1), columns.flatten(1), keypoints, features, coarse], dim=1))
        positions = self.profile.positions(rows, columns)
        with torch.autocast(frames.device.type, enabled=False):
            return self.coordinates(torch.cat([positions, full_precision(keypoints)], dim=1)) + full_precision(side)


class CombinedDecoder(CoordinateDecoder):
    """Latents to frames: what `CoordinateDecoder` draws, plus a sum of outer products of row and column profiles.

    Args:
        shape: shape of the frames.
        num_latents: L.
        rank: number of outer products.
        num_waves: number of waves of the coordinate decoder.
        hidden: number of features of the latents, which both use.
    """

    def __init__(self, shape: FrameShape, num_latents: int, rank: int = 20, num_waves: int = 128, hidden: int = 256):
        super().__init__(shape, num_latents, num_waves, hidden)
        self.profiles = nn.Linear(hidden, rank * (shape.height + shape.width))
        self.product_mix = nn.Parameter(START_MIX * torch.randn(rank, shape.channels) / rank**0.5)

    def forward(self, z: Latents) -> Frames:
        features = self.features(z)
        patches, products = (
            self.of_features(features),
            outer_products(self.profiles(features), self.product_mix, self.shape),
        )
        with torch.autocast(z.device.type, enabled=False):
            return full_precision(patches) + full_precision(products)
