"""What content suggests is said, and what the user says counts for more."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from trisect.data import verify
from trisect.data.convert import convert
from trisect.variables import Continuous, VariableSpace

ACTIONS = np.arange(40.0).reshape(20, 2) + 1


def lettered(boxes, **changes):
    """A file whose variables are called c0, c1, c2, as everybody's may be."""
    latents = np.random.default_rng(0).uniform(-2, 2, (20, 3)).astype(np.float32)
    return boxes(**{"latents": latents, "keys": np.array(["c0", "c1", "c2"]), **changes})


def test_the_guess_of_a_published_data_set_is_said(write, boxes, tmp_path, caplog) -> None:
    data = convert(write("train", lettered(boxes)), tmp_path / "out")
    assert data.source["kind"] == "voronoi"
    message = "train.npz: its variables c0, c1, c2 are taken as those of the published data set 'voronoi'"
    assert message in caplog.text and "--variable NAME=KIND" in caplog.text


@pytest.mark.parametrize(("alignment", "shift"), [("cause", 1), ("effect", 0), (None, 0)])
def test_the_user_s_alignment_counts_more_than_the_guess(write, boxes, tmp_path, alignment, shift) -> None:
    targets = np.zeros((19 if alignment is None else 20, 3))
    folder = write("train", lettered(boxes, actions=ACTIONS, targets=targets))
    train = convert(folder, tmp_path / "out", alignment=alignment).recording("train")
    assert np.array_equal(train.actions[1:], ACTIONS[1 - shift : 20 - shift])


def test_the_user_s_variables_count_more_than_the_guess(write, boxes, tmp_path) -> None:
    space = VariableSpace([Continuous(f"c{k}", -9, 9) for k in range(3)])
    data = convert(write("train", lettered(boxes)), tmp_path / "out", variables=space)
    assert data.source["kind"] == "user" and data.variables == space


def test_factors_out_of_range_are_no_voronoi(write, boxes, tmp_path) -> None:
    folder = write("train", lettered(boxes, latents=np.full((20, 3), 50.0)))
    with pytest.raises(ValueError, match="factor names of 'train.npz' must be those of .*--variable c0=continuous"):
        convert(folder, tmp_path / "out")


def test_vectors_are_no_voronoi(write, boxes, tmp_path) -> None:
    arrays = lettered(boxes, images=None, latents=None, vectors=np.zeros((20, 4)), actions=ACTIONS[1:])
    data = convert(write("train", arrays), tmp_path / "out")
    assert data.source["kind"] == "user" and data.variables.factors[0] == Continuous("c0")


def test_arrays_that_are_not_read_are_listed_with_what_they_may_be(write, boxes, tmp_path, caplog) -> None:
    arrays = boxes(rewards=np.zeros(20), run_number=np.repeat([1, 2], 10), start_rows=np.array([0, 10]))
    data = convert(write("train", arrays), tmp_path / "out")
    assert data.source["unread"] == ["rewards", "run_number", "start_rows"]
    assert "arrays that are not read: rewards, run_number, start_rows" in caplog.text
    assert "--name episode_ids=run_number, --name episode_starts=start_rows" in caplog.text
    convert(tmp_path / "in", tmp_path / "again", names={"episode_ids": "run_number"})
    assert "--name episode_starts=start_rows" in caplog.text


def test_files_that_are_read_whole_have_nothing_unread(write, boxes, tmp_path, caplog) -> None:
    data = convert(write("train", boxes(dones=np.arange(20) == 9)), tmp_path / "out")
    assert data.source["unread"] == [] and "not read" not in caplog.text


def test_without_marks_a_file_is_said_to_be_one_recording(write, boxes, tmp_path, caplog) -> None:
    convert(write("train", boxes(latents=None, keys=np.array(["a", "b", "c"]))), tmp_path / "out")
    said = [
        r for r in caplog.records if "no array marks episodes: its 20 frames are taken as one recording" in r.message
    ]
    assert [record.levelno for record in said] == [logging.WARNING]


def test_one_file_of_the_tutorial_converts_as_its_folder(shared, tmp_path) -> None:
    folder = shared / "data" / "causal3d_tutorial"
    whole = convert(folder, tmp_path / "folder")
    cut = convert(folder / "causal3d.npz", tmp_path / "file")
    verify(tmp_path / "file")
    assert cut.variables == whole.variables and cut.source["kind"] == "causal3dident"
    parts = [split.observations for split in cut.values()]
    assert np.array_equal(np.concatenate(parts), whole["train"].observations)


def test_interventions_of_other_variables_are_not_those_of_the_tutorial(write, boxes, tmp_path) -> None:
    arrays = boxes(
        latents=None, targets=None, keys=None, interventions=boxes()["targets"], keys_targets=np.array(list("abc"))
    )
    folder = write("train", arrays)
    with pytest.raises(ValueError, match="missing targets; .*in the shell --name targets=interventions"):
        convert(folder, tmp_path / "none")
    data = convert(folder, tmp_path / "out", names={"targets": "interventions"})
    assert np.array_equal(data["train"].targets[1:], boxes()["targets"] == 1)


def test_missing_arrays_come_with_flags(write, boxes, tmp_path) -> None:
    arrays = {"frames": boxes()["images"], "moves": boxes()["targets"]}
    with pytest.raises(ValueError, match="in the shell --name images=frames --name targets=moves --name keys=ITS_NAME"):
        convert(write("train", arrays), tmp_path / "out")


def test_vectors_with_actions_alone_need_names(write, tmp_path) -> None:
    folder = write("train", {"vectors": np.zeros((20, 3)), "actions": np.zeros((19, 2))})
    with pytest.raises(ValueError, match="'train.npz' must be named vectors, keys .*; missing keys"):
        convert(folder, tmp_path / "out")


def test_targets_of_one_axis_get_a_short_sentence(write, tmp_path) -> None:
    arrays = {"vectors": np.zeros((5000, 3)), "targets": np.zeros(4999)}
    with pytest.raises(
        ValueError, match=r"the targets of 'train.npz' must be \(rows, variables\); got \(4999,\); save"
    ) as no:
        convert(write("train", arrays), tmp_path / "out")
    assert len(str(no.value)) < 200


def test_uint8_frames_of_0_and_1_need_levels(write, boxes, tmp_path) -> None:
    binary = (boxes()["images"] > 99).astype(np.uint8)
    folder = write("train", boxes(images=binary))
    with pytest.raises(ValueError, match="the images of 'train.npz' must be in a range .* got uint8 from 0 to 1; say"):
        convert(folder, tmp_path / "none")
    assert np.array_equal(convert(folder, tmp_path / "out", levels="0..1")["train"].observations, 255 * binary)


def test_vectors_far_from_zero_keep_their_steps(write, tmp_path) -> None:
    vectors = 1e6 + np.random.default_rng(0).normal(size=(50, 3))
    data = convert(write("train", {"vectors": vectors, "targets": np.zeros((49, 1))}), tmp_path / "out")
    assert np.array_equal(data["train"].observations, vectors)
