"""The weight of every pixel in the reconstruction error, by how much it stands out from the ground.

Small objects cover few pixels, so a plain squared error hardly notices them. An autoencoder therefore weighs a pixel
more, the further it is from the *ground*: the picture as it would be without objects. `SceneGround` knows two kinds of
scenes and their mixture. In a static scene, the ground of a pixel is one colour; under a light that changes, it follows
the colour of the frame. With m(x) the median colour of a frame x, the ground of pixel p is

    ground_p(x) = a_p + B_p m(x)

with a_p (channels,) and B_p (channels, channels) from a robust regression over a first batch of frames.

A pixel's weight is 1 + foreground * s / (mean of s at this pixel + mean of s over all pixels), where s is its distance
from the ground. On average all pixels of a recording thus get about the same weight, whether they show a large object
often or a small one rarely, and noise does not count more than objects. Averages below a grey level count as one.

Source: this library.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trisect.models.shapes import Frames, FrameShape

SAMPLED = 1024
"""Approximate number of pixels that the median colour of a frame is taken over."""
ROUNDS = 2
"""Further rounds of the regression, without pixels that stand out."""
OUTLIER = 2.0
"""A pixel stands out in the regression if its error is above this many median errors."""
GREY_LEVEL = 2 / 255
"""What stands out less than this on average counts as this much: else what the first batch never shows would weigh
millions."""
SMALLEST_ERROR = 2.5 * GREY_LEVEL
"""Median errors below this count as this much."""
MOST_VALUES = 1 << 26
"""Largest number of values of frames that the regression sees; of large frames it sees every second one, or fewer."""
PENALTY = 1e-4
"""L2 penalty of B per frame. It decides where all frames have the same median colour."""


class SceneGround(nn.Module):
    """The ground of every pixel as a function of the frame's median colour.

    Args:
        shape: shape of the frames.
    """

    weights: Tensor
    usual: Tensor

    def __init__(self, shape: FrameShape):
        super().__init__()
        self.shape = shape
        size = shape.channels * shape.height * shape.width
        self.register_buffer("weights", torch.zeros(shape.channels + 1, size))
        self.register_buffer("usual", torch.ones(shape.channels, shape.height, shape.width))

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """Fit the ground, and measure how much every pixel usually stands out, on a first large batch of frames."""
        some = frames[:: -(-frames.numel() // MOST_VALUES)]
        colours, pixels = _median_colours(some).double(), some.flatten(1).double()
        penalty = torch.full((colours.shape[1],), PENALTY * len(some), dtype=torch.float64)
        penalty[-1] = 1e-9 * len(some)
        gram = colours.T @ colours + torch.diag(penalty)
        kept = pixels
        for round_ in range(ROUNDS + 1):
            weights = torch.linalg.solve(gram, colours.T @ kept)
            if round_ < ROUNDS:
                ground = colours @ weights
                error = (pixels - ground).abs()
                limit = OUTLIER * error.median(dim=0).values.clamp(min=SMALLEST_ERROR)
                kept = torch.where(error < limit, pixels, ground)
        self.weights.copy_(weights)
        stands_out = self.distance(frames)
        usual = stands_out.mean(dim=0) + stands_out.mean(dim=(0, 2, 3))[:, None, None]
        self.usual.copy_(usual.clamp(min=GREY_LEVEL))

    def distance(self, frames: Frames) -> Frames:
        """Absolute difference of every pixel from the ground."""
        ground = (_median_colours(frames) @ self.weights).view_as(frames)
        return (frames - ground).abs_()

    def weight(self, frames: Frames, foreground: float) -> Frames:
        """The weight of every pixel, at least 1; see the module for the formula."""
        return self.distance(frames).mul_(foreground / self.usual).add_(1)


def _median_colours(frames: Frames) -> Float[Tensor, "batch channels_and_1"]:
    """The median colour of every frame, followed by a 1."""
    pixels = frames.flatten(2)
    colours = pixels[:, :, :: max(1, pixels.shape[2] // SAMPLED)].median(dim=2).values
    return torch.cat([colours, torch.ones_like(colours[:, :1])], dim=1)
