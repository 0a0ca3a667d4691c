"""The contact sheet: a picture of frames around interventions, with the targets printed under them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from trisect import checks
from trisect.data.recording import Recording
from trisect.drawing import as_png, blank_figure, shortened, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEFORE, AFTER = 3, 3
MAX_VARIABLES = 12
INCHES, LABEL_INCHES, MARGIN_INCHES = 0.9, 1.3, 0.1
INK, ACCENT = "#22282d", "#17616e"


def contact_sheet(recording: Recording, frames: Callable[[np.ndarray], np.ndarray] | None = None) -> bytes:
    """A PNG with one strip per targeted variable: the frames around a step in which it was intervened on.

    The variables that are targets in the row of a frame are printed under it. The frame that the intervention should
    have produced has a border. Steps without other interventions close by are preferred.

    Args:
        recording: a recording of frames; the first `MAX_VARIABLES` variables with interventions are shown.
        frames: from some of the observations (N, ...) to the frames (N, height, width, channels) to show; by default
            the observations are the frames.

    Raises:
        ValueError: the recording contains vectors, or no interventions.
    """
    shown = frames or (lambda rows: rows)
    checks.require(
        frames is not None or recording.observations.dtype == np.uint8,
        "the recording of a contact sheet",
        "one of frames",
        "one of vectors",
    )
    names = recording.targeted[:MAX_VARIABLES]
    checks.require(len(names) > 0, "the recording of a contact sheet", "one with interventions", "one without")
    examples = [(name, _example(recording, name)) for name in names]
    columns = BEFORE + 1 + AFTER
    width, height = LABEL_INCHES + INCHES * columns, 1.25 * INCHES * len(examples) + MARGIN_INCHES
    figure = blank_figure(width, height)
    for strip, (name, row) in enumerate(examples):
        bottom = 1 - (MARGIN_INCHES + 1.25 * INCHES * (strip + 1) - 0.25 * INCHES) / height
        middle = bottom + 0.5 * INCHES / height
        figure.text((LABEL_INCHES - 0.12) / width, middle, shortened(name), ha="right", va="center", size=8, color=INK)
        for column in range(columns):
            left = (LABEL_INCHES + INCHES * column) / width
            axes = figure.add_axes((left, bottom, 0.94 * INCHES / width, 0.94 * INCHES / height))
            _frame(axes, recording, row, row + column - BEFORE, shown)
    return as_png(figure)


def _example(recording: Recording, name: str) -> int:
    """A row with an intervention on a targeted variable and as few other interventions around it as possible."""
    rows = np.flatnonzero(recording.targets[:, recording.variables.index(name)])
    total = np.concatenate([[0], np.cumsum(recording.targets.sum(axis=1))])
    first, last = np.maximum(rows - BEFORE, 0), np.minimum(rows + AFTER + 1, len(recording))
    episode = np.searchsorted(recording.starts, np.stack([first, last - 1]), side="right")
    broken = (episode[0] != episode[1]) | (last - first < BEFORE + 1 + AFTER)
    return int(rows[np.argmin(total[last] - total[first] + 100 * broken)])


def _frame(
    axes: Axes, recording: Recording, example: int, row: int, frames: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Draw one frame with its row number and targets; empty outside the episode of row ``example``."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=row == example, color=ACCENT, linewidth=2.0)
    episode = np.searchsorted(recording.starts, [example, row], side="right")
    if not 0 <= row < len(recording) or episode[0] != episode[1]:
        return
    frame = visible(frames(recording.observations[row : row + 1])[0], recording.frames_per_observation)
    axes.imshow(frame, cmap="gray", vmin=0, vmax=255)
    names = [shortened(name) for name, on in zip(recording.variables.names, recording.targets[row]) if on]
    axes.set_xlabel(f"{row}: {', '.join(names) or '-'}", size=5.5, color=ACCENT if names else INK, labelpad=3)
