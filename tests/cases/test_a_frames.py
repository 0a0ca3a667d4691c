"""Frames in any layout, range and size are the same frames, or are refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import trisect
from trisect.data import Dataset, Recording
from trisect.methods.recipe import Recipe
from trisect.recipes import citris_vae, citris_vae_conv, closed_form
from trisect.runs.run import Run
from trisect.variables import Continuous, VariableSpace

from .fixtures import Boxes, arrays, break_npz, save_npz, tiny_run, two_boxes

BOXES = two_boxes(60)
LEVELS = BOXES.frames.astype(np.float32)
STORED = {
    "uint8": BOXES.frames,
    "int64": BOXES.frames.astype(np.int64),
    "0..1": LEVELS / 255,
    "-1..1": LEVELS / 127.5 - 1,
    "0..255": LEVELS,
}


def converted(folder: Path, images: np.ndarray, **options: Any) -> np.ndarray:
    """The frames that `trisect.convert` reads from an array of pixels."""
    stored = arrays(BOXES, images=images)
    data = trisect.convert(save_npz(folder / "in", **stored), folder / "out", **options)
    return np.asarray(data.recording("train").observations)


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_every_range_and_layout_gives_the_same_frames_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, first: bool
) -> None:
    images = np.ascontiguousarray(STORED[kind].transpose(0, 3, 1, 2)) if first else STORED[kind]
    with caplog.at_level("INFO"):
        assert np.array_equal(converted(tmp_path, images), BOXES.frames)
    levels = kind if ".." in kind else "0..255"
    assert f"channels {'first' if first else 'last'}, levels {levels}" in caplog.text


def test_frames_that_can_be_read_both_ways_are_refused_until_declared(tmp_path: Path) -> None:
    images = BOXES.frames[:, 2:5, 2:5]
    with pytest.raises(ValueError, match="this can be read both ways: say which with channels='first'"):
        converted(tmp_path / "unclear", images)
    assert np.array_equal(converted(tmp_path / "last", images, channels="last"), images)
    assert np.array_equal(converted(tmp_path / "first", images, channels="first"), images.transpose(0, 2, 3, 1))


@pytest.mark.parametrize(
    ("kind", "value"), [("a pixel that is not a number", "nan"), ("a pixel that is infinite", "inf")]
)
def test_pixels_that_are_not_finite_are_refused_with_the_number_of_the_frame(
    tmp_path: Path, kind: str, value: str
) -> None:
    with pytest.raises(ValueError, match=f"the images of 'train.npz' must be finite; got {value} in frame 5"):
        trisect.convert(break_npz(tmp_path / "in", kind), tmp_path / "out")


@pytest.mark.parametrize("colours", [3, 1], ids=["RGBA", "gray and alpha"])
def test_an_alpha_channel_is_dropped_if_constant_and_otherwise_kept_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, colours: int
) -> None:
    colour, alpha = BOXES.frames[..., :colours], np.full((60, 16, 16, 1), 255, np.uint8)
    opaque = np.concatenate([colour, alpha], axis=-1)
    assert np.array_equal(converted(tmp_path / "opaque", opaque), colour) and "alpha carries" not in caplog.text
    alpha[7, 3, 3] = 0
    partly = np.concatenate([colour, alpha], axis=-1)
    assert np.array_equal(converted(tmp_path / "partly", partly), partly)
    assert "alpha carries information, 0 to 255, and is kept as a channel" in caplog.text


def test_a_model_refuses_frames_with_a_channel_that_training_dropped(small_run: Run) -> None:
    """Alpha was constant and dropped: frames with alpha are refused when the model is used, not cut in silence."""
    alpha = np.full((60, 16, 16, 1), 255, np.uint8)
    with pytest.raises(ValueError, match=r"\(batch, 3, 16, 16\); got \(60, 4, 16, 16\)"):
        small_run.model.encode(np.concatenate([BOXES.frames, alpha], axis=-1))


def test_a_model_encodes_bytes_and_floats_alike_and_refuses_another_layout(small_run: Run) -> None:
    model = small_run.model
    floats = torch.from_numpy(LEVELS / 127.5 - 1).permute(0, 3, 1, 2)
    assert torch.allclose(model.encode(BOXES.frames), model.encode(floats), atol=1e-3)
    with pytest.raises(ValueError, match=r"frames must be .*; got \(60, (3, 16, 16|16, 3, 16)\)"):
        model.encode(BOXES.frames.transpose(0, 3, 1, 2))


def test_the_order_of_colours_is_shown_in_the_preview(tmp_path: Path) -> None:
    """Nobody can tell BGR from RGB by the numbers, but in the picture of the inspection a red patch is red or blue."""
    from matplotlib.image import imread

    from trisect.data.inspect import contact_sheet

    sheets = []
    for frames in (BOXES.frames, BOXES.frames[..., ::-1]):
        recording = Recording(np.ascontiguousarray(frames), BOXES.targets, BOXES.space)
        (tmp_path / "sheet.png").write_bytes(contact_sheet(recording))
        sheets.append(imread(tmp_path / "sheet.png")[..., :3])
    red, blue = (sheet[..., 0] - sheet[..., 2] > 0.3 for sheet in sheets)
    assert red.sum() > 100 and not blue.any()


def sized(height: int, width: int, num: int = 80) -> Dataset:
    """Frames of any size with a bright square per variable."""
    boxes = two_boxes(num, rate=0.3)
    rows = np.round(boxes.factors * (height - 2)).astype(int)
    frames = np.full((num, height, width, 3), 20, np.uint8)
    for t in range(num):
        frames[t, rows[t, 0] : rows[t, 0] + 2, : width // 2, 0] = 220
        frames[t, rows[t, 1] : rows[t, 1] + 2, width // 2 :, 1] = 220
    whole = Recording(frames, boxes.targets, VariableSpace([Continuous("b"), Continuous("x")]))
    return Dataset({"train": whole.rows(0, 60), "val": whole.rows(60, num)})


@pytest.mark.parametrize("size", [(48, 48), (64, 48), (100, 76), (17, 17), (8, 8)])
@pytest.mark.parametrize("recipe", [closed_form(), citris_vae(), citris_vae_conv()], ids=["frozen", "vae", "conv"])
def test_reconstructions_have_the_size_of_the_frames(tmp_path: Path, size: tuple[int, int], recipe: Recipe) -> None:
    data = sized(*size)
    model = tiny_run(tmp_path / "run", data, recipe, despite_errors=True).model
    assert model.decode(model.encode(data["val"].observations)).shape == (20, 3, *size)


@pytest.mark.parametrize(
    ("size", "nearest"),
    [((48, 48), "32x32 or 64x64"), ((64, 48), "32x32 or 64x64"), ((100, 76), "64x64 or 128x128"), ((17, 17), "32x32")],
)
def test_networks_for_some_sizes_refuse_others_with_the_nearest(
    tmp_path: Path, size: tuple[int, int], nearest: str
) -> None:
    recipe = citris_vae()
    recipe = replace(recipe, variational=replace(recipe.variational, networks="published"))
    with pytest.raises(ValueError, match=f"got {size[0]}x{size[1]}; resize the frames to {nearest}, or pass network"):
        tiny_run(tmp_path / "run", sized(*size), recipe, despite_errors=True)


def test_boxes_are_as_they_say() -> None:
    """The world of these tests: a variable moves far in just the frames of its targets, and its patch with it."""
    boxes: Boxes = two_boxes(300)
    moved = np.abs(np.diff(boxes.factors, axis=0)) > 0.15
    assert (moved <= boxes.causes).all() and moved.sum() > 0.6 * boxes.causes.sum()
    for column, side in enumerate((slice(0, 8), slice(8, 16))):
        light = boxes.frames[:, :, side, column].sum(axis=2, dtype=float) - boxes.frames[:, :, side, column].min() * 8
        centres = (light * np.arange(16)).sum(axis=1) / light.sum(axis=1)
        assert np.corrcoef(centres, boxes.factors[:, column])[0, 1] < -0.99
