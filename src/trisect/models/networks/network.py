"""What every image network is: an encoder or a decoder that can take its start from data."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod

from torch import nn

from trisect.models.shapes import Frames


class ImageNetwork(nn.Module, ABC):
    """An encoder, frames to latents, or a decoder, latents to frames."""

    @abstractmethod
    def initialise(self, frames: Frames) -> None:
        """Take what the network starts from, such as the mean frame, from a first large batch of frames."""


def mlp(widths: list[int]) -> nn.Sequential:
    """Linear layers of these widths, with normalisation and SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
