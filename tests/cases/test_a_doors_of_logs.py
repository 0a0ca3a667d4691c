"""All doors for logs ask the questions that the doors for .npz files and for arrays ask, and give the same data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from PIL import Image

import trisect
from trisect.data import Dataset

from .fixtures import two_boxes, with_value

BOXES = two_boxes(60)
LEVELS = BOXES.frames.astype(np.float32)
OPAQUE = np.full((60, 16, 16, 1), 255, np.uint8)
VARYING = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), dtype=np.uint8)


def as_npy(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    folder.mkdir()
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)


def as_npz(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    folder.mkdir()
    np.savez(folder / "session_1.npz", **arrays)


def as_hdf5(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    import h5py

    folder.mkdir()
    with h5py.File(folder / "session.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values


def as_zarr(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    import zarr

    root = zarr.open_group(str(folder), mode="w")
    for name, values in arrays.items():
        root.create_array(name, data=values)


DOORS: dict[str, Callable[[Path, dict[str, np.ndarray]], None]] = {
    "npy": as_npy,
    "npz": as_npz,
    "hdf5": as_hdf5,
    "zarr": as_zarr,
}
every_door = pytest.mark.parametrize("door", DOORS)


def converted(folder: Path, door: str, arrays: dict[str, np.ndarray], **options: Any) -> Dataset:
    DOORS[door](folder / "in", {"images": BOXES.frames, "targets": BOXES.causes, **arrays})
    return trisect.convert(folder / "in", folder / "out", **options)


def frames_of(data: Dataset) -> np.ndarray:
    """The frames of all splits, in the order of the recording, which is cut in time."""
    return np.concatenate([np.asarray(data.recording(name).observations) for name in data])


@pytest.mark.parametrize(
    "stored",
    [BOXES.frames, BOXES.frames.astype(np.int64), LEVELS / 255, LEVELS / 127.5 - 1, LEVELS],
    ids=["uint8", "int64", "0..1", "-1..1", "0..255"],
)
@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
@every_door
def test_frames_of_every_range_and_layout_are_the_same(
    tmp_path: Path, door: str, stored: np.ndarray, first: bool
) -> None:
    images = np.ascontiguousarray(stored.transpose(0, 3, 1, 2)) if first else stored
    data = converted(tmp_path, door, {"images": images})
    assert np.array_equal(frames_of(data), BOXES.frames)
    assert np.array_equal(data.recording("train").targets[1:], BOXES.targets[1 : len(data["train"])])


@every_door
def test_frames_that_can_be_read_both_ways_are_refused_until_declared(tmp_path: Path, door: str) -> None:
    images = {"images": BOXES.frames[:, 2:5, 2:5]}
    with pytest.raises(ValueError, match="can be read both ways: say which with channels='first'"):
        converted(tmp_path, door, images)
    data = trisect.convert(tmp_path / "in", tmp_path / "out", channels="first")
    assert np.array_equal(frames_of(data), images["images"].transpose(0, 2, 3, 1))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (with_value(BOXES.frames / 255, (5, 2, 3, 1), np.nan), "must be finite; got nan in frame 5"),
        (LEVELS * 2, "in 0..255, 0..1 or -1..1; got float32 from 40 to 440"),
        ((BOXES.frames > 99).astype(np.uint8), "from 0 to 1; say which with levels="),
    ],
    ids=["not finite", "out of range", "0 and 1"],
)
@every_door
def test_pixels_that_are_not_clear_are_refused(tmp_path: Path, door: str, images: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        converted(tmp_path, door, {"images": images})
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


@every_door
def test_alpha_is_dropped_if_constant_and_otherwise_kept_with_a_warning(
    tmp_path: Path, door: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = converted(tmp_path, door, {"images": np.concatenate([BOXES.frames, OPAQUE], axis=-1)})
    assert np.array_equal(frames_of(data), BOXES.frames)
    (tmp_path / "varying").mkdir()
    data = converted(tmp_path / "varying", door, {"images": np.concatenate([BOXES.frames, VARYING], axis=-1)})
    assert data.observation_shape == (16, 16, 4) and "alpha carries information" in caplog.text


@pytest.mark.parametrize("varying", [False, True])
def test_alpha_of_pictures_in_files_has_the_same_policy(tmp_path: Path, varying: bool) -> None:
    (tmp_path / "in").mkdir()
    frames = np.concatenate([BOXES.frames, VARYING if varying else OPAQUE], axis=-1)
    for row, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "in" / f"{row}.png")
    pandas.DataFrame(BOXES.targets.astype(int), columns=["b", "x"]).to_csv(tmp_path / "in" / "log.csv", index=False)
    data = trisect.convert(tmp_path / "in", tmp_path / "out", alignment="effect", columns={"targets": ["b", "x"]})
    assert np.array_equal(frames_of(data), frames if varying else BOXES.frames)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (BOXES.targets, "got 60 rows for 60 frames; if row t produced frame t.1 pass alignment='cause'"),
        (with_value(BOXES.causes.astype(float), (7, 1), 0.7), "0 or 1; got 0.7 at row 8, column 1"),
        (with_value(BOXES.causes.astype(float), (7, 1), -1), "0 or 1; got -1"),
        (with_value(BOXES.causes.astype(float), (7, 1), np.nan), "without empty cells; got 1, the first in row 8"),
    ],
    ids=["as many as frames", "0.7", "-1", "NaN"],
)
@every_door
def test_targets_that_are_not_clear_are_refused(tmp_path: Path, door: str, targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        converted(tmp_path, door, {"targets": targets})
    assert [each.name for each in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("rows", [55, 63])
@every_door
def test_targets_of_another_length_are_not_read_and_named(tmp_path: Path, door: str, rows: int) -> None:
    targets = np.resize(BOXES.targets, (rows, 2))
    with pytest.raises(ValueError, match=rf"targets has {rows} rows for 60 frames"):
        converted(tmp_path, door, {"targets": targets}, columns={"targets": ["targets"]})
    with pytest.raises(ValueError, match=rf"targets has {rows} rows for 60 frames"):
        trisect.convert(tmp_path / "in", tmp_path / "out")


@every_door
def test_nothing_is_converted_without_targets(tmp_path: Path, door: str) -> None:
    DOORS[door](tmp_path / "in", {"images": BOXES.frames, "poses": BOXES.factors})
    with pytest.raises(ValueError, match="got neither; .*--targets A,B.*record what was intervened on between frames"):
        trisect.convert(tmp_path / "in", tmp_path / "out")


@every_door
def test_what_is_not_read_is_listed(tmp_path: Path, door: str) -> None:
    arrays = {"poses": BOXES.factors, "calibration": np.eye(3)}
    data = converted(tmp_path, door, arrays)
    assert data.source["left_out"] == ["poses.0", "poses.1", "calibration"]


@pytest.mark.parametrize(
    "mark",
    [
        {"episode_id": np.repeat([4, 2, 7, 1, 3, 9, 5, 6, 8, 0], 6)},
        {"done": np.arange(60) % 6 == 5},
        {"terminals": np.arange(60) == 5, "timeouts": np.isin(np.arange(60), np.arange(11, 60, 6))},
        {"is_first": np.arange(60) % 6 == 0},
        {"episode_ends": np.arange(6, 61, 6)},
    ],
    ids=["ids", "done", "terminals and timeouts", "is_first", "ends"],
)
@every_door
def test_marks_of_episodes_are_read_under_the_names_of_other_recorders(
    tmp_path: Path, door: str, mark: dict[str, np.ndarray]
) -> None:
    data = converted(tmp_path, door, {**mark, "targets": BOXES.targets}, alignment="effect")
    lengths = np.concatenate([data.recording(name).episode_lengths for name in data])
    assert lengths.tolist() == [6] * 10


@every_door
def test_marks_of_episodes_that_contradict_each_other_are_refused(tmp_path: Path, door: str) -> None:
    marks = {"done": np.arange(60) % 20 == 19, "is_first": np.arange(60) % 15 == 0}
    with pytest.raises(ValueError, match="the marks of episodes of .* must be the same episodes"):
        converted(tmp_path, door, {**marks, "targets": BOXES.targets}, alignment="effect")


@pytest.mark.parametrize("door", ["npy", "npz"])  # the others store no texts of numpy
def test_the_name_of_the_noise_slot_is_refused_before_anything_is_written(tmp_path: Path, door: str) -> None:
    with pytest.raises(ValueError, match="noise"):
        converted(tmp_path, door, {"keys": np.array(["noise", "x"])})
    assert [each.name for each in tmp_path.iterdir()] == ["in"]
