"""The base of image networks: encoders and decoders that are initialised from data."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod

import torch
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


@torch.no_grad()
def start_small(layers: nn.Sequential) -> None:
    """Scale the weights of the last linear layer down, for a branch that is added to another one."""
    layers[-1].weight.mul_(0.05)  # type: ignore[operator]
