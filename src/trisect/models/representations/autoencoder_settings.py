"""Settings of the intervention-aware autoencoder, and what is tried where they leave its networks open."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trisect import checks
from trisect.models.networks.factory import NETWORKS, width_of
from trisect.models.shapes import default_num_latents

AUTO = "auto"
MOST_UNDRAWN = 0.05
"""Share of what stands out that the networks of the first attempt may leave out."""
WIDE = 64
"""Smallest number of latents of the second attempt, unless it is given."""
OF_SCENE = 2.0
"""Largest weight of the foreground in the second attempt."""
WEIGHT, WEIGHT_WITH_PROFILES = 8.0, 16.0
"""Usual weights of the target classifier."""
GROUNDS = ("pixel", "frame", "scene")


@dataclass(frozen=True)
class AutoencoderSettings:
    """Settings of the intervention-aware autoencoder.

    Attributes:
        num_latents: number of latents of a frame, at least the number of targeted variables; None for the number that
            follows from the number of variables, at least 16 (`trisect.models.shapes.default_num_latents`), or at
            least `WIDE` in the second attempt of "auto".
        hidden: width of the profile encoder and decoder, and of the dense layers of the other ones.
        rank: number of outer products of the profile decoder.
        latent_noise: deviation of the noise added in training to the latents, which have unit variance.
        foreground: extra weight of pixels, by how much they differ from the ground.
        ground: "pixel", the pixel's median over the recording; "frame", the median colour of each frame, for a ground
            that changes its colour; or "scene", both, in units of what stands out at a pixel on average, so that small
            and rare objects count as much as others (`trisect.models.representations.ground`): use it with a smaller
            ``foreground``, such as 2.
        target_weight: weight of the auxiliary target classifier; 0 switches it off. None for 16 with the profile
            networks, which with 8 sometimes take two places that differ little for one, and 8 with the others.
        target_directions: number of linear directions of the latents after the transition that the classifier sees
            for each variable (`trisect.models.representations.target_heads.DirectionsHead`); 0 shows it all latents.
            A few directions, such as 3, make each variable nearly linear in the latents, even if its effect on the
            picture is not: use them for objects that turn.
        standard_weight: weight of the soft penalty on each latent's mean and deviation.
        networks: "auto" tries the profile networks and then, where they leave out more than a share `MOST_UNDRAWN` of
            what stands out in the frames (`trisect.models.representations.undrawn`), the combined ones with the ground
            "scene", 0.6 of the steps and mixed precision. "profile" takes frames of any size and is made for small
            objects that move along the axes; "conv" takes any frames, at about twice the cost in mixed precision
            (``precision="bf16"`` of the training settings); "combined" reads and draws in both ways side by side and
            costs the most of the three; "glimpse" also looks closely at the one object that stands out most, for
            objects that turn or are shaded; "published" are the convolutional networks of Lippe et al. (ICML 2022),
            which take squares of 32, 64, 128, ... pixels and cost many times as much on a CPU.
        channels: channels of the convolutions of the published networks.
        frames: number of frames in an observation that are encoded and drawn one by one, by the same networks, so that
            the code holds where things are in each of them, and their speed as a difference; None for as many as the
            observations hold (`trisect.data.stacking`), 1 for all of them as one picture with more channels.
    """

    num_latents: int | None = None
    hidden: int = 256
    rank: int = 20
    latent_noise: float = 0.015
    foreground: float = 10.0
    ground: str = "pixel"
    target_weight: float | None = None
    target_directions: int = 0
    standard_weight: float = 1.0
    networks: str = AUTO
    channels: int = 32
    frames: int | None = None

    def __post_init__(self) -> None:
        checks.one_of(self.networks, (AUTO, *NETWORKS), "the networks of the autoencoder")
        checks.one_of(self.ground, GROUNDS, "the ground of the autoencoder")
        for name in ("hidden", "rank", "channels"):
            checks.size(getattr(self, name), f"{name} of the autoencoder")
        if self.num_latents is not None:
            checks.size(self.num_latents, "num_latents of the autoencoder")
        if self.frames is not None:
            checks.size(self.frames, "frames of the autoencoder")
        checks.size(self.target_directions, "target_directions of the autoencoder", 0)
        fits = self.num_latents is None or self.target_directions <= self.num_latents
        most = f"at most num_latents, {self.num_latents}"
        checks.require(fits, "target_directions of the autoencoder", most, self.target_directions)
        for name in ("latent_noise", "foreground", "target_weight", "standard_weight"):
            if getattr(self, name) is not None:
                checks.in_range(getattr(self, name), f"{name} of the autoencoder", 0.0, 1e6)

    def attempts(self, num_variables: int, frames: int = 1) -> tuple[AutoencoderSettings, ...]:
        """The settings that are tried one after the other, with nothing left open.

        Args:
            num_variables: number of variables, from which the number of latents follows unless it is given.
            frames: number of frames that an observation holds.
        """
        usual, frames = default_num_latents(num_variables), self.frames or frames
        first = replace(self, num_latents=self.num_latents or usual, frames=frames)
        if self.networks != AUTO:
            return (first._weighted(),)
        ground, foreground = "scene" if self.ground == "pixel" else self.ground, min(self.foreground, OF_SCENE)
        num_latents = self.num_latents or max(usual, WIDE // frames)
        wide = replace(first, num_latents=num_latents, ground=ground, foreground=foreground)
        return replace(first, networks="profile")._weighted(), replace(wide, networks="combined")._weighted()

    def _weighted(self) -> AutoencoderSettings:
        """With the weight of the target classifier filled in."""
        if self.target_weight is not None:
            return self
        return replace(self, target_weight=WEIGHT_WITH_PROFILES if self.networks == "profile" else WEIGHT)

    @property
    def code_length(self) -> int | None:
        """L, the number of latents of an observation; None if it follows from the data."""
        return None if self.num_latents is None else self.num_latents * (self.frames or 1)

    @property
    def width(self) -> int:
        """Width of the networks that the settings name."""
        return width_of(self.networks, self.hidden, self.channels)
