"""How much of what stands out in frames an autoencoder does not draw. No labels are used.

With s the distance of a pixel from the ground and u how much it usually stands out
(`trisect.models.representations.ground`), a pixel has the weight s / u, so that rare and small things count as much as
large ones, and still pixels hardly at all. The share undrawn is

    sum (s / u) (decoded - frame)^2 / sum (s / u) s^2

over all pixels of some frames: 0 if everything is drawn, about 1 if only the ground is.

Source: this library.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8

from trisect.frames import as_input
from trisect.models.representations.ground import SceneGround
from trisect.models.shapes import Frames, FrameShape, Latents
from trisect.rows import chunks_of

CHUNK_BYTES = 1 << 20
"""Bytes of frames that are drawn at a time."""


@runtime_checkable
class Draws(Protocol):
    """What encodes and decodes frames."""

    def encode(self, frames: Frames) -> Latents: ...

    def decode(self, z: Latents) -> Frames: ...


@torch.no_grad()
def share_undrawn(
    autoencoder: Draws,
    usual: UInt8[np.ndarray, "some height width channels"],
    frames: UInt8[np.ndarray, "frames height width channels"],
) -> float:
    """The share of what stands out in frames that is not drawn, at least 0.

    Args:
        autoencoder: in evaluation mode.
        usual: frames that show the ground, and how much each pixel usually stands out.
        frames: frames to draw.
    """
    height, width, channels = frames.shape[1:]
    ground = SceneGround(FrameShape(channels, height, width))
    ground.initialise(as_input(usual))
    missed, whole = 0.0, 0.0
    for rows in chunks_of(frames, CHUNK_BYTES, len(frames)):
        part = as_input(frames[rows])
        distance = ground.distance(part)
        error = autoencoder.decode(autoencoder.encode(part)) - part
        weight = distance / ground.usual
        missed += float((weight * error.square()).sum(dtype=torch.float64))
        whole += float((weight * distance.square()).sum(dtype=torch.float64))
    return missed / whole if whole > 0 else 0.0
