"""Data sets that LeRobot itself wrote, and ones that are damaged."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
from tests.data.convert.formats import record, write_lerobot

import trisect
from trisect.data import Dataset

SAMPLES = Path(__file__).with_name("samples")
LENGTHS = [40, 25, 60, 12, 33]
TARGET = "complementary_info.is_intervention"


def sample(folder: Path, version: int) -> Path:
    with tarfile.open(SAMPLES / f"lerobot_{version}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / f"lerobot_{version}"


def seen(frames: np.ndarray, red_square: bool) -> np.ndarray:
    """Lamp and cart as the pictures show them, (T, 2)."""
    lamp = (frames[:, 4:12].mean(axis=(1, 2, 3)) - 40) / 180
    channel, ground = (0, 90.0) if red_square else (2, 90.0)
    square = np.abs(frames[:, 21:27, :, channel].astype(float) - ground).mean(axis=1)
    square = np.where(square > 40, square, 0)
    left = (square @ np.arange(48.0)) / square.sum(axis=1) - 2.5
    return np.stack([lamp, left / 21 - 1], axis=1)


def whole(data: Dataset, name: str) -> np.ndarray:
    return np.concatenate([np.asarray(getattr(data.recording(split), name)) for split in data])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("camera", ["top", "side"])
def test_what_lerobot_wrote_is_read_frame_by_frame(version: int, camera: str, tmp_path: Path) -> None:
    columns = {"targets": [TARGET], "factors": ["observation.state"], "image": f"observation.images.{camera}"}
    space = trisect.variables.VariableSpace(
        [trisect.variables.Continuous("lamp", 0, 1), trisect.variables.Continuous("cart", -1, 1)],
        {"both": ["lamp", "cart"]},
    )
    folder = sample(tmp_path, version)
    data = trisect.convert(folder, tmp_path / "out", columns=columns, variables=space)
    assert sorted(n for split in data for n in data.recording(split).episode_lengths) == sorted(LENGTHS)
    state, pictures = whole(data, "factors"), whole(data, "observations")
    shown = state if camera == "top" else np.stack([1 - state[:, 0], -state[:, 1]], axis=1)
    assert np.abs(seen(pictures, camera == "top") - shown).max(axis=0).tolist() < [0.02, 0.06]
    later = whole(data, "actions")
    inside = np.setdiff1d(np.arange(len(state)), _starts(data))
    np.testing.assert_allclose(later[inside], state[inside] + 0.125, atol=1e-6)
    runs = whole(data, "targets")[:, 0]
    assert runs.sum() == 7 * 5 and data.source["alignment"] == "cause"


def _starts(data: Dataset) -> np.ndarray:
    before = np.cumsum([0, *(len(data[split]) for split in data)])
    return np.concatenate([first + data.recording(split).starts for first, split in zip(before, data)])


def test_several_cameras_must_be_told_apart(tmp_path: Path) -> None:
    folder = sample(tmp_path, 3)
    sentence = r"must be one, or named; got observation.images.top, observation.images.side; .*--image NAME"
    with pytest.raises(ValueError, match=sentence):
        trisect.convert(folder, tmp_path / "out", columns={"targets": [TARGET]})
    columns = {"targets": [TARGET], "image": "observation.images.topp"}
    with pytest.raises(ValueError, match="must be one of .*; did you mean 'observation.images.top'"):
        trisect.convert(folder, tmp_path / "out", columns=columns)


def test_the_state_is_observed_where_there_is_no_camera_or_it_is_wished(tmp_path: Path) -> None:
    columns = {"targets": [TARGET], "sensors": ["observation.state"]}
    data = trisect.convert(sample(tmp_path, 3), tmp_path / "out", columns=columns)
    assert data.observation_shape == (2,) and "next.reward" in data.source["left_out"]


@pytest.mark.parametrize("version", [2, 3])
def test_commands_that_jump_are_targets(version: int, tmp_path: Path) -> None:
    """Commands change by up to 0.36 per frame in these films; the last one of an episode jumps to its first state."""
    columns = {"targets": ["action.lamp", "action.cart"], "image": "observation.images.top"}
    data = trisect.convert(sample(tmp_path, version), tmp_path / "out", columns=columns, encode="jump:0.2")
    assert data.variables.names == ("lamp", "cart") and "actions" not in data.source["columns"]
    loose = trisect.convert(tmp_path / f"lerobot_{version}", tmp_path / "more", columns=columns, encode="jump:0.01")
    assert whole(data, "targets").sum() < whole(loose, "targets").sum() > 150


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (
            lambda folder: next(folder.rglob("file-000.mp4")).unlink(),
            FileNotFoundError,
            "the film .* must be there, as",
        ),
        (
            lambda folder: next(folder.rglob("file-000.mp4")).write_bytes(b"0" * 999),
            ValueError,
            "the film '.*file-000.mp4' must be whole",
        ),
        (
            lambda folder: next((folder / "data").rglob("*.parquet")).write_bytes(b"PAR1"),
            ValueError,
            "the table 'lerobot' must be readable",
        ),
        (
            lambda folder: shutil.rmtree(folder / "data/chunk-000"),
            ValueError,
            "one with Parquet files; got none",
        ),
        (lambda folder: (folder / "meta/info.json").write_text("{"), ValueError, "info.json' must be JSON"),
        (
            lambda folder: changed(folder, codebase_version="v1.6"),
            ValueError,
            "must be 2 or 3; got v1.6",
        ),
        (lambda folder: changed(folder, fps=0), ValueError, "the fps in .* must be a number in"),
        (
            lambda folder: changed(folder, video_path="{nothing}"),
            ValueError,
            "info.json' must be complete",
        ),
    ],
)
def test_damaged_data_sets_are_refused_in_a_sentence(spoil, error: type, message: str, tmp_path: Path) -> None:
    options = write_lerobot(record((30, 30)), tmp_path / "lerobot")
    spoil(tmp_path / "lerobot")
    with pytest.raises(error, match=message):
        trisect.convert(tmp_path / "lerobot", tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def changed(folder: Path, **facts: object) -> None:
    file = folder / "meta" / "info.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


def test_a_film_shorter_than_its_rows_is_refused(tmp_path: Path) -> None:
    options = write_lerobot(record((30, 30)), tmp_path / "lerobot")
    short = tmp_path / "short"
    write_lerobot(record((30,)), short)
    shutil.copy(next(short.rglob("file-000.mp4")), next((tmp_path / "lerobot").rglob("file-000.mp4")))
    with pytest.raises(ValueError, match="must be one with a frame at the time of every row; got none within 3.00 s"):
        trisect.convert(tmp_path / "lerobot", tmp_path / "out", **options)
