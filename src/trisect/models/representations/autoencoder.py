"""Intervention-aware autoencoder: latents in which the factors are nearly linear, learned without labels.

The loss is the reconstruction error plus that of an auxiliary classifier, which predicts I^{t+1} from (z^t, z^{t+1}),
so that the latents also keep variables with little effect on the picture. A *soft* penalty keeps each latent's batch
mean near 0 and deviation near 1. Standardising each batch instead would jitter the latents by the statistics of the
batch and drown sub-pixel information.

Of observations that hold several frames, each frame is encoded and drawn by itself. A network that is shown all of them
at once learns where something jumps, which is what interventions show, rather than where it is.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.models.networks.factory import NetworkOptions, decoder_for, encoder_for
from trisect.models.representations.autoencoder_settings import AutoencoderSettings
from trisect.models.representations.ground import SceneGround
from trisect.models.representations.target_heads import DirectionsHead, JointHead
from trisect.models.representations.weighted_error import weighted_squared_error
from trisect.models.shapes import Frames, FrameShape, Latents


class Autoencoder(nn.Module):
    """Encoder and decoder with their training loss.

    Args:
        shape: shape of the observations.
        num_variables: K, number of targets of the auxiliary classifier.
        settings: see `AutoencoderSettings`; if they leave the networks open, it has those of the first attempt.

    Raises:
        ValueError: the networks do not support frames of this size or so few latents, or the channels are no multiple
            of the frames.
    """

    channel_weight: Tensor
    median: Tensor
    shift: Tensor
    scale: Tensor
    initialised: Tensor

    def __init__(self, shape: FrameShape, num_variables: int, settings: AutoencoderSettings):
        super().__init__()
        self.shape, self.settings = shape, settings.attempts(num_variables)[0]
        settings = self.settings
        assert settings.num_latents is not None and settings.frames is not None
        assert settings.target_weight is not None
        self.target_weight = settings.target_weight
        self.frames, num_latents = settings.frames, settings.num_latents
        fits, must = shape.channels % self.frames == 0, f"a multiple of the {self.frames} frames in an observation"
        checks.require(fits, "the number of channels", must, shape.channels, "see frames of the autoencoder's settings")
        shape = replace(shape, channels=shape.channels // self.frames)
        self.encoder = encoder_for(shape, num_latents, settings.networks, settings.width)
        options = NetworkOptions(rank=settings.rank)
        self.decoder = decoder_for(shape, num_latents, settings.networks, settings.width, options)
        directions, sizes = settings.target_directions, (self.num_latents, num_variables)
        self.target_head = DirectionsHead(*sizes, directions) if directions else JointHead(*sizes)
        self.scene = SceneGround(shape) if settings.ground == "scene" else None
        self.register_buffer("median", torch.zeros(shape.channels, shape.height, shape.width))
        self.register_buffer("channel_weight", torch.ones(shape.channels, 1, 1))
        self.register_buffer("shift", torch.zeros(num_latents))
        self.register_buffer("scale", torch.ones(num_latents))
        self.register_buffer("initialised", torch.tensor(False))

    @property
    def num_latents(self) -> int:
        """L, those of all frames of an observation."""
        assert self.settings.code_length is not None
        return self.settings.code_length

    def encode(self, observations: Frames) -> Latents:
        """Latents of observations, without noise: those of the oldest frame come first."""
        frames = _apart(self.shape.check(observations), self.frames)
        return _together((self.encoder(frames) - self.shift) * self.scale, self.frames)

    def decode(self, z: Latents) -> Frames:
        """Observations from latents; values may lie slightly outside [-1, 1]."""
        return _together(self.decoder(_apart(z, self.frames)), self.frames)

    def initialise(self, batch: SequenceBatch) -> None:
        """Set pixel means, medians, channel weights and the scale of the latents from a first large batch."""
        if bool(self.initialised):
            return
        frames = _apart(batch.observations.flatten(0, 1), self.frames)
        mean = frames.mean(dim=0)
        self.encoder.initialise(frames)
        self.decoder.initialise(frames)
        with torch.no_grad():
            self.median.copy_(frames.median(dim=0).values)
            if self.scene is not None:
                self.scene.initialise(frames)
            variance = (frames - mean).square().mean(dim=(0, 2, 3)).clamp(min=1e-8)
            self.channel_weight.copy_((variance.mean() / variance)[:, None, None].clamp(max=10))
            self.channel_weight.div_(self.channel_weight.mean())
            z = self.encoder(frames)
            self.shift.copy_(z.mean(dim=0))
            self.scale.copy_(1 / z.std(dim=0, unbiased=False).clamp(min=1e-4))
        self.initialised.fill_(True)

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        """Reconstruction, target and standardisation terms of a batch of windows."""
        observations = batch.observations.flatten(0, 1)
        z = self.encode(observations)
        noise = torch.randn(z.shape, generator=step.generator, device=step.generator.device).to(z)
        noisy = z + self.settings.latent_noise * noise
        windows = noisy.unflatten(0, batch.observations.shape[:2])
        return LossTerms(
            reconstruction=100 * self._error_of_newest(noisy, observations),
            targets=self.target_weight * self._target_cost(windows, batch.targets),
            standard=self.settings.standard_weight * _distance_from_standard(_apart(z, self.frames)),
        )

    def squared_error(self, decoded: Frames, observations: Frames) -> Float[Tensor, "batch"]:
        """Mean squared error of every observation, in which what stands out weighs more."""
        frames = _apart(observations, self.frames)
        errors = weighted_squared_error(_apart(decoded, self.frames), frames, self._weight(frames))
        return errors.unflatten(0, (-1, self.frames)).mean(dim=1)

    def _error_of_newest(self, z: Latents, observations: Frames) -> Float[Tensor, "batch"]:
        """The error of every observation's newest frame; each frame is the newest one of some observation."""
        newest = observations[:, -(self.shape.channels // self.frames) :]
        decoded = self.decoder(z[:, -(self.num_latents // self.frames) :])
        return weighted_squared_error(decoded, newest, self._weight(newest))

    def _weight(self, frames: Frames) -> Frames:
        """Weight of every pixel in the reconstruction error."""
        if self.scene is not None:
            return self.scene.weight(frames, self.settings.foreground).mul_(self.channel_weight)
        by_frame = self.settings.ground == "frame"
        ground = frames.flatten(2).median(dim=2).values[..., None, None] if by_frame else self.median
        stands_out = (frames - ground).abs_()
        return stands_out.mul_(self.settings.foreground * self.channel_weight).add_(self.channel_weight)

    def _target_cost(
        self, z: Float[Tensor, "batch time latents"], targets: Float[Tensor, "batch steps variables"]
    ) -> Float[Tensor, "batch"]:
        logits = self.target_head(z[:, :-1].flatten(0, 1), z[:, 1:].flatten(0, 1)).unflatten(0, targets.shape[:2])
        cost = functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
        return cost.sum(dim=-1).mean(dim=-1)


def _apart(values: Float[Tensor, "batch parts *rest"], frames: int) -> Float[Tensor, "frames part *rest"]:
    """The parts of every row that belong to each of its frames, in rows of their own."""
    return values if frames == 1 else values.unflatten(1, (frames, -1)).flatten(0, 1)


def _together(values: Float[Tensor, "frames part *rest"], frames: int) -> Float[Tensor, "batch parts *rest"]:
    """The inverse of `_apart`."""
    return values if frames == 1 else values.unflatten(0, (-1, frames)).flatten(1, 2)


def _distance_from_standard(z: Latents) -> Float[Tensor, ""]:
    """Sum over latents of mean^2 + (deviation - 1)^2 of the batch."""
    return (z.mean(dim=0).square() + (z.std(dim=0, unbiased=False) - 1).square()).sum()
