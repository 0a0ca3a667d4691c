"""Shapes that models share: frames, latents, and the size of a frame."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from trisect import checks

Frames = Float[Tensor, "batch channels height width"]
Latents = Float[Tensor, "batch latents"]


def default_num_latents(num_variables: int) -> int:
    """Number of latents unless you give one: two for each variable, as an angle takes, and at least 16.

    With fewer, the latents of a small object or of a direction of motion are the first to be missing.

    Args:
        num_variables: number of all variables, those that are never intervened on as well.

    Example:
        >>> [default_num_latents(number) for number in (2, 8, 11)]
        [16, 16, 22]
    """
    return max(16, 2 * num_variables)


@dataclass(frozen=True)
class FrameShape:
    """Size of a frame.

    Attributes:
        channels: number of channels, at least 1; usually 1 to 4.
        height, width: size in pixels, at least 4 each.
    """

    channels: int
    height: int
    width: int

    def __post_init__(self) -> None:
        checks.positive_int(self.channels, "channels of a frame")
        checks.positive_int(self.height, "height of a frame", 4)
        checks.positive_int(self.width, "width of a frame", 4)

    def check(self, frames: Tensor) -> Tensor:
        """Return frames (batch, channels, height, width) of this size, else raise `ValueError`."""
        size = (self.channels, self.height, self.width)
        got = tuple(frames.shape[1:])
        todo = "frames at rest are (N, height, width, channels) uint8: pass those, or convert them"
        if got[1:] == size[1:] and got[0] < self.channels and self.channels % got[0] == 0:
            held = self.channels // got[0]
            todo = f"if the model was trained on {held} stacked frames, pass trisect.data.stack(frames, {held})"
        checks.require(got == size, "frames", f"(batch, {', '.join(map(str, size))})", tuple(frames.shape), todo)
        return frames
