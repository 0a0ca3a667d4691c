"""Files from elsewhere: arrays with other names, without names, with actions, with other columns."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.convert import convert
from trisect.data.convert.alignment import align_actions
from trisect.variables import Continuous, VariableSpace

SPACE = VariableSpace([Continuous("red"), Continuous("x"), Continuous("y")], {"red": ["red"], "pos": ["x", "y"]})


def foreign(boxes, **changes):
    arrays = boxes()
    return {"frames": arrays["images"], "moves": arrays["targets"], "names": arrays["keys"], **changes}


NAMES = {"images": "frames", "targets": "moves", "keys": "names"}


def test_arrays_may_be_renamed(write, boxes, tmp_path):
    folder = write("train", foreign(boxes))
    expected, got = (
        r"named images, targets, keys \(and, .*\)",
        "got frames, moves, names; missing images, targets, keys",
    )
    with pytest.raises(ValueError, match=rf"{expected}; {got}; .*names=\{{'images': its name in the file, 'targets'"):
        convert(folder, tmp_path / "none")
    data = convert(folder, tmp_path / "out", names=NAMES)
    assert np.array_equal(data.recording("train").observations, boxes()["images"])
    assert np.array_equal(data.recording("train").targets[1:], boxes()["targets"] == 1)
    assert data.recording("train").factors is None and data.source["kind"] == "ball_in_boxes"


def test_an_array_renamed_to_targets_is_no_longer_read_as_actions(write, boxes, tmp_path):
    arrays = {**boxes(targets=None), "actions": boxes()["targets"]}
    data = convert(write("train", arrays), tmp_path / "out", names={"targets": "actions"})
    assert data.recording("train").actions is None and data.recording("train").targets.any()


def test_wrong_renaming_is_refused(write, boxes, tmp_path):
    folder = write("train", foreign(boxes))
    with pytest.raises(
        ValueError, match=r"names= maps to 'images' must be one of .*got 'frame'; did you mean 'frames'"
    ):
        convert(folder, tmp_path / "out", names={**NAMES, "images": "frame"})
    with pytest.raises(
        ValueError, match=r"an array that --name or names= maps must be one of .*got 'image'; .*'images'"
    ):
        convert(folder, tmp_path / "out", names={"image": "frames"})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [(2, lambda moves: moves[:, :2]), (3, lambda moves: np.stack([moves[:, 0], moves[:, 1:].any(axis=1)], axis=1))],
)
def test_the_users_variables_name_the_columns(write, boxes, tmp_path, columns, expected):
    arrays = boxes(keys=None, targets=boxes()["targets"][:, :columns])
    data = convert(write("train", arrays), tmp_path / "out", variables=SPACE)
    assert np.array_equal(data.recording("train").targets[1:], expected(arrays["targets"]) == 1)
    assert np.array_equal(data.recording("train").factors, arrays["latents"].astype(np.float32))
    assert data.variables == SPACE


def test_unmatched_names_are_listed(write, boxes, tmp_path):
    folder = write("train", boxes(keys=np.array(["red", "x", "why"])))
    with pytest.raises(ValueError, match=r"targets of 'train.npz' must be named red, pos; .*not in both: pos, why, x"):
        convert(folder, tmp_path / "out", variables=SPACE)
    folder = write("train", boxes(latents=None, targets=np.zeros((19, 12)), keys=np.array(list("abcdefghijk"))))
    with pytest.raises(ValueError, match=r"targets of 'train.npz' must be one per name, 11: a, .*; got 12 columns"):
        convert(folder, tmp_path / "again")


def test_without_factors_the_names_are_enough(write, boxes, tmp_path):
    arrays = boxes(latents=None, keys=None, keys_targets=np.array(["lamp", "fan", "door"]))
    data = convert(write("train", arrays), tmp_path / "out")
    assert data.variables.names == ("lamp", "fan", "door") and data.recording("train").factors is None
    assert np.array_equal(data.recording("train").targets[1:], arrays["targets"] == 1)


def test_recordings_without_any_target_are_refused_or_reported(write, boxes, tmp_path, caplog):
    folder = write("train", boxes(targets=None))
    with pytest.raises(ValueError, match=r"missing targets; .*identified from observations alone: record what"):
        convert(folder, tmp_path / "none")
    convert(write("train", boxes(targets=np.zeros((19, 3)))), tmp_path / "zeros")
    assert "the targets of 'train.npz': no variable is ever intervened on, so none can be identified" in caplog.text


def test_texts_of_bytes_are_names(write, boxes, tmp_path):
    data = convert(write("train", boxes(keys=boxes()["keys"].astype("S"))), tmp_path / "out")
    assert data.variables.names == ("ball_b", "ball_x", "ball_y")


@pytest.mark.parametrize(("value", "shown"), [(0.7, "0.7"), (2.0, "2.0"), (-1.0, "-1.0"), (np.nan, "nan")])
@pytest.mark.parametrize("alignment", [None, "cause", "effect"])
def test_targets_other_than_0_or_1_are_refused_with_their_position_in_the_file(
    write, boxes, tmp_path, value, shown, alignment
):
    targets = np.zeros((19 if alignment is None else 20, 3))
    targets[11, 1] = value
    order = [1, 2, 0]
    write("train", boxes())
    arrays = boxes(targets=targets, keys=boxes()["keys"][order], latents=boxes()["latents"][:, order])
    folder = write("val", arrays) if alignment is None else write("train", arrays, "alone")
    with pytest.raises(ValueError, match=rf"'\w+.npz' must be 0 or 1; got {shown} at row 11, column 1"):
        convert(folder, tmp_path / "out", alignment=alignment)


def test_the_values_of_a_row_without_meaning_are_ignored(write, boxes, tmp_path):
    rows = np.concatenate([np.full((1, 3), np.nan), boxes()["targets"]])
    data = convert(write("train", boxes(targets=rows)), tmp_path / "out", alignment="effect")
    assert np.array_equal(data.recording("train").targets[1:], boxes()["targets"] == 1)


@pytest.mark.parametrize("shift", [-5, 3])
@pytest.mark.parametrize("alignment", [None, "cause", "effect"])
def test_other_lengths_are_refused_with_both_lengths_and_the_rule(write, boxes, tmp_path, shift, alignment):
    folder = write("train", boxes(targets=np.zeros((20 + shift, 3))))
    with pytest.raises(ValueError, match=rf"19 rows, one less than frames, .*; got {20 + shift} rows for 20 frames"):
        convert(folder, tmp_path / "out", alignment=alignment)


def voronoi(boxes, **changes):
    latents = np.random.default_rng(0).uniform(-2, 2, (20, 3)).astype(np.float32)
    return boxes(latents=latents, keys=np.array(["c0", "c1", "c2"]), **changes)


def test_actions_of_voronoi_led_to_the_frame_of_their_row(write, boxes, tmp_path):
    actions = np.random.default_rng(0).normal(size=(20, 2))
    data = convert(write("train", voronoi(boxes, actions=actions)), tmp_path / "out")
    train = data.recording("train")
    assert np.array_equal(train.actions, actions.astype(np.float32)) and data.source["kind"] == "voronoi"
    assert np.array_equal(train.targets[1:], boxes()["targets"] == 1)


def test_a_recording_may_have_actions_instead_of_targets(write, boxes, tmp_path, caplog):
    data = convert(write("train", voronoi(boxes, targets=None, actions=np.ones((20, 2)))), tmp_path / "out")
    assert not data.recording("train").targets.any() and data.recording("train").actions.shape == (20, 2)
    assert "train has actions but no targets" in caplog.text


def test_actions_of_others_need_an_alignment(write, boxes, tmp_path):
    actions = np.arange(40, dtype=np.float32).reshape(20, 2) + 1
    folder = write("train", boxes(actions=actions))
    with pytest.raises(
        ValueError, match="the actions of 'train.npz' must be 19 rows.*got 20 rows for 20 frames; if row"
    ):
        convert(folder, tmp_path / "out")
    aligned = convert(folder, tmp_path / "cause", alignment="cause").recording("train").actions
    assert np.array_equal(aligned[1:], actions[:-1]) and not aligned[0].any()


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(20), "the shape of the actions of 'train.npz' must be"),
        (np.full((19, 2), "left"), "the actions of 'train.npz' must be numbers"),
        (np.full((19, 2), np.nan), "the actions of 'train.npz' must be finite"),
        (np.zeros((15, 2)), "got 15 rows for 20 frames"),
    ],
)
def test_faults_of_actions_are_named(write, boxes, tmp_path, actions, message):
    with pytest.raises(ValueError, match=message):
        convert(write("train", boxes(actions=actions)), tmp_path / "out")


def test_variables_are_a_space(write, boxes, tmp_path):
    with pytest.raises(TypeError, match="the option 'variables' of convert must be a VariableSpace; got list"):
        convert(write("train", boxes()), tmp_path / "out", variables=["x"])


def test_actions_are_aligned_and_finite():
    actions = np.array([[np.nan], [2.0], [3.0]])
    assert align_actions(actions, 3, "effect", "it").ravel().tolist() == [0, 2, 3]
    assert align_actions(actions[1:], 3, None, "it").ravel().tolist() == [0, 2, 3]
    with pytest.raises(ValueError, match="it must be finite"):
        align_actions(actions, 3, "cause", "it")


def test_files_with_a_reserved_name_are_refused(write, boxes, tmp_path) -> None:
    folder = write("train", boxes(latents=None, keys=np.array(["a", "noise", "b"])))
    with pytest.raises(ValueError, match="other than 'noise'"):
        convert(folder, tmp_path / "out")
