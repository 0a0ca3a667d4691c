"""Frames as people store them come out as the same uint8 frames, or are refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from trisect.data.convert import convert
from trisect.data.convert.levels import Extent, tell_levels

FRAMES = np.random.default_rng(1).integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
FRACTIONS = FRAMES.astype(np.float32) / 255
STORED = {
    "uint8": FRAMES,
    "int64": FRAMES.astype(np.int64),
    "0..255": FRAMES.astype(np.float32),
    "0..1": FRACTIONS,
    "0..1 double": FRAMES / 255,
    "-1..1": FRACTIONS * 2 - 1,
    "-1..1 half": (FRACTIONS * 2 - 1).astype(np.float16),
}


def observations(folder, out, **options):
    return convert(folder, out, **options).recording("train").observations


@pytest.mark.parametrize("name", list(STORED))
@pytest.mark.parametrize("channels", ["first", "last"])
def test_every_range_and_layout_gives_the_same_frames(write, boxes, tmp_path, caplog, name, channels):
    caplog.set_level(logging.INFO)
    images = np.ascontiguousarray(np.moveaxis(STORED[name], -1, 1)) if channels == "first" else STORED[name]
    folder = write("train", boxes(images=images))
    levels = name.split()[0] if ".." in name else "0..255"
    assert np.array_equal(observations(folder, tmp_path / "recognised"), FRAMES)
    assert f"channels {channels}, levels {levels}" in caplog.text
    assert np.array_equal(observations(folder, tmp_path / "declared", channels=channels, levels=levels), FRAMES)


def test_triplets_with_channels_first(write, boxes, tmp_path):
    triplets = np.random.default_rng(2).integers(0, 256, (6, 3, 8, 8, 3)).astype(np.uint8)
    first = [np.ascontiguousarray(np.moveaxis(array, -1, -3)) for array in (FRAMES, triplets)]
    write("train", boxes(images=first[0]))
    latents = np.tile(boxes()["latents"][:6, None], (1, 3, 1))
    folder = write("test_triplets", boxes(images=first[1], latents=latents, targets=np.zeros((6, 3))))
    assert np.array_equal(convert(folder, tmp_path / "out").triplets("test_triplets").observations, triplets)


def with_pixel(value, frame=13, kind="0..1"):
    images = STORED[kind].copy()
    images[frame, 2, 3, 1] = value
    return images


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (with_pixel(np.nan), {}, "the images of 'train.npz' must be finite; got nan in frame 13"),
        (with_pixel(-np.inf), {}, "got -inf in frame 13"),
        (with_pixel(np.nan), {"levels": "0..1"}, "got nan in frame 13"),
        (with_pixel(1.5), {}, "a range that the values make clear; got float32 from 0 to 1.5; say which with levels="),
        (with_pixel(1.5), {"levels": "0..1"}, "must be in 0..1; got 1.5 in frame 13"),
        (with_pixel(-0.5), {"levels": "0..1"}, "must be in 0..1; got -0.5 in frame 13"),
        (with_pixel(300, kind="0..255"), {}, "must be in 0..255, 0..1 or -1..1; got float32 from 0 to 300"),
        (with_pixel(-3, kind="int64"), {}, "got int64 from -3 to 255"),
        (with_pixel(256, kind="int64"), {"levels": "0..255"}, "must be in 0..255; got 256 in frame 13"),
        ((FRAMES > 99).astype(np.int64), {}, "got int64 from 0 to 1; say which with levels="),
        (FRAMES > 99, {}, "got bool from 0 to 1; say which"),
        (np.zeros((20, 8, 8, 3), np.float32), {}, "got float32 from 0 to 0; say which"),
        (FRAMES.astype("<U3"), {}, "the images of 'train.npz' must be numbers"),
        (FRAMES[..., 0], {}, r"\(N, height, width, channels\).* add the missing axis"),
        (np.zeros((20, 3, 3, 3), np.uint8), {}, r"got \(3, 3, 3\); this can be read both ways: .*channels='first'"),
        (np.zeros((20, 8, 8, 5), np.uint8), {}, "at most 4 channels"),
        (FRAMES, {"channels": "first"}, "of at most 4 channels, first"),
        (FRAMES, {"channels": "firsts"}, "option 'channels' of convert must be one of first, last; .*mean 'first'"),
        (FRAMES, {"levels": "0-1"}, "the option 'levels' of convert must be one of 0..255, 0..1, -1..1"),
        (FRAMES, {"level": "0..1"}, "an option of convert must be one of .*did you mean 'levels'"),
        (FRAMES, {"group": "x"}, "the option 'group' of convert must be a mapping"),
    ],
)
def test_ambiguous_and_unreadable_frames_are_refused(write, boxes, tmp_path, images, options, message):
    with pytest.raises(ValueError, match=message):
        convert(write("train", boxes(images=images)), tmp_path / "out", **options)


def test_ambiguous_frames_may_be_declared(write, boxes, tmp_path):
    tiny = np.random.default_rng(0).integers(0, 256, (20, 3, 3, 3)).astype(np.uint8)
    folder = write("train", boxes(images=tiny))
    assert np.array_equal(observations(folder, tmp_path / "last", channels="last"), tiny)
    first = observations(folder, tmp_path / "first", channels="first")
    assert np.array_equal(first, np.moveaxis(tiny, 1, -1))
    folder = write("train", boxes(images=FRAMES > 99))
    assert np.array_equal(
        observations(folder, tmp_path / "binary", levels="0..1"), 255 * (FRAMES > 99).astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (FRACTIONS, "the images of 'val.npz' must be uint8, as in the images of 'train.npz'; got float32"),
        (FRAMES[:, :7], r"of shape \(8, 8, 3\) per frame"),
    ],
)
def test_splits_are_stored_alike(write, boxes, tmp_path, images, message):
    write("train", boxes())
    with pytest.raises(ValueError, match=message):
        convert(write("val", boxes(images=images)), tmp_path / "out")


def test_splits_of_different_ranges_are_refused(write, boxes, tmp_path):
    write("train", boxes(images=STORED["-1..1"]))
    folder = write("val", boxes(images=FRACTIONS))
    with pytest.raises(
        ValueError, match=r"'val.npz' must be in -1..1, as the images of 'train.npz'; got values of 0..1"
    ):
        convert(folder, tmp_path / "out")
    data = convert(folder, tmp_path / "declared", levels="-1..1")
    assert data.recording("val").observations.min() == 128


@pytest.mark.parametrize("color", [1, 3])
@pytest.mark.parametrize("value", [255, 128])
def test_a_constant_alpha_channel_is_dropped(write, boxes, tmp_path, caplog, color, value):
    caplog.set_level(logging.INFO)
    alpha = np.full((20, 8, 8, 1), value, np.uint8)
    folder = write("train", boxes(images=np.concatenate([FRAMES[..., :color], alpha], axis=-1)))
    assert np.array_equal(observations(folder, tmp_path / "out"), FRAMES[..., :color])
    assert f"alpha is {value} everywhere and dropped" in caplog.text


@pytest.mark.parametrize("color", [1, 3])
def test_alpha_that_carries_information_is_kept_and_warned_of(write, boxes, tmp_path, caplog, color):
    alpha = np.full((20, 8, 8, 1), 255, np.uint8)
    opaque = np.concatenate([FRAMES[..., :color], alpha], axis=-1)
    alpha[19, 0, 0] = 3
    images = np.concatenate([FRAMES[..., :color], alpha], axis=-1)
    write("train", boxes(images=opaque))
    data = convert(write("val", boxes(images=images)), tmp_path / "out")
    assert np.array_equal(data.recording("val").observations, images) and data.observation_shape[-1] == color + 1
    assert [record.levelname for record in caplog.records if "alpha carries" in record.message] == ["WARNING"]
    assert data.source["frames"]["kept"] == color + 1


@pytest.mark.parametrize(
    ("low", "high", "is_whole", "expected"),
    [(0, 1, False, "0..1"), (-1, 1, False, "-1..1"), (0, 2, True, "0..255"), (0, 40.5, False, "0..255")],
)
def test_ranges_are_recognised_from_extents(low, high, is_whole, expected):
    assert tell_levels(Extent(low, high, is_whole), np.dtype(np.float64), "it") == expected
