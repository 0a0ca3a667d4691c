"""Figures as PNG files: each has its own canvas, and no text in them is read as a formula."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from trisect.markup import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 160
MAX_LETTERS = 24
"""Longest name in a figure; longer ones lose their middle."""


def blank_figure(width: float, height: float) -> Figure:
    """A white figure of this size in inches, with its own canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def as_png(figure: Figure, cropped: bool = False) -> bytes:
    """The figure as a PNG, the same bytes for the same figure; no text in it is read as a formula."""
    import matplotlib
    from matplotlib.text import Text

    buffer = io.BytesIO()
    area = "tight" if cropped else None
    with matplotlib.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # letters that the font lacks are drawn as boxes
        for label in figure.findobj(Text):
            label.set_parse_math(False)  # type: ignore[attr-defined]
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
