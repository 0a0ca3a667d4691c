"""The base of image networks: encoders and decoders that are initialised from data."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod

from torch import nn

from trisect.models.shapes import Frames


class ImageNetwork(nn.Module, ABC):
    """An encoder, frames to latents, or a decoder, latents to frames."""

    @abstractmethod
    def initialise(self, frames: Frames) -> None:
        """Set the starting values that depend on data, such as the mean frame, from a first large batch of frames."""


def mlp(widths: list[int]) -> nn.Sequential:
    """Build linear layers of these widths, with normalisation and SiLU between them."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))
