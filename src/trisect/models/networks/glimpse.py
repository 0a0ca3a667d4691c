"""Glimpse networks: the convolutional pair, which also looks closely at the one thing that stands out most.

Where that thing is, is read off the frame and is two latents of its own. A *glimpse*, the square of pixels around that
place, cut out to a fraction of a pixel, is read by convolutions at full resolution; the decoder draws a glimpse of its
own, with how opaque it is, and lays it over what the convolutional decoder draws, at the place that the two latents
say. So how a thing is turned is learned once and not for every place. Nor for every colour: the glimpse is drawn as
layers of light without colour, each of which gets a colour of its own, and it is read with its brightest and darkest
channel beside it. Frames are (batch, channels, height, width), float in [-1, 1].

Source: the attention of Eslami et al., Attend, infer, repeat, NeurIPS 2016, with the sampling of Jaderberg et al.,
Spatial transformer networks, NeurIPS 2015; one glimpse of fixed size, and its place in the latents as it is.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.networks.convolutional import ConvEncoder, CoordinateDecoder
from trisect.models.networks.layers import ResidualBlock, conv
from trisect.models.networks.network import ImageNetwork
from trisect.models.shapes import Frames, FrameShape, Latents

SHARE = 0.375
"""Side of the glimpse over the longer side of the frame."""
SHARPNESS = 3.0
"""Weight, at the start, of how much a pixel stands out, in deviations, in the softmax that finds the place."""

PLACE = 2
"""Latents that say where the glimpse is, the first ones."""

LAYERS = 3
"""Layers of light in a glimpse, each with a colour: as many as mix all colours of a picture."""

Places = Float[Tensor, "batch 2"]
Glimpses = Float[Tensor, "batch channels side side"]


def glimpse_side(shape: FrameShape) -> int:
    """Side of the glimpse in pixels, a multiple of 4.

    Example:
        >>> [glimpse_side(FrameShape(3, side, side)) for side in (8, 32, 64)]
        [4, 12, 24]
    """
    return max(4, 4 * round(SHARE * max(shape.height, shape.width) / 4))


def cut_out(frames: Frames, places: Places, side: int) -> Glimpses:
    """Squares of ``side`` pixels around places (row, column), each from -1 to 1 over the frame; zeros beyond it."""
    height, width = frames.shape[-2:]
    steps = torch.linspace(-1, 1, side, device=frames.device) * (side - 1)
    rows = places[:, :1] + steps / (height - 1)
    columns = places[:, 1:] + steps / (width - 1)
    return functional.grid_sample(frames, _grid(rows, columns), align_corners=True)


def lay_down(glimpses: Glimpses, places: Places, shape: FrameShape) -> Float[Tensor, "batch channels height width"]:
    """The inverse: frames of this height and width that are zero but for the glimpses."""
    side = glimpses.shape[-1]
    rows, columns = (
        (torch.linspace(-1, 1, length, device=glimpses.device) - places[:, k : k + 1]) * (length - 1) / (side - 1)
        for k, length in enumerate((shape.height, shape.width))
    )
    return functional.grid_sample(glimpses, _grid(rows, columns), align_corners=True)


def _grid(rows: Float[Tensor, "batch rows"], columns: Float[Tensor, "batch columns"]) -> Tensor:
    """The sampling points of rows and columns, in the order (x, y) that `grid_sample` takes."""
    y = rows[:, :, None].expand(-1, -1, columns.shape[1])
    x = columns[:, None].expand(-1, rows.shape[1], -1)
    return torch.stack([x, y], dim=-1)


class GlimpseEncoder(ImageNetwork):
    """Frames to latents: the place of the glimpse, and what the frame as a whole and the glimpse tell.

    Args:
        shape: of the frames.
        num_latents: L, at least 3; the first two are the place.
        hidden: width of the dense layers.
        channels: c, maps of the glimpse; 2 c from half its resolution on.

    Raises:
        ValueError: fewer than 3 latents.
    """

    median: Tensor

    def __init__(self, shape: FrameShape, num_latents: int, hidden: int = 256, channels: int = 24):
        super().__init__()
        self.whole = ConvEncoder(shape, _besides_place(num_latents), hidden=hidden)
        self.register_buffer("median", torch.zeros(shape.channels, shape.height, shape.width))
        self.sharpness = nn.Parameter(torch.tensor(SHARPNESS))
        self.side, c = glimpse_side(shape), channels
        coarse = self.side // 4
        self.glimpse = nn.Sequential(
            *(conv(shape.channels + 2, c), ResidualBlock(c, _norm), conv(c, 2 * c, 2)),
            *(ResidualBlock(2 * c, _norm), conv(2 * c, 2 * c, 2), _norm(2 * c), nn.SiLU(), nn.Flatten()),
            *(nn.Linear(2 * c * coarse**2, hidden), nn.LayerNorm(hidden), nn.SiLU()),
        )
        self.outputs = nn.Linear(hidden, num_latents - PLACE)

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        """The median frame, and what the convolutional encoder starts from."""
        self.whole.initialise(frames)
        self.median.copy_(frames.median(dim=0).values)

    def places(self, frames: Frames) -> Places:
        """(row, column) of what stands out from the median frame, each from -1 to 1: a soft-argmax over all pixels."""
        with torch.autocast(frames.device.type, enabled=False):
            stands_out = ((frames.float() - self.median) * self.whole.gain).square().sum(dim=1, keepdim=True).sqrt()
            smooth = functional.avg_pool2d(stands_out, 5, stride=1, padding=2, count_include_pad=False)[:, 0]
            flat = smooth.flatten(1)
            logits = (flat - flat.mean(dim=1, keepdim=True)) / (flat.std(dim=1, keepdim=True) + 1e-6)
            weights = torch.softmax(self.sharpness * logits, dim=1).view_as(smooth)
            rows, columns = (torch.linspace(-1, 1, n, device=frames.device) for n in smooth.shape[1:])
            return torch.stack([weights.sum(dim=2) @ rows, weights.sum(dim=1) @ columns], dim=1)

    def forward(self, frames: Frames) -> Latents:
        places = self.places(frames)
        centred = self.whole.centred(frames)
        glimpses = cut_out(centred.float(), places, self.side)
        lightness = [glimpses.amax(dim=1, keepdim=True), glimpses.amin(dim=1, keepdim=True)]
        inputs = torch.cat([glimpses, *lightness], dim=1).contiguous(memory_format=torch.channels_last)
        seen = self.outputs(self.glimpse(inputs)).float()
        return torch.cat([2 * places, self.whole.of_centred(centred) + seen], dim=1)


class GlimpseDecoder(ImageNetwork):
    """Latents to frames: a glimpse laid over what `CoordinateDecoder` draws, of the same features of the latents.

    Args:
        shape: of the frames.
        num_latents: L, at least 3.
        hidden: width of the dense layers.
        channels: c, maps of the glimpse at full resolution; 2 c at less.

    Raises:
        ValueError: fewer than 3 latents.
    """

    def __init__(self, shape: FrameShape, num_latents: int, hidden: int = 256, channels: int = 24):
        super().__init__()
        _besides_place(num_latents)
        self.shape = shape
        self.whole = CoordinateDecoder(shape, num_latents, hidden=hidden)
        self.place = nn.Linear(PLACE, PLACE)
        with torch.no_grad():
            self.place.weight.copy_(0.4 * torch.eye(PLACE))
            self.place.bias.zero_()
        c, coarse = channels, glimpse_side(shape) // 4
        self.glimpse = nn.Sequential(
            *(nn.Linear(hidden, 2 * c * coarse**2), nn.Unflatten(1, (2 * c, coarse, coarse))),
            *(ResidualBlock(2 * c, _norm), nn.Upsample(scale_factor=2), conv(2 * c, 2 * c)),
            *(ResidualBlock(2 * c, _norm), nn.Upsample(scale_factor=2), conv(2 * c, c)),
            *(ResidualBlock(c, _norm), _norm(c), nn.SiLU(), conv(c, LAYERS + 1)),
        )
        self.colours = nn.Linear(hidden, LAYERS * shape.channels)
        with torch.no_grad():
            self.colours.bias.copy_(torch.eye(LAYERS, shape.channels).flatten())

    @torch.no_grad()
    def initialise(self, frames: Frames) -> None:
        self.whole.initialise(frames)

    def forward(self, z: Latents) -> Frames:
        features = self.whole.features(z)
        whole, drawn = self.whole.of_features(features).float(), self.glimpse(features).float()
        with torch.autocast(z.device.type, enabled=False):
            opaque = torch.sigmoid(drawn[:, -1:] - 1)
            colours = self.colours(features.float()).unflatten(1, (LAYERS, -1))
            coloured = torch.einsum("blhw,blc->bchw", drawn[:, :-1], colours) - 1
            laid = lay_down(torch.cat([opaque * coloured, opaque], dim=1), self.place(z[:, :PLACE].float()), self.shape)
            return whole * (1 - laid[:, -1:]) + laid[:, :-1]


def _norm(channels: int) -> nn.Module:
    """Normalises all maps of a glimpse together: on a CPU a third of the cost of normalising every pixel."""
    return nn.GroupNorm(1, channels)


def _besides_place(num_latents: int) -> int:
    """How many latents there are beside those of the place, at least one."""
    checks.require(num_latents > PLACE, "the latents of glimpse networks", f"at least {PLACE + 1}", num_latents)
    return num_latents - PLACE
