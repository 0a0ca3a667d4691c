"""Variational representations: observations to a Gaussian over latents, and latents back to observations.

Unlike the frozen representations, they are trained with the model. They also define the error of a decoded observation,
as a sum over pixels or features: with d = weighted squared distance, exp(-d) is, up to a constant, a
Gaussian of variance 1/2 in the unit of a pixel or feature.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from trisect import checks
from trisect.models.networks.network import ImageNetwork
from trisect.models.networks.variational import VariationalEncoder
from trisect.models.networks.vector import deviation_of
from trisect.models.representations.representation import Representation
from trisect.models.representations.weighted_error import weighted_squared_error
from trisect.models.shapes import FrameShape, Latents

Observations = Float[Tensor, "batch *observation"]


class VariationalRepresentation(Representation):
    """Observations <-> latents, with a Gaussian posterior.

    Args:
        encoder: returns mean and bounded log-std.
        decoder: maps latents to observations.
    """

    def __init__(self, encoder: VariationalEncoder, decoder: ImageNetwork):
        super().__init__()
        self.encoder, self.decoder, self.num_latents = encoder, decoder, encoder.num_latents

    @abstractmethod
    def check(self, observations: Tensor) -> Tensor:
        """Return observations of the right size, else raise `ValueError`."""

    @abstractmethod
    def weights(self, observations: Observations) -> Tensor:
        """Weight of every pixel or feature in the squared error; broadcasts against the observations."""

    def posterior(self, observations: Observations) -> tuple[Latents, Latents]:
        """Mean and log-std of q(z | x)."""
        mean, log_std = self.encoder(self.check(observations))
        return mean, log_std

    def encode(self, observations: Observations) -> Latents:
        return self.posterior(observations)[0]

    def decode(self, latents: Latents) -> Observations:
        decoded: Tensor = self.decoder(latents)
        return decoded

    def initialise(self, observations: Observations) -> None:
        """Initialise the networks, and the weights of the error, from a first large batch."""
        self.encoder.initialise(self.check(observations))
        self.decoder.initialise(observations)

    def squared_error(self, decoded: Observations, observations: Observations) -> Float[Tensor, "batch"]:
        """Weighted squared error, summed over pixels or features."""
        return (self.weights(observations) * (decoded - observations).square()).flatten(1).sum(dim=1)


class VariationalFrames(VariationalRepresentation):
    """Frames in [-1, 1].

    Args:
        shape: shape of the frames.
        encoder, decoder: as in `VariationalRepresentation`.
        foreground: f, extra weight of pixels by their distance from the pixel's median m: 1 + f |x - m|. At 0 all
            pixels weigh the same, as published; objects of few pixels may then cost more nats than they save.
    """

    median: Tensor

    def __init__(self, shape: FrameShape, encoder: VariationalEncoder, decoder: ImageNetwork, foreground: float = 0.0):
        super().__init__(encoder, decoder)
        self.shape, self.foreground = shape, checks.in_range(foreground, "the weight of the foreground", 0.0, 1e6)
        self.register_buffer("median", torch.zeros(shape.channels, shape.height, shape.width))

    def check(self, observations: Tensor) -> Tensor:
        return self.shape.check(observations)

    def weights(self, observations: Observations) -> Tensor:
        return 1 + self.foreground * (observations - self.median).abs()

    def squared_error(self, decoded: Observations, observations: Observations) -> Float[Tensor, "batch"]:
        return observations[0].numel() * weighted_squared_error(decoded, observations, self.weights(observations))

    @torch.no_grad()
    def initialise(self, observations: Observations) -> None:
        super().initialise(observations)
        self.median.copy_(observations.median(dim=0).values)


class VariationalVectors(VariationalRepresentation):
    """Plain vectors; errors count in units of each feature's deviation, taken from a first large batch.

    Args:
        dim: D, length of a vector.
        encoder, decoder: as in `VariationalRepresentation`.
    """

    deviation: Tensor

    def __init__(self, dim: int, encoder: VariationalEncoder, decoder: ImageNetwork):
        super().__init__(encoder, decoder)
        self.dim = dim
        self.register_buffer("deviation", torch.ones(dim))

    def check(self, observations: Tensor) -> Tensor:
        got = tuple(observations.shape)
        checks.require(got[1:] == (self.dim,), "vectors", f"of shape (batch, {self.dim})", got)
        return observations

    def weights(self, observations: Observations) -> Tensor:
        return self.deviation**-2

    @torch.no_grad()
    def initialise(self, observations: Observations) -> None:
        super().initialise(observations)
        self.deviation.copy_(deviation_of(observations))
