"""A model whose latents are pixels: latent l is pixel l of frames of 4 x 4 pixels, in [-1, 1]."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from trisect.models.slot_model import as_observations

NAMES = ("a", "b", "c", "noise")
SLOT_OF = (0, 1, 3, 0)
"""Slot a holds latents 0 and 3, b latent 1, c none, noise latent 2."""


class KnownModel:
    variables, slot_names = NAMES[:-1], NAMES
    prior, prior_trained = None, False

    def __init__(self, decodes: bool = True):
        self.representation = SimpleNamespace(decodes=decodes)

    def assignment(self) -> Tensor:
        return torch.nn.functional.one_hot(torch.tensor(SLOT_OF), len(NAMES)).float()

    def encode(self, observations: Tensor) -> Tensor:
        return as_observations(observations).flatten(1)[:, : len(SLOT_OF)]

    def decode(self, z: Tensor) -> Tensor:
        return torch.nn.functional.pad(z, (0, 12)).unflatten(1, (1, 4, 4))


class KnownVectors(KnownModel):
    """The same with vectors in place of frames."""

    def decode(self, z: Tensor) -> Tensor:
        return z
