"""Intervention-aware autoencoder: latents in which the factors are nearly linear, learned without labels.

The loss is the reconstruction error plus that of an auxiliary classifier, which predicts I^{t+1} from (z^t, z^{t+1}),
so that the latents also keep variables with little effect on the picture. A *soft* penalty keeps each latent's batch
mean near 0 and deviation near 1. Standardising each batch instead would jitter the latents by the statistics of the
batch and drown sub-pixel information.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.models.networks.factory import NETWORKS, NetworkOptions, decoder_for, encoder_for, width_of
from trisect.models.representations.ground import SceneGround
from trisect.models.representations.target_heads import DirectionsHead, JointHead
from trisect.models.representations.weighted_error import weighted_squared_error
from trisect.models.shapes import Frames, FrameShape, Latents, default_num_latents

GROUNDS = ("pixel", "frame", "scene")


@dataclass(frozen=True)
class AutoencoderSettings:
    """Settings of the intervention-aware autoencoder.

    Attributes:
        num_latents: L, at least the number of targeted variables; None for the number that follows from the number of
            variables, at least 16 (`trisect.models.shapes.default_num_latents`).
        hidden: width of the profile encoder and decoder, and of the dense layers of the other ones.
        rank: number of outer products of the profile decoder.
        latent_noise: deviation of the noise added in training to the latents, which have unit variance.
        foreground: extra weight of pixels, by how much they differ from the ground.
        ground: "pixel", the pixel's median over the recording; "frame", the median colour of each frame, for a ground
            that changes its colour; or "scene", both, in units of what stands out at a pixel on average, so that small
            and rare objects count as much as others (`trisect.models.representations.ground`): use it with a smaller
            ``foreground``, such as 2.
        target_weight: weight of the auxiliary target classifier; 0 switches it off.
        target_directions: number of linear directions of the latents after the transition that the classifier sees
            for each variable (`trisect.models.representations.target_heads.DirectionsHead`); 0 shows it all latents.
            A few directions, such as 3, make each variable nearly linear in the latents, even if its effect on the
            picture is not: use them for objects that turn.
        standard_weight: weight of the soft penalty on each latent's mean and deviation.
        networks: "profile" takes frames of any size and is made for small objects that move along the axes; "conv"
            takes any frames, at about twice the cost in mixed precision (``precision="bf16"`` of the training
            settings); "combined" reads and draws in both ways side by side and costs the most of the three;
            "glimpse" also looks closely at the one object that stands out most, for objects that turn or are shaded;
            "published" are the convolutional networks of Lippe et al. (ICML 2022), which take squares of 32, 64, 128,
            ... pixels and cost many times as much on a CPU.
        channels: channels of the convolutions of the published networks.
    """

    num_latents: int | None = None
    hidden: int = 256
    rank: int = 20
    latent_noise: float = 0.015
    foreground: float = 10.0
    ground: str = "pixel"
    target_weight: float = 8.0
    target_directions: int = 0
    standard_weight: float = 1.0
    networks: str = "profile"
    channels: int = 32

    def __post_init__(self) -> None:
        checks.one_of(self.networks, NETWORKS, "the networks of the autoencoder")
        checks.one_of(self.ground, GROUNDS, "the ground of the autoencoder")
        for name in ("hidden", "rank", "channels"):
            checks.size(getattr(self, name), f"{name} of the autoencoder")
        if self.num_latents is not None:
            checks.size(self.num_latents, "num_latents of the autoencoder")
        checks.size(self.target_directions, "target_directions of the autoencoder", 0)
        fits = self.num_latents is None or self.target_directions <= self.num_latents
        most = f"at most num_latents, {self.num_latents}"
        checks.require(fits, "target_directions of the autoencoder", most, self.target_directions)
        for name in ("latent_noise", "foreground", "target_weight", "standard_weight"):
            checks.in_range(getattr(self, name), f"{name} of the autoencoder", 0.0, 1e6)

    def for_variables(self, num_variables: int) -> AutoencoderSettings:
        """The settings with a number of latents: the given one, or that which follows from the number of variables."""
        given = self.num_latents is not None
        return self if given else replace(self, num_latents=default_num_latents(num_variables))

    @property
    def width(self) -> int:
        """Width of the networks that the settings name."""
        return width_of(self.networks, self.hidden, self.channels)


class Autoencoder(nn.Module):
    """Encoder and decoder with their training loss.

    Args:
        shape: shape of the frames.
        num_variables: K, number of targets of the auxiliary classifier.
        settings: see `AutoencoderSettings`.

    Raises:
        ValueError: the networks do not support frames of this size or so few latents.
    """

    channel_weight: Tensor
    median: Tensor
    shift: Tensor
    scale: Tensor
    initialised: Tensor

    def __init__(self, shape: FrameShape, num_variables: int, settings: AutoencoderSettings):
        super().__init__()
        self.shape, self.settings = shape, settings.for_variables(num_variables)
        num_latents = self.num_latents
        self.encoder = encoder_for(shape, num_latents, settings.networks, settings.width)
        options = NetworkOptions(rank=settings.rank)
        self.decoder = decoder_for(shape, num_latents, settings.networks, settings.width, options)
        directions, sizes = settings.target_directions, (num_latents, num_variables)
        self.target_head = DirectionsHead(*sizes, directions) if directions else JointHead(*sizes)
        self.scene = SceneGround(shape) if settings.ground == "scene" else None
        self.register_buffer("median", torch.zeros(shape.channels, shape.height, shape.width))
        self.register_buffer("channel_weight", torch.ones(shape.channels, 1, 1))
        self.register_buffer("shift", torch.zeros(num_latents))
        self.register_buffer("scale", torch.ones(num_latents))
        self.register_buffer("initialised", torch.tensor(False))

    @property
    def num_latents(self) -> int:
        """L."""
        assert self.settings.num_latents is not None
        return self.settings.num_latents

    def encode(self, frames: Frames) -> Latents:
        """Latents of frames, without noise."""
        return (self.encoder(self.shape.check(frames)) - self.shift) * self.scale

    def decode(self, z: Latents) -> Frames:
        """Frames from latents; values may lie slightly outside [-1, 1]."""
        return self.decoder(z)

    def initialise(self, batch: SequenceBatch) -> None:
        """Set pixel means, medians, channel weights and the scale of the latents from a first large batch."""
        if bool(self.initialised):
            return
        frames = batch.observations.flatten(0, 1)
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
        frames = batch.observations.flatten(0, 1)
        z = self.encode(frames)
        noise = torch.randn(z.shape, generator=step.generator, device=step.generator.device).to(z)
        noisy = z + self.settings.latent_noise * noise
        windows = noisy.unflatten(0, batch.observations.shape[:2])
        return LossTerms(
            reconstruction=100 * self._squared_error(self.decode(noisy), frames),
            targets=self.settings.target_weight * self._target_cost(windows, batch.targets),
            standard=self.settings.standard_weight * _distance_from_standard(z),
        )

    def _squared_error(self, decoded: Frames, frames: Frames) -> Float[Tensor, "batch"]:
        return weighted_squared_error(decoded, frames, self._weight(frames))

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


def _distance_from_standard(z: Latents) -> Float[Tensor, ""]:
    """Sum over latents of mean^2 + (deviation - 1)^2 of the batch."""
    return (z.mean(dim=0).square() + (z.std(dim=0, unbiased=False) - 1).square()).sum()
