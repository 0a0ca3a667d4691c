"""Causal encoder: a supervised network that predicts factors from frames; used for evaluation, never for training.

Evaluation by triplets needs the factors that a decoded frame shows. The network is trained on labelled frames (Lippe et
al., ICML 2022, appendix C): it predicts continuous factors bounded by their range, angles as (sin, cos), categories as
logits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.batches import LabelledBatch, LossTerms, Step
from trisect.factor_encoding import num_coordinates
from trisect.models.networks.factory import NETWORKS, encoder_for, width_of
from trisect.models.shapes import Frames, FrameShape
from trisect.variables import Angle, Categorical, Continuous, Factor

Values = Float[Tensor, "batch factors"]


@dataclass(frozen=True)
class CausalEncoderSettings:
    """Settings of a causal encoder.

    Attributes:
        networks: kind of networks, as in `trisect.models.representations.autoencoder.AutoencoderSettings`.
        features: number of features per frame; linear heads turn them into factors.
        hidden: width of the profile network, or of the dense layers of the "conv" and "glimpse" ones.
        channels: channels of the convolutions of the residual and published networks.
        radius_weight: weight of the penalty that keeps the (sin, cos) of an angle near the unit circle.
    """

    networks: str = "profile"
    features: int = 64
    hidden: int = 256
    channels: int = 32
    radius_weight: float = 0.1

    def __post_init__(self) -> None:
        checks.one_of(self.networks, NETWORKS, "the networks of a causal encoder")
        for name in ("features", "hidden", "channels"):
            checks.size(getattr(self, name), f"{name} of a causal encoder")
        checks.in_range(self.radius_weight, "radius_weight of a causal encoder", 0.0, 1e3)


class CausalEncoder(nn.Module):
    """A network that maps frames to factors.

    Args:
        shape: shape of the frames.
        factors: the factors to predict, in the order of the columns of `predict`.
        settings: see `CausalEncoderSettings`.

    Raises:
        ValueError: there is no factor, two have the same name, or the networks do not support the frame size.
    """

    initialised: Tensor
    offset: Tensor
    scale: Tensor

    def __init__(self, shape: FrameShape, factors: Sequence[Factor], settings: CausalEncoderSettings):
        super().__init__()
        self.shape, self.factors, self.settings = shape, tuple(factors), settings
        checks.unique_names([factor.name for factor in factors], "the factors of a causal encoder")
        checks.require(len(factors) > 0, "the factors of a causal encoder", "at least one", "none")
        width = width_of(settings.networks, settings.hidden, settings.channels)
        self.network = encoder_for(shape, settings.features, settings.networks, width)
        self.heads = nn.ModuleList(nn.Linear(settings.features, num_coordinates(factor)) for factor in factors)
        self.register_buffer("initialised", torch.tensor(False))
        self.register_buffer("offset", torch.tensor([_middle(factor) for factor in factors]))
        self.register_buffer("scale", torch.tensor([_half_range(factor) for factor in factors]))

    def initialise(self, batch: LabelledBatch) -> None:
        """Set the network's starting point, and the scale of unbounded factors, from a first large batch."""
        if bool(self.initialised):
            return
        self.initialised.fill_(True)
        self.network.initialise(batch.observations)
        for column, factor in enumerate(self.factors):
            if isinstance(factor, Continuous) and not _is_bounded(factor):
                self.offset[column] = batch.factors[:, column].mean()
                self.scale[column] = batch.factors[:, column].std().clamp(min=1e-6)

    def forward(self, frames: Frames) -> list[Float[Tensor, "batch outputs"]]:
        """Raw outputs of every factor's head: 1 for a continuous factor, 2 for an angle, one per category."""
        features = self.network(self.shape.check(frames))
        return [head(features) for head in self.heads]

    @torch.no_grad()
    def predict(self, frames: Frames) -> Values:
        """Predict the factors in their own units: angles in [0, 2 pi), categories as numbers from 0."""
        columns = []
        for column, (factor, output) in enumerate(zip(self.factors, self(frames))):
            if isinstance(factor, Categorical):
                columns.append(output.argmax(dim=-1).float())
            elif isinstance(factor, Angle):
                columns.append(torch.atan2(output[:, 0], output[:, 1]) % (2 * math.pi))
            else:
                columns.append(self._continuous(column, factor, output))
        return torch.stack(columns, dim=-1)

    def loss(self, batch: LabelledBatch, step: Step) -> LossTerms:
        """One term per factor: squared error in half ranges, squared error of (sin, cos) plus the radius penalty, or
        cross-entropy.
        """
        outputs = self(batch.observations)
        return LossTerms(
            **{
                factor.name: self._loss(column, factor, outputs[column], batch.factors[:, column])
                for column, factor in enumerate(self.factors)
            }
        )

    def _loss(self, column: int, factor: Factor, output: Tensor, truth: Tensor) -> Float[Tensor, "batch"]:
        if isinstance(factor, Categorical):
            return functional.cross_entropy(output, truth.long(), reduction="none")
        if isinstance(factor, Angle):
            expected = torch.stack([truth.sin(), truth.cos()], dim=-1)
            radius = output.norm(dim=-1)
            direction = output / radius.unsqueeze(-1).clamp(min=1e-6)
            off_circle = self.settings.radius_weight * (radius - 1).square()
            return (direction - expected).square().sum(dim=-1) + off_circle
        return ((self._continuous(column, factor, output) - truth) / self.scale[column]).square()

    def _continuous(self, column: int, factor: Factor, output: Tensor) -> Float[Tensor, "batch"]:
        """Bounded by the factor's range, through a tanh of slope 1 in the middle; else in deviations from the mean."""
        scale, raw = self.scale[column], output[:, 0]
        if _is_bounded(factor):
            return self.offset[column] + scale * torch.tanh(raw / scale)
        return self.offset[column] + scale * raw


def distances(factors: Sequence[Factor], found: np.ndarray, truth: np.ndarray) -> Float[np.ndarray, "samples factors"]:
    """Distance of values from the truth per factor: in half ranges, in half turns, or 0 and 1 for categories.

    Args:
        factors: D factors.
        found, truth: predicted and true values, (N, D) in the factors' own units.

    Returns:
        (N, D): |difference| divided by half the range of a bounded factor (by 1 for an unbounded one), the smaller
        angle between two directions divided by pi, or 1 where categories differ.
    """
    columns = []
    for column, factor in enumerate(factors):
        difference = np.abs(found[:, column].astype(np.float64) - truth[:, column])
        if isinstance(factor, Categorical):
            columns.append((difference > 0.5).astype(np.float64))
        elif isinstance(factor, Angle):
            turn = difference % (2 * np.pi)
            columns.append(np.minimum(turn, 2 * np.pi - turn) / np.pi)
        else:
            columns.append(difference / _half_range(factor))
    return np.stack(columns, axis=1)


def _is_bounded(factor: Factor) -> bool:
    return isinstance(factor, Continuous) and math.isfinite(factor.low) and math.isfinite(factor.high)


def _middle(factor: Factor) -> float:
    return (factor.low + factor.high) / 2 if isinstance(factor, Continuous) and _is_bounded(factor) else 0.0


def _half_range(factor: Factor) -> float:
    return (factor.high - factor.low) / 2 if isinstance(factor, Continuous) and _is_bounded(factor) else 1.0
