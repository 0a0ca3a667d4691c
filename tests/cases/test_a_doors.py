"""Frames in memory are asked the same questions as frames in files, before training and after it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import trisect
from trisect.models.slot_model import SlotModel
from trisect.runs.run import Run

from .fixtures import arrays, save_npz, two_boxes, with_value

BOXES = two_boxes(60)
LEVELS = BOXES.frames.astype(np.float32)
OPAQUE = np.full((60, 16, 16, 1), 255, np.uint8)


def frames_of(observations: np.ndarray, **options: str) -> np.ndarray:
    """The frames of a data set from arrays, in the order of the recording."""
    data = trisect.from_arrays(observations, BOXES.causes, BOXES.names, fractions={"val": 0.2}, **options)
    return np.concatenate([np.asarray(data.recording(name).observations) for name in data])


@pytest.mark.parametrize(
    "stored",
    [BOXES.frames, BOXES.frames.astype(np.int64), LEVELS / 255, LEVELS / 127.5 - 1, LEVELS],
    ids=["uint8", "int64", "0..1", "-1..1", "0..255"],
)
@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_arrays_of_every_range_and_layout_give_the_same_frames(stored: np.ndarray, first: bool) -> None:
    images = np.ascontiguousarray(stored.transpose(0, 3, 1, 2)) if first else stored
    assert np.array_equal(frames_of(images), BOXES.frames)


def test_arrays_that_can_be_read_both_ways_are_refused_until_declared() -> None:
    images = BOXES.frames[:, 2:5, 2:5]
    with pytest.raises(ValueError, match="can be read both ways: say which with channels='first'"):
        frames_of(images)
    assert np.array_equal(frames_of(images, channels="last"), images)
    assert np.array_equal(frames_of(images, channels="first"), images.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_of_an_array_that_are_not_finite_are_refused_with_the_number_of_the_frame(value: float) -> None:
    with pytest.raises(ValueError, match=f"must be finite; got {value} in frame 5"):
        frames_of(with_value(BOXES.frames / 255, (5, 2, 3, 1), value))


def test_pixels_of_an_array_outside_every_range_are_refused() -> None:
    with pytest.raises(ValueError, match="in 0..255, 0..1 or -1..1; got float.* to 440"):
        frames_of(LEVELS * 2)


def test_gray_frames_without_an_axis_of_channels_are_told_how_to_add_it() -> None:
    with pytest.raises(ValueError, match=r"\[\.\.\., None\]"):
        frames_of(BOXES.frames[..., 0])


def test_bytes_of_only_0_and_1_are_asked_for_their_levels(tmp_path: Path) -> None:
    mask = (BOXES.frames > 99).astype(np.uint8)
    with pytest.raises(ValueError, match="from 0 to 1; say which with levels="):
        trisect.convert(save_npz(tmp_path / "in", **arrays(BOXES, images=mask)), tmp_path / "out")
    with pytest.raises(ValueError, match="from 0 to 1; say which with levels="):
        frames_of(mask)
    assert np.array_equal(frames_of(mask, levels="0..1"), 255 * mask)


@pytest.mark.parametrize("colours", [3, 1], ids=["RGBA", "gray and alpha"])
def test_alpha_of_an_array_is_dropped_if_constant_and_otherwise_kept_with_a_warning(
    caplog: pytest.LogCaptureFixture, colours: int
) -> None:
    colour, alpha = BOXES.frames[..., :colours], OPAQUE.copy()
    assert np.array_equal(frames_of(np.concatenate([colour, alpha], axis=-1)), colour)
    alpha[7, 3, 3] = 0
    partly = np.concatenate([colour, alpha], axis=-1)
    assert np.array_equal(frames_of(partly), partly)
    assert "alpha carries information, 0 to 255, and is kept as a channel" in caplog.text


def test_floats_in_0_to_1_are_warned_of_where_training_had_negative_values(
    small_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """A model reads floats in -1..1; frames in 0..1 would give other latents without a word."""
    model = small_run.model
    right, wrong = (torch.from_numpy(frames).permute(0, 3, 1, 2) for frames in (LEVELS / 127.5 - 1, LEVELS / 255))
    assert not said(model, right, caplog)
    assert "-1" in said(model, wrong, caplog)


def said(model: SlotModel, frames: torch.Tensor, caplog: pytest.LogCaptureFixture) -> str:
    """What is logged or warned of while frames are encoded."""
    caplog.clear()
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        model.encode(frames)
    return caplog.text + " ".join(str(each.message) for each in raised)


@pytest.mark.parametrize(
    "change",
    [
        lambda frames: np.asfortranarray(frames),
        lambda frames: (frames / 127.5 - 1).transpose(0, 3, 1, 2),
        lambda frames: (frames / 127.5 - 1).transpose(0, 3, 1, 2).astype(">f4"),
    ],
    ids=["Fortran order", "doubles", "big-endian"],
)
def test_a_model_reads_frames_of_every_memory_layout(small_run: Run, change: Callable[[np.ndarray], Any]) -> None:
    expected = small_run.model.encode(BOXES.frames)
    assert torch.allclose(small_run.model.encode(change(BOXES.frames)), expected, atol=1e-3)


def test_what_a_model_decodes_is_an_array_at_once(small_run: Run) -> None:
    model = small_run.model
    z = model.encode(BOXES.frames)
    assert model.decode(z).numpy().shape == (60, 3, 16, 16)
