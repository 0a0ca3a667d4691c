"""A small network that reads from a pair of consecutive frames which variables were intervened on between them."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

MAPS, KEYPOINTS, HIDDEN = (16, 32, 32), 16, 128
LARGE = 48
"""Frames whose smaller side is at least this are reduced three times, others twice."""


class PairNetwork(nn.Module):
    """Frames x^t and x^{t+1} -> one logit per variable.

    The input channels are x^{t+1} minus the pixels' mean, the difference x^{t+1} - x^t, and two coordinates. Three
    convolutions are read side by side: mean and maximum of every map, its means over rows and columns, and the mean
    positions and strengths of 16 soft maxima (keypoints: Finn et al., "Deep spatial autoencoders", ICRA 2016). Small
    things that move show in the keypoints and means over rows, large things and light in the means.

    Args:
        mean: (height, width, channels), mean of every pixel.
        scale: deviation of the frames from their mean, above 0.
        num_variables: number of logits.
    """

    mean: Tensor
    grid: Tensor
    small_grid: Tensor

    def __init__(self, mean: Float[Tensor, "height width channels"], scale: float, num_variables: int):
        super().__init__()
        height, width, channels = mean.shape
        self.scale = scale
        self.register_buffer("mean", mean.movedim(-1, 0))
        self.register_buffer("grid", _grid(height, width))
        first, second, third = MAPS
        self.layers = nn.Sequential(
            nn.Conv2d(2 * channels + 2, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, third, 3, stride=2 if min(height, width) >= LARGE else 1, padding=1),
            nn.ReLU(),
        )
        self.points = nn.Conv2d(third, KEYPOINTS, 1)
        rows, columns = self.layers(torch.zeros(1, 2 * channels + 2, height, width)).shape[2:]
        self.register_buffer("small_grid", _grid(rows, columns).flatten(1).T.contiguous())
        num_features = third * (2 + rows + columns) + 3 * KEYPOINTS
        self.norm = nn.BatchNorm1d(num_features)
        self.head = nn.Sequential(nn.Linear(num_features, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, num_variables))

    def forward(
        self,
        before: Shaped[Tensor, "batch height width channels"],
        after: Shaped[Tensor, "batch height width channels"],
    ) -> Float[Tensor, "batch variables"]:
        """Logits of the interventions between two frames, of levels from 0 to 255."""
        first, second = (frames.movedim(-1, 1).float() for frames in (before, after))
        grid = self.grid.expand(len(first), -1, -1, -1)
        inputs = torch.cat([(second - self.mean) / self.scale, (second - first) / self.scale, grid], dim=1)
        return self.head(self.norm(self._features(inputs.contiguous(memory_format=torch.channels_last))))

    def _features(self, inputs: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch features"]:
        with torch.autocast(inputs.device.type, torch.bfloat16, cache_enabled=False):  # weights change between passes
            maps = self.layers(inputs)
            strength = self.points(maps).flatten(2).float()
        where = functional.softmax(strength, dim=2) @ self.small_grid
        maps = maps.float()
        whole = [maps.mean((2, 3)), maps.amax((2, 3)), maps.mean(2).flatten(1), maps.mean(3).flatten(1)]
        return torch.cat([*whole, where.flatten(1), strength.amax(2)], dim=1)


def _grid(height: int, width: int) -> Float[Tensor, "2 height width"]:
    """Coordinates of the pixels from -1 to 1."""
    rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
