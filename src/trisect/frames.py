"""Frames on disk and in a model: the only place that converts uint8 channels-last to float channels-first and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from trisect import checks
from trisect.plain_arrays import plain_array


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


def as_input(
    observations: Tensor | np.ndarray | Sequence[Any], exact: bool = False
) -> Float[Tensor, "samples *observation"]:
    """Observations as model inputs: uint8 frames as float, channels first, in [-1, 1]; anything else as float32.

    Args:
        observations: tensor, array or nested list.
        exact: keep float64 numbers that float32 cannot hold.

    Raises:
        TypeError: not an array of numbers.
        ValueError: masked values.
    """
    if not isinstance(observations, Tensor):
        array = plain_array(observations, "the observations")
        array = array.astype(np.float64) if array.dtype == np.longdouble else array
        # A copy in torch's own memory: a memory map may be read-only, and results must not depend on its alignment.
        observations = torch.tensor(np.ascontiguousarray(array))
    if observations.dtype == torch.uint8:
        return frames_to_float(observations)
    single = observations.float()
    may_lose = exact and observations.dtype == torch.float64
    return observations if may_lose and not torch.equal(single.double(), observations) else single
