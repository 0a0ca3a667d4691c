"""What models take: observations and latents from arrays, tensors or lists, in any byte order and precision."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from trisect import checks
from trisect.frames import as_input
from trisect.models.shapes import Latents
from trisect.plain_arrays import plain_array

BEYOND = 1.0
"""How far frames may leave [-1, 1]: those of an unbounded decoder do so slightly, levels of 0..255 by far more."""
MAX_CHANNELS = 4
TODO = "pass uint8 frames at rest, (N, height, width, channels), as they are, or scale levels v to v / 255 * 2 - 1"


def as_observations(observations: object) -> Tensor:
    """Convert frames at rest (uint8, channels last) to a model's input; convert anything else to a float tensor.

    Vectors in float64 that float32 cannot hold stay float64.

    Raises:
        TypeError: not numbers.
        ValueError: uint8 observations are no frames at rest, or float frames are outside [-1, 1] or not finite. Frames
            in 0..1 look like bright ones and are accepted.
    """
    given = observations if isinstance(observations, Tensor) else plain_array(observations, "the observations")
    if isinstance(observations, (list, tuple)):
        given = _as_levels(np.asarray(given))
    if given.dtype in (torch.uint8, np.uint8):
        _check_at_rest(tuple(given.shape))
        return as_input(given)
    inputs = as_input(given, exact=given.ndim == 2)
    return _of_right_range(inputs) if inputs.ndim == 4 else inputs


def _as_levels(array: np.ndarray) -> np.ndarray:
    """An array from a list, in which numbers have no type: uint8 if it holds the levels of frames, else unchanged."""
    whole = array.ndim == 4 and array.dtype.kind in "iu" and array.size > 0
    return array.astype(np.uint8) if whole and array.min() >= 0 and array.max() <= 255 else array


def _check_at_rest(shape: tuple[int, ...]) -> None:
    """Refuse uint8 observations that are not (N, height, width, channels)."""
    must, what = "(N, height, width, channels)", "uint8 frames"
    todo = "pass frames[..., None] for gray frames, frames[None] for a single one" if len(shape) == 3 else ""
    todo = "pass vectors as floats" if len(shape) == 2 else todo
    checks.require(len(shape) == 4, what, must, shape, todo)
    channels_first = shape[-1] > MAX_CHANNELS and shape[1] <= MAX_CHANNELS
    checks.require(not channels_first, what, must, f"{shape}, with channels first", "pass np.moveaxis(frames, 1, -1)")


def _of_right_range(frames: Tensor) -> Tensor:
    """Return float frames if they are in [-1, 1] or slightly outside, else raise `ValueError`."""
    if frames.numel() == 0:
        return frames
    low, high = (float(value) for value in frames.detach().aminmax())
    looks = ", which look like 0..255" if low >= 0 and high <= 255 else ""
    inside = low >= -1 - BEYOND and high <= 1 + BEYOND
    checks.require(inside, "float frames", "within [-1, 1]", f"values from {low:.3g} to {high:.3g}{looks}", TODO)
    return frames


def warn_of_fractions(frames: Tensor, representation: nn.Module) -> None:
    """Warn if no value of float frames is below 0, although the model was trained on frames with values there.

    Args:
        frames: (N, channels, height, width), as the model takes them.
        representation: holds the median of every pixel in training, if it was trained on frames.
    """
    medians = [buffer for name, buffer in representation.named_buffers() if name.split(".")[-1] == "median"]
    if not medians or frames.numel() == 0 or float(frames.detach().min()) < 0 or float(medians[0].min()) >= 0:
        return
    message = "float frames have no value below 0, as if they were in 0..1; the model was trained on frames in [-1, 1]"
    warnings.warn(f"{message}: pass uint8 frames at rest, or scale them to 2 * v - 1", stacklevel=3)


def as_latents(z: object, like: Tensor, num_latents: int) -> Latents:
    """Latents (N, L) as a tensor on the device, and of the type, of ``like``.

    Raises:
        ValueError: another shape.
        TypeError: not numbers.
    """
    given = tensor_of(z, "the latents")
    fits = given.ndim == 2 and given.shape[1] == num_latents
    checks.require(fits, "the shape of the latents to act on", f"(N, {num_latents})", tuple(given.shape))
    return given.to(like)


def tensor_of(values: object, what: str) -> Tensor:
    """A tensor unchanged; an array or a list as a tensor of its own memory, see `trisect.plain_arrays`."""
    return values if isinstance(values, Tensor) else torch.tensor(np.ascontiguousarray(plain_array(values, what)))


def gradients_if_asked(inputs: Tensor) -> torch.autograd.grad_mode.set_grad_enabled:
    """A context in which gradients are computed only if they are enabled and the inputs require them."""
    return torch.set_grad_enabled(torch.is_grad_enabled() and inputs.requires_grad)
