"""Glimpse networks: the convolutional pair, which also looks closely at the one object that stands out most.

The encoder locates that object in the frame and writes its place into two latents. A *glimpse* is the square of pixels
around this place, cut out to a fraction of a pixel. The encoder reads it with convolutions at full resolution. The
decoder draws a glimpse and its opacity, and lays it over the output of the convolutional decoder, at the place that
the two latents give. The networks therefore learn how an object looks when it turns once, not for every place. They do
not learn it for every colour either: the decoder draws the glimpse as colourless layers of light and gives each layer a
colour, and the encoder also gets the brightest and the darkest channel of the glimpse. Frames are
(batch, channels, height, width), float in [-1, 1].

Source: the attention of Eslami et al., Attend, infer, repeat, NeurIPS 2016, with the sampling of Jaderberg et al.,
Spatial transformer networks, NeurIPS 2015. Here there is one glimpse of fixed size, and two latents are its place.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from trisect import checks
from trisect.models.layers import full_precision
from trisect.models.networks.convolutional import ConvEncoder, CoordinateDecoder
from trisect.models.networks.layers import ResidualBlock, conv
from trisect.models.networks.network import ImageNetwork
from trisect.models.shapes import Frames, FrameShape, Latents

SHARE = 0.375
"""Side of the glimpse divided by the longer side of the frame."""
SHARPNESS = 3.0
"""Initial weight of how much a pixel stands out, in standard deviations, in the softmax that locates the place."""

PLACE = 2
"""Number of latents that are the place of the glimpse; they come first."""

LAYERS = 3
"""Number of layers of light in a glimpse, each with a colour: three can mix all colours of a picture."""

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
    """Cut out squares of ``side`` pixels around places (row, column), from -1 to 1 over the frame; zeros outside it."""
    height, width = frames.shape[-2:]
    steps = torch.linspace(-1, 1, side, device=frames.device).to(full_precision(places)) * (side - 1)
    rows = places[:, :1] + steps / (height - 1)
    columns = places[:, 1:] + steps / (width - 1)
    return functional.grid_sample(frames, _grid(rows, columns), align_corners=True)


def lay_down(glimpses: Glimpses, places: Places, shape: FrameShape) -> Float[Tensor, "batch channels height width"]:
    """Invert `cut_out`: frames of this height and width that are zero outside the glimpses."""
    side = glimpses.shape[-1]
    rows, columns = (
        (torch.linspace(-1, 1, length, device=glimpses.device).to(full_precision(places)) - places[:, k : k + 1])
        * (length - 1)
        / (side - 1)
        for k, length in enumerate((shape.height, shape.width))
    )
    return functional.grid_sample(glimpses, _grid(rows, columns), align_corners=True)


def _grid(rows: Float[Tensor, "batch rows"], columns: Float[Tensor, "batch columns"]) -> Tensor:
    """The sampling points of rows and columns, in the order (x, y) that `grid_sample` takes."""
    y = rows[:, :, None].expand(-1, -1, columns.shape[1])
    x = columns[:, None].expand(-1, rows.shape[1], -1)
    return torch.stack([x, y], dim=-1)


class GlimpseEncoder(ImageNetwork):
    """Frames to latents: the place of the glimpse, then the sum of what the whole frame and the glimpse contribute.

    Args:
        shape: shape of the frames.
        num_latents: L, at least 3; the first two are the place.
        hidden: width of the dense layers.
        channels: c, number of maps of the glimpse; 2 c from half its resolution on.

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
        """Set the median frame, and initialise the convolutional encoder."""
        self.whole.initialise(frames)
        self.median.copy_(frames.median(dim=0).values)

    def places(self, frames: Frames) -> Places:
        """(row, column) of what stands out from the median frame, in [-1, 1]: a soft-argmax over all pixels."""
        with torch.autocast(frames.device.type, enabled=False):
            stands_out = (
                ((full_precision(frames) - self.median) * self.whole.gain).square().sum(dim=1, keepdim=True).sqrt()
            )
            smooth = functional.avg_pool2d(stands_out, 5, stride=1, padding=2, count_include_pad=False)[:, 0]
            flat = smooth.flatten(1)
            logits = (flat - flat.mean(dim=1, keepdim=True)) / (flat.std(dim=1, keepdim=True) + 1e-6)
            weights = torch.softmax(self.sharpness * logits, dim=1).view_as(smooth)
            rows, columns = (torch.linspace(-1, 1, n, device=frames.device).to(weights) for n in smooth.shape[1:])
            return torch.stack([weights.sum(dim=2) @ rows, weights.sum(dim=1) @ columns], dim=1)

    def forward(self, frames: Frames) -> Latents:
        places = self.places(frames)
        centred = self.whole.centred(frames)
        glimpses = cut_out(full_precision(centred), places, self.side)
        lightness = [glimpses.amax(dim=1, keepdim=True), glimpses.amin(dim=1, keepdim=True)]
        inputs = torch.cat([glimpses, *lightness], dim=1).contiguous(memory_format=torch.channels_last)
        from_glimpse = full_precision(self.outputs(self.glimpse(inputs)))
        return torch.cat([2 * places, self.whole.of_centred(centred) + from_glimpse], dim=1)


class GlimpseDecoder(ImageNetwork):
    """Latents to frames: a glimpse laid over the output of `CoordinateDecoder`, both from the same features.

    Args:
        shape: shape of the frames.
        num_latents: L, at least 3.
        hidden: width of the dense layers.
        channels: c, number of maps of the glimpse at full resolution; 2 c below it.

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
        whole, layers = full_precision(self.whole.of_features(features)), full_precision(self.glimpse(features))
        with torch.autocast(z.device.type, enabled=False):
            opacity = torch.sigmoid(layers[:, -1:] - 1)
            colours = self.colours(full_precision(features)).unflatten(1, (LAYERS, -1))
            coloured = torch.einsum("blhw,blc->bchw", layers[:, :-1], colours) - 1
            glimpses, places = torch.cat([opacity * coloured, opacity], dim=1), self.place(full_precision(z[:, :PLACE]))
            overlay = lay_down(glimpses, places, self.shape)
            return whole * (1 - overlay[:, -1:]) + overlay[:, :-1]


def _norm(channels: int) -> nn.Module:
    """Normalises all maps of a glimpse together; on a CPU this costs a third of normalising every pixel."""
    return nn.GroupNorm(1, channels)


def _besides_place(num_latents: int) -> int:
    """Number of latents besides those of the place; at least one."""
    checks.require(num_latents > PLACE, "the latents of glimpse networks", f"at least {PLACE + 1}", num_latents)
    return num_latents - PLACE
