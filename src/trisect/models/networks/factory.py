"""Builds the image networks that settings name: the profile, convolutional, combined, glimpse or published pair."""

from __future__ import annotations

from dataclasses import dataclass

from trisect import checks
from trisect.models.networks.combined import CombinedDecoder, CombinedEncoder
from trisect.models.networks.convolutional import ConvEncoder, CoordinateDecoder
from trisect.models.networks.glimpse import GlimpseDecoder, GlimpseEncoder
from trisect.models.networks.network import ImageNetwork
from trisect.models.networks.profile import ProfileDecoder, ProfileEncoder
from trisect.models.networks.published import (
    NORMS,
    PLAIN_SIDE,
    NormalisedEncoder,
    PlainDecoder,
    PlainEncoder,
    ResidualDecoder,
    supported_side,
)
from trisect.models.networks.variational import VariationalEncoder
from trisect.models.shapes import FrameShape

NETWORKS = ("profile", "conv", "combined", "glimpse", "published")


@dataclass(frozen=True)
class NetworkOptions:
    """Options that only some image networks have.

    Attributes:
        rank: number of outer products of the "profile" and the "combined" decoder.
        num_blocks: residual blocks after every doubling of the published decoder for 64x64 and larger.
        norm: "batch" or "instance", the normalisation of the published networks for 64x64 and larger.
        keypoints: number of keypoints of the "conv" and the "combined" encoder.
        maps: number of feature maps of the "conv" and the "combined" encoder.
        waves: number of waves of the "conv" and the "combined" decoder.
    """

    rank: int = 20
    num_blocks: int = 2
    norm: str = "batch"
    keypoints: int = 24
    maps: int = 16
    waves: int = 128

    def __post_init__(self) -> None:
        for name in ("rank", "num_blocks", "keypoints", "maps", "waves"):
            checks.size(getattr(self, name), f"{name} of image networks")
        checks.one_of(self.norm, NORMS, "the norm of image networks")


DEFAULT_OPTIONS = NetworkOptions()


def width_of(networks: str, hidden: int, channels: int) -> int:
    """The width of networks of this name: ``channels`` if published, else ``hidden``."""
    return channels if networks == "published" else hidden


def encoder_for(
    shape: FrameShape,
    num_latents: int,
    networks: str,
    hidden: int,
    variational: bool = False,
    options: NetworkOptions = DEFAULT_OPTIONS,
) -> ImageNetwork:
    """Build an encoder of frames, not yet trained.

    Args:
        shape: shape of the frames.
        num_latents: L.
        networks: one of `NETWORKS`.
        hidden: width of the profile networks and of the dense layers of "conv", "combined" and "glimpse", or channels
            of the published ones.
        variational: whether the encoder returns (mean, log_std) of every latent, as a `VariationalEncoder`, instead
            of latents.
        options: options that only some networks have.

    Raises:
        ValueError: unknown networks, or a frame size that the published ones do not support.
    """
    num_outputs = 2 * num_latents if variational else num_latents
    plain = _is_plain(shape, networks)
    network: ImageNetwork
    if networks == "profile":
        network = ProfileEncoder(shape, num_outputs, hidden=hidden)
    elif networks == "conv":
        network = ConvEncoder(shape, num_outputs, options.maps, options.keypoints, hidden)
    elif networks == "combined":
        network = CombinedEncoder(shape, num_outputs, options.maps, options.keypoints, hidden)
    elif networks == "glimpse":
        network = GlimpseEncoder(shape, num_outputs, hidden)
    elif plain:
        network = PlainEncoder(shape, num_outputs, hidden)
    else:
        network = NormalisedEncoder(shape, num_outputs, hidden, options.norm)
    learned_bound = networks == "published" and not plain
    return VariationalEncoder(network, num_latents, learned_bound=learned_bound) if variational else network


def decoder_for(
    shape: FrameShape, num_latents: int, networks: str, hidden: int, options: NetworkOptions = DEFAULT_OPTIONS
) -> ImageNetwork:
    """Build a decoder of frames, not yet trained; arguments and errors as in `encoder_for`."""
    plain = _is_plain(shape, networks)
    if networks == "profile":
        return ProfileDecoder(shape, num_latents, options.rank, hidden)
    if networks == "conv":
        return CoordinateDecoder(shape, num_latents, options.waves, hidden)
    if networks == "combined":
        return CombinedDecoder(shape, num_latents, options.rank, options.waves, hidden)
    if networks == "glimpse":
        return GlimpseDecoder(shape, num_latents, hidden)
    if plain:
        return PlainDecoder(shape, num_latents, hidden)
    return ResidualDecoder(shape, num_latents, hidden, options.num_blocks, options.norm)


def _is_plain(shape: FrameShape, networks: str) -> bool:
    """Whether the networks are the published ones without normalisation."""
    checks.one_of(networks, NETWORKS, "the networks of an encoder or decoder")
    return networks == "published" and supported_side(shape) == PLAIN_SIDE
