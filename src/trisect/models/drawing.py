"""Refinement of a decoder: it learns to draw what it is told, also where slots are taken from different frames.

An autoencoder's decoder has only seen latents of frames. Where a slot is taken from another frame, or the code is
reduced, it gets latents that it was not trained on. Objects then fade or stay where they were, because other latents
contain them as well. So the decoder alone is trained further, with encoder E and flow frozen, on latents z of frames x
and on latents z', in which every variable's slot comes from another frame with a probability of one half:

    weighted squared error of D(z) and x, as in the training of the autoencoder
    + weight * error of the slots that are read from D(z) + noise, and from D(z') + noise.

The error of a slot in units u of its standard deviation is u^2 / (1 + |u|), so that few frames with large errors do not
decide. From D(z') only the variables' slots are read, since the noise slot of a frame may hold copies of them, which
shall give way. The noise on the pixels keeps the decoder from drawing what only the encoder sees.

Source: this library.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect import checks
from trisect.batches import LossTerms, SequenceBatch, Step
from trisect.models.flows.flow import Flow
from trisect.models.representations.autoencoder import Autoencoder
from trisect.models.representations.representation import Representation
from trisect.models.shapes import Frames, Latents

REDUCED, ALWAYS, NEVER = WHEN = ("reduced", "always", "never")
"""When a decoder is refined: where the code is reduced, always, or never."""
NOISE_SLOT = 0.2
"""Weight of what is read of the noise slot."""


@dataclass(frozen=True)
class DrawingSettings:
    """Settings of the refinement of a decoder.

    Attributes:
        refined: "reduced" to refine it where the autoencoder's code is reduced, "always", or "never".
        weight: weight of what is read from decoded frames, at least 0.
        pixel_noise: standard deviation of the noise on the pixels of decoded frames, which are in -1..1.
    """

    refined: str = REDUCED
    weight: float = 0.3
    pixel_noise: float = 0.1

    def __post_init__(self) -> None:
        checks.one_of(self.refined, WHEN, "refined of the drawing settings")
        checks.in_range(self.weight, "weight of the drawing settings", 0.0, 1e3)
        checks.in_range(self.pixel_noise, "pixel_noise of the drawing settings", 0.0, 1.0)


class Drawing(nn.Module):
    """Trains the decoder of an autoencoder in place; see the module.

    Args:
        autoencoder: the autoencoder in the representation; only its decoder is trained.
        representation: frames to the inputs of the flow and back, through the autoencoder.
        flow: inputs to latents; a copy of it is used.
        slots: the latents of each variable's slot; all others are those of the noise slot.
        settings: see `DrawingSettings`.
    """

    spread: Tensor

    def __init__(
        self,
        autoencoder: Autoencoder,
        representation: Representation,
        flow: Flow,
        slots: Sequence[Sequence[int]],
        settings: DrawingSettings,
    ):
        super().__init__()
        self.representation, self.flow = representation.requires_grad_(False), copy.deepcopy(flow).requires_grad_(False)
        self.autoencoder, self.settings = autoencoder, settings
        self.slots = [list(slot) for slot in slots if len(slot)]
        taken = {latent for slot in self.slots for latent in slot}
        self.noise = [latent for latent in range(representation.num_latents) if latent not in taken]
        autoencoder.decoder.requires_grad_(True)
        self.register_buffer("spread", torch.ones(representation.num_latents))

    @torch.no_grad()
    def initialise(self, batch: SequenceBatch) -> None:
        """Measure the standard deviations of the latents on a first large batch."""
        z = self._latents(batch.observations.flatten(0, 1))
        self.spread.copy_(z.std(dim=0, unbiased=False).clamp(min=1e-6))

    def loss(self, batch: SequenceBatch, step: Step) -> LossTerms:
        """Squared error of drawn frames, and errors of what is read from drawn and from mixed frames."""
        frames = batch.observations.flatten(0, 1)
        half = -(-len(frames) // 2)
        with torch.no_grad(), torch.autocast(frames.device.type, enabled=False):
            z = self._latents(frames)
            mixed = self.mixed(z[:half], step.generator)
            codes = self.flow.inverse(torch.cat([z, mixed]))
        drawn = self.representation.decode(codes).float()
        error = self.autoencoder.squared_error(drawn[: len(frames)], frames)
        read = torch.cat([drawn[:half], drawn[len(frames) :]])
        noise = torch.randn(read.shape, generator=step.generator, device=step.generator.device).to(read)
        found = self._read((read + self.settings.pixel_noise * noise).clamp(-1, 1))
        missed = self._missed(found - torch.cat([z[:half], mixed]))
        kept, swapped = missed[:half], missed[half:]
        cost = kept[:, self._of_variables].mean(dim=1) + swapped[:, self._of_variables].mean(dim=1)
        if self.noise:
            cost = cost + NOISE_SLOT * kept[:, -1]
        return LossTerms(reconstruction=100 * error, read_back=self.settings.weight * cost)

    def mixed(self, z: Latents, generator: torch.Generator) -> Latents:
        """Latents in which every variable's slot comes from another row with a probability of one half."""
        mixed, device = z.clone(), generator.device
        for slot in self.slots:
            donors = torch.randperm(len(z), generator=generator, device=device).to(z.device)
            is_taken = (torch.rand(len(z), 1, generator=generator, device=device) < 0.5).to(z.device)
            mixed[:, slot] = torch.where(is_taken, z[donors][:, slot], z[:, slot])
        return mixed

    @property
    def _of_variables(self) -> slice:
        return slice(0, len(self.slots))

    def _latents(self, frames: Frames) -> Latents:
        return self.flow(self.representation.encode(frames).float())[0]

    def _read(self, frames: Frames) -> Latents:
        """Latents of drawn frames; only the networks may run in lower precision."""
        codes = self.representation.encode(frames)
        with torch.autocast(frames.device.type, enabled=False):
            latents: Tensor = self.flow(codes.float())[0]
        return latents

    def _missed(self, differences: Latents) -> Float[Tensor, "batch slots"]:
        """The error of every variable's slot, then that of the noise slot if it has latents."""
        units = (differences / self.spread).abs()
        errors = units.square() / (1 + units)
        slots = [*self.slots, self.noise] if self.noise else self.slots
        return torch.stack([errors[:, slot].mean(dim=1) for slot in slots], dim=1)
