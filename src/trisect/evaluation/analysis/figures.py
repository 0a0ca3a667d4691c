"""Pictures of an analysis, each a PNG as bytes: traversals of single latents, and changes when a variable moves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from trisect import checks
from trisect.drawing import as_png, blank_figure, picture_axes, shortened, show_picture, visible
from trisect.evaluation.analysis.changes import Changes
from trisect.evaluation.analysis.traversal import Traversal, Traversals
from trisect.evaluation.report.figures import ACCENT, FAINT, INK, LETTER_INCHES, UNDEFINED, blended

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRIP_INCHES = 0.72
BARS_INCHES, BAR_INCHES = 7.2, 0.32
BAR_TEXT = 0.012
"""Width of a letter as a share of a bar."""
OTHERS = ("#c9d0d4", "#dde2e5")


def traversals_figure(found: Traversals) -> bytes:
    """A row per latent: its frames from the smallest to the largest value, then where in the picture they differ.

    The picture whose value is closest to that of the original frame is marked. Slots without latents have a row that
    says so.

    Args:
        found: traversals of frames, not of vectors.

    Raises:
        ValueError: every slot is empty, or the observations are vectors.
    """
    checks.require(len(found.rows) > 0, "the traversals to draw", "of at least one latent", "none")
    shape = found.rows[0].observations.shape
    checks.require(len(shape) == 4, "the traversals to draw", "of frames", f"vectors of {shape[-1]} values")
    labels = [*_labels(found.rows), *found.empty]
    page = _Page(labels, (STRIP_INCHES, STRIP_INCHES * shape[1] / shape[2]), shape[0] + 1)
    for column, heading in ((0, "least"), (shape[0] - 1, "greatest"), (shape[0], "changes")):
        page.heading(column, heading)
    for row, traversal in enumerate(found.rows):
        nearest = int(np.abs(traversal.values - traversal.own).argmin())
        for column, frame in enumerate(traversal.observations):
            page.picture(row, column, visible(frame), framed=column == nearest)
        page.picture(row, shape[0], _where(traversal.observations))
    for row in range(len(found.rows), len(labels)):
        page.note(row, "no latent")
    return as_png(page.figure)


def _labels(rows: Sequence[Traversal]) -> list[str]:
    """The slot of every row, numbered if the slot has several rows."""
    slots = [row.slot for row in rows]
    return [f"{row.slot} ({row.place + 1})" if slots.count(row.slot) > 1 else row.slot for row in rows]


def _where(frames: UInt8[np.ndarray, "steps height width channels"]) -> np.ndarray:
    """Where frames differ, as a picture from near white to the accent colour."""
    span = (frames.max(axis=0).astype(float) - frames.min(axis=0)).max(axis=-1) / 255
    return np.round(255 * blended(span)).astype(np.uint8)


class _Page:
    """Pictures of one size in rows and columns, with labels on the left and headings above.

    Args:
        labels: one per row.
        cell: width and height of a picture with its margin, in inches.
        columns: pictures per row.
    """

    TOP, MARGIN = 0.25, 0.03

    def __init__(self, labels: Sequence[str], cell: tuple[float, float], columns: int):
        labels = [shortened(label) for label in labels]
        self.cell, self.left = cell, 0.2 + LETTER_INCHES * max(len(label) for label in labels)
        self.size = (self.left + cell[0] * columns + self.MARGIN, self.TOP + cell[1] * len(labels) + self.MARGIN)
        self.figure = blank_figure(*self.size)
        self.axes = picture_axes(self.figure)
        for row, label in enumerate(labels):
            self._text(self.left - 0.06, self._middle(row), label, ha="right", color=INK)

    def heading(self, column: int, text: str) -> None:
        """Text above a column."""
        self._text(self.left + (column + 0.5) * self.cell[0], self.TOP / 2, text, ha="center", color=FAINT)

    def note(self, row: int, text: str) -> None:
        """Text in place of a row's pictures."""
        self._text(self.left + 0.06, self._middle(row), text, ha="left", color=FAINT)

    def picture(self, row: int, column: int, frame: np.ndarray, framed: bool = False) -> None:
        """A picture in its place."""
        x, y = self.left + (column + 0.03) * self.cell[0], self.TOP + (row + 0.97) * self.cell[1]
        width, height = (0.94 * length / whole for length, whole in zip(self.cell, self.size))
        box = (x / self.size[0], 1 - y / self.size[1], width, height)
        show_picture(self.axes, frame, box, ACCENT if framed else "")

    def _middle(self, row: int) -> float:
        return self.TOP + (row + 0.5) * self.cell[1]

    def _text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Text at a position in inches from the left and from the top."""
        self.figure.text(x / self.size[0], 1 - y / self.size[1], text, va="center", size=8, **style)


def changes_figure(found: Changes) -> bytes:
    """A bar per row of the changes, divided into slots: the right slot first, in colour, then the others by size.

    Rows that never moved alone, and rows without any change, are hatched.
    """
    names, labels = found.names, [shortened(name) for name in found.names]
    height = BAR_INCHES * len(names) + 0.5
    left = (0.2 + LETTER_INCHES * max(len(label) for label in labels)) / BARS_INCHES
    axes = blank_figure(BARS_INCHES, height).add_axes((left, 0.42 / height, 0.86 - left, 1 - 0.42 / height))
    axes.set(xlim=(0, 1), ylim=(len(names), 0))
    axes.set_yticks(np.arange(len(names)) + 0.5, labels, size=8, color=INK)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"], size=7, color=FAINT)
    axes.set_xlabel("share of the change of all slots", size=7, color=FAINT)
    axes.tick_params(length=0, pad=4)
    axes.spines[:].set_visible(False)
    for row, share in enumerate(found.outside):
        if np.isnan(share):
            _undefined(axes, row, "never moved" if names[row] in found.unmoved else "no change")
        else:
            _bar(axes, row, np.nan_to_num(found.matrix[row]), found.right[row], found.slots)
            axes.text(1.015, row + 0.52, f"{100 * share:.0f} % outside", va="center", size=8, color=INK)
    figure = axes.figure
    return as_png(figure)  # type: ignore[arg-type]


def _undefined(axes: Axes, row: int, text: str) -> None:
    from matplotlib.patches import Rectangle

    style: dict[str, Any] = {"facecolor": UNDEFINED, "edgecolor": "#cfd4d7", "hatch": "////", "linewidth": 0}
    axes.add_patch(Rectangle((0, row + 0.14), 1, 0.72, **style))
    axes.text(1.015, row + 0.52, text, va="center", size=8, color=FAINT)


def _bar(
    axes: Axes,
    row: int,
    values: Float[np.ndarray, "slots"],
    right: Bool[np.ndarray, "slots"],
    names: Sequence[str],
) -> None:
    """One divided bar, with names in the segments that are wide enough."""
    from matplotlib.patches import Rectangle

    shares, start = values / values.sum(), 0.0
    order = [*np.flatnonzero(right), *sorted(np.flatnonzero(~right), key=lambda slot: -shares[slot])]
    for place, slot in enumerate(order):
        label = shortened(names[slot])
        colour = ACCENT if right[slot] else OTHERS[place % 2]
        axes.add_patch(Rectangle((start, row + 0.14), shares[slot], 0.72, facecolor=colour, linewidth=0))
        if shares[slot] > 0.02 + BAR_TEXT * len(label):
            ink = "white" if right[slot] else INK
            axes.text(start + 0.01, row + 0.52, label, va="center", size=7, color=ink)
        start += shares[slot]


def frame_png(frame: UInt8[np.ndarray, "height width channels"], least: int = 256) -> bytes:
    """A frame as a PNG; every pixel is repeated until the picture is at least ``least`` pixels wide."""
    from matplotlib.image import imsave

    factor = -(-least // frame.shape[1])
    enlarged = visible(frame).repeat(factor, axis=0).repeat(factor, axis=1)
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"Software": None}
    imsave(buffer, enlarged, format="png", cmap="gray", vmin=0, vmax=255, metadata=metadata)
    return buffer.getvalue()
