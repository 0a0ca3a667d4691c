"""Representations: observations to latents and back, before the flow.

A representation is frozen when the flow is trained, so its latents of a whole recording are computed once. The flow
methods need no pixels: plain vectors (keypoints, sensors, embeddings) are used directly as latents.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.shapes import Latents


class Representation(nn.Module, ABC):
    """Observations <-> latents.

    Attributes:
        num_latents: L.
    """

    num_latents: int

    @property
    def decodes(self) -> bool:
        """Whether `decode` is possible; it is not for an external encoder without a decoder."""
        return True

    @property
    def takes_double(self) -> bool:
        """Whether `encode` may be given vectors in float64, to subtract what float32 cannot hold."""
        return False

    @abstractmethod
    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        """Latents, without noise."""

    @abstractmethod
    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        """Observations from latents."""


class FrameRepresentation(Representation):
    """Frames to latents and back with an autoencoder.

    Args:
        autoencoder: trained autoencoder; it is not trained further.
    """

    def __init__(self, autoencoder: Autoencoder):
        super().__init__()
        self.autoencoder = autoencoder.requires_grad_(False)
        self.num_latents = autoencoder.num_latents

    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        return self.autoencoder.encode(observations)

    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        return self.autoencoder.decode(latents)


class VectorRepresentation(Representation):
    """Plain vectors, used directly as latents.

    Args:
        dim: length of a vector, D = L.
    """

    takes_double = True

    def __init__(self, dim: int):
        super().__init__()
        self.num_latents = checks.positive_int(dim, "the length of an observed vector")

    def encode(self, observations: Float[Tensor, "batch *observation"]) -> Latents:
        got = tuple(observations.shape)
        checks.require(got[1:] == (self.num_latents,), "vectors", f"of shape (batch, {self.num_latents})", got)
        return observations if observations.dtype == torch.float64 else observations.to(torch.get_default_dtype())

    def decode(self, latents: Latents) -> Float[Tensor, "batch *observation"]:
        return latents
