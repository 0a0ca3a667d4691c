"""Published .npz folders are converted correctly, and every fault is named."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data import verify
from trisect.data.convert import convert
from trisect.data.convert.alignment import align_targets
from trisect.variables import Continuous, VariableSpace
from trisect.worlds import make


@pytest.mark.parametrize("name", ["ball_in_boxes", "interventional_pong", "voronoi", "pinball"])
def test_published_folders_convert(shared, tmp_path, name):
    data = convert(shared / "data" / name, tmp_path / "out")
    verify(tmp_path / "out")
    names = ("train", "val", "test", "val_indep", "test_indep", "val_triplets", "test_triplets")
    for split in names:
        with np.load(shared / "data" / name / f"{split}.npz") as file:
            assert len(data[split]) == len(file["images"]), split
    assert tuple(data) == names
    with np.load(shared / "data" / name / "train.npz") as file:
        train = data.recording("train")
        assert np.array_equal(train.observations, file["images"])
        assert np.array_equal(train.factors, file["latents"]) and train.num_episodes == 1
        assert np.array_equal(train.targets[1:], file["targets"] == 1) and not train.targets[0].any()
    with np.load(shared / "data" / name / "test_triplets.npz") as file:
        triplets = data.triplets("test_triplets")
        assert np.array_equal(triplets.observations, file["images"])
        assert np.array_equal(triplets.from_second, file["targets"] == 1)
    indep = data.recording("test_indep")
    assert indep.num_episodes == len(indep) and not indep.targets.any()


def test_triplet_masks_refer_to_the_variables(shared, tmp_path):
    triplets = convert(shared / "data" / "pinball", tmp_path / "out").triplets("test_triplets")
    for position, name in enumerate(triplets.variables.names):
        columns = list(triplets.variables.factor_columns(name))
        expected = np.where(
            triplets.from_second[:, [position]], triplets.factors[:, 1, columns], triplets.factors[:, 0, columns]
        )
        assert np.allclose(triplets.factors[:, 2, columns], expected), name


def test_boxes_have_the_variables_of_their_world(shared, tmp_path):
    data = convert(shared / "data" / "ball_in_boxes", tmp_path / "out")
    assert data.variables == make("ball_in_boxes").variables and data.targeted == ("ball_b", "ball_y")
    train = data.recording("train")
    swapped = np.r_[False, np.diff(train.factors[:, 0]) != 0]
    assert np.array_equal(swapped, train.targets[:, 0])


GOOD = {
    "images": np.zeros((6, 8, 8, 3), np.uint8),
    "latents": np.tile(np.array([0, 5, 5], np.float32), (6, 1)),
    "targets": np.eye(5, 3, dtype=np.float32),
    "keys": np.array(["ball_b", "ball_x", "ball_y"]),
}


def write(folder, split="train", **changes):
    folder.mkdir(exist_ok=True)
    arrays = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    np.savez_compressed(folder / f"{split}.npz", **arrays)
    return folder


def with_value(key, at, value):
    array = GOOD[key].astype(np.float32)
    array[at] = value
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": None, "frames": GOOD["images"]},
            r"named images, targets, keys \(and, .*latents.*\); got .*frames.*missing images; .*names=\{'images': ",
        ),
        ({"targets": np.zeros((6, 3))}, "got 6 rows for 6 frames; if row t produced frame t"),
        ({"targets": np.zeros((1, 3))}, "5 rows, one less than frames.*got 1 rows for 6 frames"),
        ({"targets": np.zeros((9, 3))}, "got 9 rows for 6 frames"),
        ({"targets": np.zeros((5, 2))}, "the columns of the targets of 'train.npz' must be one per name, 3: ball_b,"),
        ({"targets": np.zeros((5, 4))}, "got 4 columns"),
        ({"targets": np.array([["a"] * 3] * 5)}, "the targets of 'train.npz' must be numbers"),
        ({"targets": None}, "missing targets; .*cannot be identified from observations alone"),
        ({"targets": with_value("targets", (2, 1), 0.7)}, "0 or 1; got 0.69.* at row 2, column 1"),
        ({"targets": with_value("targets", (2, 1), np.nan)}, "got nan at row 2, column 1"),
        ({"targets": with_value("targets", (2, 1), 2)}, "got 2.0 at row 2"),
        ({"targets": with_value("targets", (2, 1), -1)}, "got -1.0 at row 2"),
        ({"latents": with_value("latents", (3, 0), 2)}, "factor 'ball_b' must be a whole number from 0 to 1"),
        ({"latents": with_value("latents", (3, 1), 200)}, "factor 'ball_x' must be in"),
        ({"latents": np.zeros((5, 3))}, "the shape of the latents"),
        ({"keys": np.array(["box", "ball_x", "ball_y"])}, "factor names.*pass variables="),
        ({"keys": np.arange(3)}, "the array 'keys' of 'train.npz' must be texts"),
        ({"images": np.zeros((6, 8, 8), np.uint8)}, "height, width, channels"),
        ({"latents": np.array([None] * 6)}, "numbers or text; got pickled objects"),
    ],
)
def test_faults_are_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        convert(write(tmp_path / "in", **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_conversion_can_be_repeated(tmp_path):
    folder = write(tmp_path / "in", targets=np.zeros((4, 3)))
    with pytest.raises(ValueError, match="4 rows"):
        convert(folder, tmp_path / "out")
    assert len(convert(write(folder), tmp_path / "out")["train"]) == 6


def test_columns_are_matched_by_name(tmp_path):
    folder = write(tmp_path / "in")
    order = [2, 0, 1]
    permuted = {key: GOOD[key][:, order] for key in ("latents", "targets")}
    write(folder, "test", keys=GOOD["keys"][order], **permuted)
    data = convert(folder, tmp_path / "out")
    assert np.array_equal(data["test"].factors, data["train"].factors)
    assert np.array_equal(data["test"].targets, data["train"].targets)
    write(folder, "val", keys=np.array(["ball_b", "ball_x", "ball_z"]))
    with pytest.raises(
        ValueError,
        match=r"latents of 'val.npz' must be named ball_b, ball_x, ball_y; .*not in both: ball_y, ball_z",
    ):
        convert(folder, tmp_path / "again")


def test_three_conventions_give_identical_pairs(tmp_path):
    padding = np.ones((1, 3), np.float32)
    files = {
        None: GOOD["targets"],
        "effect": np.concatenate([padding, GOOD["targets"]]),
        "cause": np.concatenate([GOOD["targets"], padding]),
    }
    results = []
    for alignment, targets in files.items():
        folder = write(tmp_path / f"in_{alignment}", targets=targets)
        results.append(convert(folder, tmp_path / f"out_{alignment}", alignment=alignment)["train"].targets)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])
    assert np.array_equal(results[0][1:], GOOD["targets"] == 1)


def test_alignment_rules():
    short = np.zeros((4, 1))
    assert np.array_equal(align_targets(short, 5, "cause", "targets"), np.zeros((5, 1), bool))
    with pytest.raises(ValueError, match="5 rows where row t produced frame t; got 4 rows"):
        align_targets(short, 5, "effect", "targets")
    with pytest.raises(ValueError, match="did you mean 'cause'"):
        align_targets(short, 4, "causes", "targets")


def test_users_may_pass_their_variables(tmp_path):
    folder = write(tmp_path / "in", keys=np.array(["red", "x", "y"]))
    space = VariableSpace([Continuous(name) for name in ("red", "x", "y")])
    assert convert(folder, tmp_path / "out", variables=space).variables == space


def test_folders_without_data_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="check the path"):
        convert(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="an empty folder"):
        convert(tmp_path, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"one with train.npz; got test.npz"):
        convert(write(tmp_path / "in", "test"), tmp_path / "out")


def test_unknown_files_are_reported(tmp_path, caplog):
    folder = write(write(tmp_path / "in"), "extra")
    assert list(convert(folder, tmp_path / "out")) == ["train"]
    assert "extra.npz is not converted: its name is not that of a published split" in caplog.text


def test_frames_in_fortran_order_are_the_same_frames(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, GOOD["images"].shape).astype(np.uint8)
    data = convert(write(tmp_path / "in", images=np.asfortranarray(images)), tmp_path / "out")
    assert np.array_equal(data["train"].observations, images)


def test_damaged_files_are_named(tmp_path):
    folder = write(tmp_path / "in")
    content = (folder / "train.npz").read_bytes()
    (folder / "train.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"train.npz' must be an .npz archive"):
        convert(folder, tmp_path / "out")
