"""Frames on disk and in a model: the only place that converts uint8 channels-last to float channels-first and back."""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from trisect import checks


def frames_to_float(
    frames: UInt8[Tensor, "*batch height width channels"],
) -> Float[Tensor, "*batch channels height width"]:
    """Convert levels 0..255 to float32 in [-1, 1], v / 255 * 2 - 1; channels first, in channels-last memory.

    Raises:
        TypeError: the frames are not uint8.

    Example:
        >>> frames_to_float(torch.tensor([[[[0, 255]]]], dtype=torch.uint8)).flatten().tolist()
        [-1.0, 1.0]
    """
    if frames.dtype != torch.uint8:
        raise TypeError(checks.sentence("frames to convert to float", "uint8", frames.dtype))
    return frames.to(torch.float32).div_(127.5).sub_(1).movedim(-1, -3)


def float_to_frames(
    frames: Float[Tensor, "*batch channels height width"],
) -> UInt8[Tensor, "*batch height width channels"]:
    """The inverse of `frames_to_float`: the nearest of 256 levels; values outside [-1, 1] are clipped."""
    levels = ((frames.movedim(-3, -1) + 1) / 2 * 255).round().clamp(0, 255)
    return levels.to(torch.uint8).contiguous()
