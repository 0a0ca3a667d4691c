"""Pictures of an evaluation, each a PNG as bytes. Every figure has its own canvas: no global matplotlib state."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from trisect import checks
from trisect.drawing import DOTS_PER_INCH, as_png, blank_figure, picture_axes, shortened, show_picture, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from trisect.evaluation.score_matrix import Read

ACCENT = "#17616e"
INK = "#22282d"
FAINT = "#8a949b"
UNDEFINED = "#eceeef"
CELL_INCHES = (0.74, 0.44)
MAX_CURVES = 12
LETTER_INCHES = 0.075
MAX_TITLE = 34


def matrix_figure(
    matrix: Float[np.ndarray, "rows columns"],
    rows: Sequence[str],
    columns: Sequence[str],
    limits: tuple[float, float] = (0.0, 1.0),
) -> bytes:
    """A heat map with its numbers; entries where a variable belongs are framed, undefined entries are hatched.

    Args:
        matrix: the values; NaN is undefined.
        rows, columns: names; equal names match, and a column without a matching row belongs in the last row.
        limits: values of the lightest and the darkest colour; values beyond them are clipped.
    """
    checks.shape(matrix, "a matrix to draw", len(rows), len(columns))
    figure = blank_figure(CELL_INCHES[0] * len(columns), CELL_INCHES[1] * len(rows))
    axes = figure.add_axes((0, 0, 1, 1))
    _frame(axes, [shortened(name) for name in rows], [shortened(name) for name in columns])
    for row, column in np.ndindex(*matrix.shape):
        share = (float(matrix[row, column]) - limits[0]) / (limits[1] - limits[0])
        _cell(axes, (row, column), float(matrix[row, column]), share)
    for column, name in enumerate(columns):
        _outline(axes, rows.index(name) if name in rows else len(rows) - 1, column, name in rows)
    return as_png(figure, cropped=True)


def reconstruction_figure(originals: np.ndarray, reconstructions: np.ndarray) -> bytes:
    """Frames in one row, their reconstructions in the row below.

    Args:
        originals, reconstructions: (samples, height, width, channels) uint8.
    """
    checks.shape(reconstructions, "the reconstructions", *originals.shape)
    return frames_figure({"original": originals, "model": reconstructions})


def frames_figure(rows: Mapping[str, np.ndarray], framed: int | None = None) -> bytes:
    """Labelled rows of frames; `trisect.drawing.visible` chooses the channels that are shown.

    Args:
        rows: label -> (samples, height, width, channels) uint8, all of one shape.
        framed: number of a column that gets a frame around each picture.
    """
    checks.require(len(rows) > 0, "the rows of frames to draw", "at least one", "none")
    count, height, width, channels = next(iter(rows.values())).shape
    label_width = max(0.9, 0.15 + LETTER_INCHES * max(len(shortened(label)) for label in rows))
    figure = blank_figure(label_width + count * 0.95, len(rows) * 0.95 * height / width + 0.05)
    left, share = label_width / (label_width + count * 0.95), 1 / len(rows)
    axes = picture_axes(figure)
    for row, (label, frames) in enumerate(rows.items()):
        checks.shape(frames, f"the frames of row '{label}'", count, height, width, channels)
        bottom = 1 - (row + 1) * share
        figure.text(left - 0.012, bottom + share / 2, shortened(label), ha="right", va="center", size=8, color=INK)
        for column, frame in enumerate(frames):
            box = (left + column * (1 - left) / count, bottom, 0.95 * (1 - left) / count, 0.96 * share)
            show_picture(axes, visible(frame), box, ACCENT if column == framed else "")
    return as_png(figure)


def curves_figure(history: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> bytes:
    """Training curves, each in a small plot with its own scale.

    Args:
        history: name -> (steps, values); at most 12 are drawn.
    """
    curves = list(history.items())[:MAX_CURVES]
    checks.require(len(curves) > 0, "the training curves to draw", "at least one", "none")
    columns = min(4, len(curves))
    rows = math.ceil(len(curves) / columns)
    figure = blank_figure(2.35 * columns, 1.8 * rows)
    for place, (name, (steps, values)) in enumerate(curves):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.plot(steps, values, color=ACCENT, linewidth=1.1)
        lines = (shortened(line, MAX_TITLE) for line in name.split(": ", 1))
        axes.set_title("\n".join(lines), size=8, color=INK, loc="left")
        _quiet(axes)
        axes.set_xlabel("step", size=6.5, color=FAINT, labelpad=1)
    figure.subplots_adjust(left=0.06, right=0.985, top=1 - 0.24 / rows, bottom=0.22 / rows, wspace=0.35, hspace=0.75)
    return as_png(figure)


def scatter_figure(read: Sequence[Read]) -> bytes:
    """True values against those read from the own slot, a small plot per factor with its diagonal.

    Args:
        read: samples of factors; at most 12 factors are drawn.
    """
    shown = list(read)[:MAX_CURVES]
    checks.require(len(shown) > 0, "the factors to draw", "at least one", "none")
    columns = min(6, len(shown))
    rows = math.ceil(len(shown) / columns)
    width, height = 1.55 * columns, 1.7 * rows
    figure = blank_figure(width, height)
    for place, (name, truth, prediction) in enumerate(shown):
        axes = figure.add_subplot(rows, columns, place + 1)
        ends = (float(truth.min()), float(truth.max()))
        axes.plot(ends, ends, color=FAINT, linewidth=0.6)
        axes.scatter(truth, prediction, s=2.5, color=ACCENT, alpha=0.5, linewidths=0)
        axes.set_title(shortened(name), size=8, color=INK, loc="left")
        _quiet(axes)
        axes.set_xlabel("true", size=6.5, color=FAINT, labelpad=1)
        axes.set_ylabel("read", size=6.5, color=FAINT, labelpad=1)
    edges = {"left": 0.45 / width, "right": 1 - 0.05 / width, "top": 1 - 0.22 / height, "bottom": 0.36 / height}
    figure.subplots_adjust(**edges, wspace=0.5, hspace=0.55)
    return as_png(figure)


def _quiet(axes: Axes) -> None:
    """Small ticks and faint axes on two sides."""
    axes.tick_params(labelsize=6.5, colors=FAINT, length=2, width=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.spines[["left", "bottom"]].set_linewidth(0.5)
    axes.locator_params(nbins=4)


def data_url(png: bytes) -> str:
    """The picture as a ``data:`` URL, for pages that must not load other files."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height in CSS pixels at which the picture has its intended size."""
    width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    return round(width * 96 / DOTS_PER_INCH), round(height * 96 / DOTS_PER_INCH)


def _frame(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(rows), 0)
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, size=8, color=INK)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, size=8, color=INK)
    axes.tick_params(length=0, pad=4, top=False, bottom=False, labeltop=True, labelbottom=False)
    if max(len(name) for name in columns) > 8:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="left", rotation_mode="anchor")
    axes.set_xlabel("variable", size=7, color=FAINT)
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("slot", size=7, color=FAINT)
    axes.spines[:].set_visible(False)


def _cell(axes: Axes, place: tuple[int, int], value: float, share: float) -> None:
    from matplotlib.patches import Rectangle

    row, column = place
    defined = not math.isnan(value)
    share = min(max(share, 0.0), 1.0) if defined else 0.0
    look = (
        {"facecolor": _blend(share)} if defined else {"facecolor": UNDEFINED, "edgecolor": "#cfd4d7", "hatch": "////"}
    )
    axes.add_patch(Rectangle((column + 0.02, row + 0.03), 0.96, 0.94, linewidth=0, **look))
    text = f"{value:.2f}".replace("-0.00", "0.00") if defined else "n/a"
    ink = "white" if share > 0.55 else (INK if defined else FAINT)
    axes.text(column + 0.5, row + 0.52, text, ha="center", va="center", size=8, color=ink)


def _outline(axes: Axes, row: int, column: int, own_slot: bool) -> None:
    """A frame around the entry where a variable belongs, dashed if that is the noise slot."""
    from matplotlib.patches import Rectangle

    style = "solid" if own_slot else (0, (3, 2))
    box = Rectangle(
        (column + 0.035, row + 0.055), 0.93, 0.89, fill=False, edgecolor=INK, linewidth=1.0, linestyle=style
    )
    axes.add_patch(box)


def _blend(share: float) -> tuple[float, float, float]:
    """From near white to the accent colour."""
    red, green, blue = blended(np.array(share))
    return float(red), float(green), float(blue)


def blended(shares: np.ndarray) -> np.ndarray:
    """Colours (..., 3) from near white to the accent colour."""
    light, dark = np.array([0.957, 0.968, 0.972]), np.array([int(ACCENT[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.asarray(light + shares[..., None] * (dark - light))
