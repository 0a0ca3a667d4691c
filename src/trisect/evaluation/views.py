"""Pictures of what a model's slots do: single latents that change, and slots that are swapped between frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from trisect.data.recording import Recording
from trisect.data.stacking import newest
from trisect.evaluation.analysis.figures import traversals_figure
from trisect.evaluation.analysis.traversal import Traversals, decoded_at_rest, traversals
from trisect.evaluation.report.figures import frames_figure
from trisect.evaluation.report.report import View
from trisect.frames import as_input, float_to_frames
from trisect.models.slot_model import SlotModel
from trisect.rows import spread_rows

REFERENCE_FRAMES, NUM_SWAPS, NUM_PICTURES = 500, 6, 8
MAX_ROWS = 12
"""Largest number of latents, or of slots, that a picture shows."""


def views_of(model: SlotModel[Any], recording: Recording) -> tuple[View, ...]:
    """Traversals and swaps on frames of a recording; none for vectors, or if the model cannot decode.

    Args:
        model: a trained model.
        recording: frames that the model was not trained on.
    """
    filled = [name for name in model.variables if model.slot_columns()[name]]
    is_shown = recording.observations.dtype == np.uint8 and model.representation.decodes
    if not is_shown or not filled or len(recording) < 2:
        return ()
    return _traversals(model, recording, filled), _swaps(model, recording, filled[:MAX_ROWS])


def reconstructions(model: SlotModel[Any], recording: Recording) -> tuple[np.ndarray, np.ndarray] | None:
    """Some test frames and the frames decoded from their latents; None for vectors and without a decoder.

    Of observations that hold several frames, the newest one.
    """
    if recording.observations.dtype != np.uint8 or not model.representation.decodes:
        return None
    rows = spread_rows(len(recording), NUM_PICTURES)
    frames = np.array(recording.observations[rows])
    with torch.no_grad():
        decoded = model.decode(model.encode(as_input(frames)))
    held = recording.frames_per_observation
    return newest(frames, held), newest(float_to_frames(decoded).numpy(), held)


def _traversals(model: SlotModel[Any], recording: Recording, names: list[str]) -> View:
    """What each latent of the variables' slots changes in one frame."""
    rows = spread_rows(len(recording), REFERENCE_FRAMES)
    latents = model.encode(np.array(recording.observations[rows])).numpy()
    frame = np.array(recording.observations[rows[len(rows) // 2]])
    whole = traversals(model, frame, latents, slots=names)
    held = recording.frames_per_observation
    rows_shown = [replace(row, observations=newest(row.observations, held)) for row in whole.rows[:MAX_ROWS]]
    shown = Traversals(tuple(rows_shown), ())
    left_out = f" (the first {MAX_ROWS} of {len(whole.rows)})" if len(whole.rows) > MAX_ROWS else ""
    return View(
        traversals_figure(shown),
        f"Traversals{left_out}: one latent changes, all others stay as they are in the frame with a border",
        f"A row of decoded frames per latent of the slots {', '.join(names)}; the last column shows what changes.",
    )


def _swaps(model: SlotModel[Any], recording: Recording, names: list[str]) -> View:
    """Frames with one slot taken from other frames."""
    rows = spread_rows(len(recording), 2 * NUM_SWAPS)
    half = len(rows) // 2
    frames, others = np.array(recording.observations[rows[:half]]), np.array(recording.observations[rows[-half:]])
    z, z_others = model.encode(frames), model.encode(others)
    shown = {"frame": frames, "other frame": others}
    for name in names:
        mixed = z.clone()
        mixed[:, model.slot_columns()[name]] = z_others[:, model.slot_columns()[name]]
        shown[f"{name} of other"] = decoded_at_rest(model, mixed)
    held = recording.frames_per_observation
    return View(
        frames_figure({name: newest(each, held) for name, each in shown.items()}),
        "Swaps: the frame in the first row, with one slot at a time from the frame in the second row",
        f"Rows of frames in which one slot is swapped: {', '.join(names)}. Only that variable should change.",
    )
