"""Figures as PNG files: each has its own canvas, and no text in them is read as a formula."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

from trisect.markup import printable

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 160
MOST_CHANNELS = 4
"""Largest number of channels of a single frame."""
MAX_LETTERS = 24
"""Longest name in a figure; longer ones lose their middle."""


def blank_figure(width: float, height: float) -> Figure:
    """A white figure of this size in inches, with its own canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def picture_axes(figure: Figure) -> Axes:
    """Invisible axes over the whole figure, for many pictures: much quicker than axes for each of them."""
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1), autoscale_on=False)
    axes.set_axis_off()
    return axes


def show_picture(axes: Axes, frame: np.ndarray, box: tuple[float, float, float, float], border: str = "") -> None:
    """Show a frame in a box (left, bottom, width, height) of `picture_axes`, as shares of the figure.

    Args:
        axes: see `picture_axes`.
        frame: (height, width) grey levels from 0 to 255, or (height, width, 3) uint8.
        box: where it is shown; it is stretched to fill it.
        border: colour of a border; none if empty.
    """
    from matplotlib.patches import Rectangle

    left, bottom, width, height = box
    extent = (left, left + width, bottom, bottom + height)
    style: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "nearest", "aspect": "auto"}
    axes.imshow(frame, extent=extent, **style)
    if border:
        axes.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=border, linewidth=3.0))


def visible(frame: np.ndarray, frames: int | None = None) -> np.ndarray:
    """The channels of a frame (height, width, channels) that are shown: the first three, or the first.

    Args:
        frame: one observation.
        frames: number of frames that it holds along its channels, of which the newest is shown. By default one; with
            more than four channels, as many as make them coloured, or else grey.

    Example:
        >>> import numpy as np
        >>> [visible(np.zeros((2, 2, 6)), frames).shape for frames in (None, 2, 6)]
        [(2, 2, 3), (2, 2, 3), (2, 2)]
    """
    channels = frame.shape[-1]
    if frames is None:
        frames = 1 if channels <= MOST_CHANNELS else channels // 3 if channels % 3 == 0 else channels
    newest = frame[..., -(channels // frames) :]
    return newest[..., :3] if newest.shape[-1] >= 3 else newest[..., 0]


def as_png(figure: Figure, cropped: bool = False) -> bytes:
    """The figure as a PNG, the same bytes for the same figure; no text in it is read as a formula."""
    import matplotlib
    from matplotlib.text import Text

    buffer = io.BytesIO()
    area = "tight" if cropped else None
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # letters that the font lacks are drawn as boxes
        for label in figure.findobj(Text):
            label.set_parse_math(False)
        figure.savefig(buffer, format="png", metadata={"Software": None}, bbox_inches=area, pad_inches=0.03)
    return buffer.getvalue()


def shortened(name: str, most: int = MAX_LETTERS) -> str:
    """A name to draw: one line, and with an ellipsis for its middle if it is long.

    Example:
        >>> shortened("the_position_of_the_left_paddle", 16)
        'the_posi…_paddle'
    """
    name = printable(name)
    head = most // 2
    return name if len(name) <= most else f"{name[:head]}…{name[head + 1 - most :]}"
