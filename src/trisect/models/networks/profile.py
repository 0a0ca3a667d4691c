"""Profile networks: fast image networks for frames of any height and width.

The encoder reads each channel's row and column means (its *profiles*). A soft-argmax over positions locates objects in
them, as coordinates with sub-pixel precision. The decoder draws each channel as a short sum of outer products of row
and column profiles. Both consist almost entirely of matrix products, which makes them fast on a CPU. Frames are
(batch, channels, height, width), float in [-1, 1].
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect.models.layers import full_precision
from trisect.models.networks.network import ImageNetwork, mlp, start_small
from trisect.models.shapes import Frames, FrameShape, Latents

PROFILE_DEVIATION = 3.0
"""Standard deviation of profiles at the start: large enough for a soft-argmax to locate salient objects at once."""


Profile = Float[Tensor, "batch channels length"]
Rows = Float[Tensor, "batch channels height"]
Columns = Float[Tensor, "batch channels width"]


class SoftArgmax(nn.Module):
    """Expected positions along one axis of learned mixes of channel profiles.

    Args:
        channels: number of channels of the profile.
        length: number of positions along the axis.
        num_coordinates: number of expected positions, each in [-1.7, 1.7] (unit variance when uniform).
    """

    grid: Tensor

    def __init__(self, channels: int, length: int, num_coordinates: int):
        super().__init__()
        self.mix = nn.Linear(channels, num_coordinates)
        self.position = nn.Parameter(0.2 * torch.randn(num_coordinates, length))
        self.register_buffer("grid", torch.linspace(-1.7, 1.7, length), persistent=False)

    def forward(self, profile: Profile) -> Float[Tensor, "batch coordinates"]:
        logits = 2 * self.mix(profile.transpose(1, 2)).transpose(1, 2) + 5 * self.position
        return functional.softmax(logits, dim=-1) @ self.grid.to(logits)


class ProfileFeatures(nn.Module):
    """The profiles of frames, and the positions that a soft-argmax finds in them.

    Args:
        shape: shape of the frames.
        num_coordinates: number of soft-argmax coordinates per axis.
    """

    mean: Tensor
    gain: Tensor

    def __init__(self, shape: FrameShape, num_coordinates: int = 24):
        super().__init__()
        self.num_positions = 2 * num_coordinates
        self.register_buffer("mean", torch.zeros(shape.channels, shape.height, shape.width))
        self.rows = SoftArgmax(shape.channels, shape.height, num_coordinates)
        self.columns = SoftArgmax(shape.channels, shape.width, num_coordinates)
        self.register_buffer("gain", torch.ones(2, shape.channels, 1))

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """Set the mean frame, and the gains that give every channel's profiles the deviation `PROFILE_DEVIATION`."""
        self.mean.copy_(frames.mean(dim=0))
        centred = frames - self.mean
        for gain, profile in zip(self.gain, (centred.mean(dim=3), centred.mean(dim=2))):
            gain.copy_(PROFILE_DEVIATION / profile.square().mean(dim=(0, 2)).sqrt().clamp(min=1e-3)[:, None])

    def profiles(self, frames: Frames) -> tuple[Rows, Columns]:
        """The row and the column profiles of centred frames."""
        centred = frames - self.mean
        return centred.mean(dim=3) * self.gain[0], centred.mean(dim=2) * self.gain[1]

    def positions(self, rows: Rows, columns: Columns) -> Float[Tensor, "batch coordinates"]:
        """Expected rows, then expected columns, in full precision."""
        with torch.autocast(rows.device.type, enabled=False):
            return torch.cat([self.rows(full_precision(rows)), self.columns(full_precision(columns))], dim=1)


class ProfileEncoder(ProfileFeatures, ImageNetwork):
    """Frames to latents through row and column profiles.

    Args:
        shape: shape of the frames.
        num_latents: L.
        num_coordinates: number of soft-argmax coordinates per axis.
        hidden: width of the side branch, which reads both profiles directly.
    """

    def __init__(self, shape: FrameShape, num_latents: int, num_coordinates: int = 24, hidden: int = 256):
        super().__init__(shape, num_coordinates)
        self.coordinates = nn.Linear(self.num_positions, num_latents)
        self.side = mlp([shape.channels * (shape.height + shape.width), hidden, hidden, num_latents])
        start_small(self.side)

    def forward(self, frames: Frames) -> Latents:
        rows, columns = self.profiles(frames)
        side = self.side(torch.cat([rows.flatten(1), columns.flatten(1)], dim=1))
        positions = self.positions(rows, columns)
        with torch.autocast(frames.device.type, enabled=False):
            return self.coordinates(positions) + full_precision(side)


class SineDecoder(ImageNetwork):
    """A decoder whose first layer is half sine, half SiLU, and which draws about the mean frame at the start.

    Args:
        shape: shape of the frames.
        num_latents: L.
        hidden: width of the features of the latents.
    """

    def __init__(self, shape: FrameShape, num_latents: int, hidden: int):
        super().__init__()
        self.shape = shape
        self.first = nn.Linear(num_latents, hidden)
        nn.init.normal_(self.first.weight, std=1.5 * 2 / math.sqrt(num_latents))
        nn.init.uniform_(self.first.bias, -math.pi, math.pi)
        self.second = nn.Sequential(nn.Linear(hidden, hidden), nn.LayerNorm(hidden), nn.SiLU())
        self.bias = nn.Parameter(torch.zeros(shape.channels, shape.height, shape.width))

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        self.bias.copy_(frames.mean(dim=0))

    def features(self, z: Latents) -> Float[Tensor, "batch features"]:
        """Features of the latents; the first layer keeps full precision, which sub-pixel accuracy needs."""
        with torch.autocast(z.device.type, enabled=False):
            sine, silu = self.first(full_precision(z)).chunk(2, dim=-1)
        features: Tensor = self.second(torch.cat([torch.sin(sine), functional.silu(silu)], dim=-1))
        return features


class ProfileDecoder(SineDecoder):
    """Latents to frames: channel c = bias + sum_k W[k, c] rows_k x columns_k.

    Args:
        shape: shape of the frames.
        num_latents: L.
        rank: number of outer products.
        hidden: width.
    """

    def __init__(self, shape: FrameShape, num_latents: int, rank: int = 20, hidden: int = 256):
        super().__init__(shape, num_latents, hidden)
        self.profiles = nn.Linear(hidden, rank * (shape.height + shape.width))
        self.mix = nn.Parameter(torch.randn(rank, shape.channels) / math.sqrt(rank))

    def forward(self, z: Latents) -> Frames:
        return outer_products(self.profiles(self.features(z)), self.mix, self.shape) + self.bias


def outer_products(
    profiles: Float[Tensor, "batch profiles"], mix: Float[Tensor, "rank channels"], shape: FrameShape
) -> Frames:
    """A picture whose channel c is sum_k mix[k, c] rows_k x columns_k.

    Args:
        profiles: all row profiles, then all column profiles: rank * (height + width) numbers.
        mix: weight of every outer product in every channel.
        shape: shape of the picture.
    """
    rank = len(mix)
    rows, columns = profiles.split([rank * shape.height, rank * shape.width], -1)
    rows, columns = rows.unflatten(-1, (rank, -1)), columns.unflatten(-1, (rank, -1))
    weighted = (rows.unsqueeze(2) * mix.to(rows)[:, :, None]).flatten(2)  # one product for all channels
    products = torch.bmm(weighted.transpose(1, 2), columns)
    return products.view(-1, shape.channels, shape.height, shape.width)
