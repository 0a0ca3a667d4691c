from __future__ import annotations

import numpy as np
import pytest

from trisect import convert
from trisect.variables import Continuous, VariableSpace

T, D = 60, 7


def arrays(num: int = T, **changes):
    """A file of embeddings; a change to None leaves an array out."""
    rng = np.random.default_rng(num)
    stored = {
        "embeddings": rng.normal(size=(num, D)),
        "targets": (rng.random((num - 1, 2)) < 0.4).astype(np.int64),
        "keys": np.array(["left", "right"]),
        **changes,
    }
    return {key: value for key, value in stored.items() if value is not None}


def test_a_folder_of_embeddings(write, tmp_path) -> None:
    stored = arrays()
    write("train", stored)
    data = convert(write("val", arrays(20)), tmp_path / "out")
    train = data.recording("train")
    assert train.observations.dtype == np.float32
    assert np.array_equal(train.observations, stored["embeddings"].astype(np.float32))
    assert np.array_equal(train.targets[1:], stored["targets"].astype(bool))
    assert data.targeted == ("left", "right")
    assert len(data["val"]) == 20 and train.factors is None


def test_vectors_of_another_name(write, tmp_path) -> None:
    stored = arrays(embeddings=None, keypoints=np.ones((T, 4), np.int32))
    data = convert(write("train", stored), tmp_path / "out", names={"vectors": "keypoints"})
    assert data.observation_shape == (4,)


def test_names_are_numbered_where_there_are_none(write, tmp_path) -> None:
    data = convert(write("train", arrays(keys=None)), tmp_path / "out")
    assert data.variables.names == ("variable_0", "variable_1")


def test_factors_are_kept(write, tmp_path) -> None:
    factors = np.random.default_rng(1).random((T, 2))
    space = VariableSpace([Continuous("left", 0, 1), Continuous("right", 0, 1)])
    data = convert(write("train", arrays(latents=factors)), tmp_path / "out", variables=space)
    assert np.array_equal(data["train"].factors, factors.astype(np.float32))


def test_one_file_is_cut_in_time(write, tmp_path) -> None:
    stored = arrays()
    data = convert(write("mine", stored) / "mine.npz", tmp_path / "deep" / "out")
    assert {name: len(split) for name, split in data.items()} == {"train": 42, "val": 6, "test": 12}
    rows = np.concatenate([split.observations for split in data.values()])
    assert np.array_equal(rows, stored["embeddings"].astype(np.float32))
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    with pytest.raises(FileExistsError, match="the output folder must be new"):
        convert(tmp_path / "in" / "mine.npz", tmp_path / "deep" / "out")


def test_one_file_of_frames_is_cut_too(write, boxes, tmp_path) -> None:
    data = convert(write("boxes", boxes()) / "boxes.npz", tmp_path / "out")
    assert np.array_equal(np.concatenate([split.observations for split in data.values()]), boxes()["images"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings": np.ones((T, 2, 3))}, r"shape of the embeddings of 'train.npz' must be \(N, dims\).*flatten or"),
        ({"embeddings": np.array([["a"]] * T)}, "the embeddings of 'train.npz' must be numbers; got <U1"),
        ({"embeddings": np.full((T, 2), np.inf)}, "the embeddings of 'train.npz' must be finite"),
        (
            {"embeddings": np.full((T, 2), 1e300)},
            "the embeddings of 'train.npz' must be at most 1e.18 in size; got 1e.300",
        ),
        ({"vectors": np.ones((T, 2))}, "observations of 'train.npz' must be one array; got vectors, embeddings"),
        ({"targets": np.ones((T, 2))}, "if row t produced frame t.1 pass alignment='cause'"),
        ({"targets": None}, "variables cannot be identified from observations alone"),
        ({"embeddings": None}, "the arrays of 'train.npz' must be named images"),
        ({"keys": None, "latents": np.ones((T, 2))}, "must be named embeddings, targets, keys"),
    ],
)
def test_faults_are_named(write, tmp_path, changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        convert(write("train", arrays(**changes)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_splits_must_hold_the_same_kind_of_data(write, boxes, tmp_path) -> None:
    write("train", arrays())
    with pytest.raises(ValueError, match="a row of the embeddings of 'val.npz' must be 7 numbers long"):
        convert(write("val", arrays(20, embeddings=np.ones((20, 3)))), tmp_path / "out")
    frames = boxes(keys=np.array(["left", "right"]), targets=np.ones((19, 2), np.int64), latents=None)
    with pytest.raises(ValueError, match="the splits must be all frames or all vectors; got some of both"):
        convert(write("val", frames), tmp_path / "out")
