"""Targets, marks of episodes and names in any form: understood, or refused, and never ignored without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.recipes import closed_form

from .fixtures import arrays, moving_data, save_npz, tiny_run, two_boxes, with_value

BOXES = two_boxes(60)


@pytest.mark.parametrize("what", ["frames", "targets", "factors"])
def test_masked_readings_are_refused_with_the_first_masked_row(what: str) -> None:
    given = {"frames": BOXES.frames, "targets": BOXES.causes.astype(int), "factors": BOXES.factors}
    hidden = np.ma.array(given[what], mask=np.zeros(given[what].shape, bool))
    hidden[11] = np.ma.masked
    given[what] = hidden
    with pytest.raises(ValueError, match="masked.* row 11|row 11.* masked|frame 11"):
        trisect.from_arrays(given["frames"], given["targets"], BOXES.names, factors=given["factors"])


@pytest.mark.parametrize("value", [0.7, 2.0, -1.0, np.nan])
def test_targets_other_than_0_and_1_are_refused_with_row_and_variable(value: float) -> None:
    with pytest.raises(ValueError, match=rf"0 or 1; got {value} at row 7, column 1.*x"):
        trisect.from_arrays(BOXES.frames, with_value(BOXES.causes, (7, 1), value), BOXES.names)


def test_no_targets_at_all_are_refused_with_what_is_needed() -> None:
    with pytest.raises((ValueError, TypeError), match="record what was intervened on|which variable was intervened on"):
        trisect.from_arrays(BOXES.frames, None, BOXES.names)  # type: ignore[arg-type]


def test_targets_of_one_column_without_its_axis_are_told_how_to_add_it() -> None:
    with pytest.raises(ValueError, match=r"targets\[:, None\]") as caught:
        trisect.from_arrays(BOXES.frames, BOXES.causes[:, 0])
    assert len(str(caught.value)) < 400


def test_one_long_recording_is_said_to_be_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        trisect.convert(save_npz(tmp_path / "in", **arrays(BOXES)), tmp_path / "out")
    assert "one recording" in caplog.text or "one episode" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        trisect.from_arrays(BOXES.frames, BOXES.causes, BOXES.names)
    assert "one recording" in caplog.text or "one episode" in caplog.text


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("episode_id", np.repeat([7, 3, 5], 20)),
        ("terminals", np.isin(np.arange(60), [19, 39])),
        ("done", np.isin(np.arange(60), [19, 39, 59])),
        ("timeouts", np.isin(np.arange(60), [19, 39])),
        ("is_first", np.isin(np.arange(60), [0, 20, 40])),
        ("is_last", np.isin(np.arange(60), [19, 39, 59])),
    ],
)
def test_marks_of_episodes_are_read_under_the_names_of_other_recorders(
    tmp_path: Path, name: str, marks: np.ndarray
) -> None:
    data = trisect.convert(save_npz(tmp_path / "in", **arrays(BOXES, **{name: marks})), tmp_path / "out")
    assert data.recording("train").starts.tolist() == [0, 20, 40]


def test_marks_that_differ_are_refused_and_those_that_agree_are_accepted(tmp_path: Path) -> None:
    numbers, ends = np.repeat([7, 3, 5], 20), np.isin(np.arange(60), [19, 39, 59])
    folder = save_npz(tmp_path / "agree", **arrays(BOXES, episode_ids=numbers, dones=ends))
    assert trisect.convert(folder, tmp_path / "out").recording("train").num_episodes == 3
    folder = save_npz(tmp_path / "differ", **arrays(BOXES, episode_ids=numbers, dones=np.roll(ends, -5)))
    with pytest.raises(ValueError, match="episode_ids.*dones.*--name|--name.*episode_ids"):
        trisect.convert(folder, tmp_path / "again")


def test_arrays_that_are_not_read_are_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = save_npz(tmp_path / "in", **arrays(BOXES, rewards=np.zeros(60)))
    with caplog.at_level("INFO"):
        trisect.convert(folder, tmp_path / "out")
    assert "rewards" in caplog.text


def test_vectors_with_actions_and_no_targets_are_refused_or_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that has neither names nor targets, but actions: not a KeyError."""
    folder = save_npz(tmp_path / "in", vectors=np.ones((60, 4)), actions=np.ones((59, 2)))
    with pytest.raises(ValueError, match="targets"):
        trisect.convert(folder, tmp_path / "out")


def test_a_table_whose_picture_is_missing_names_its_row(tmp_path: Path) -> None:
    (tmp_path / "in" / "images").mkdir(parents=True)
    (tmp_path / "in" / "table.csv").write_text("image_file,red,green,angle\n0.png,1,2,3\n")
    with pytest.raises(ValueError, match="no file '0.png' for row 0"):
        trisect.convert(tmp_path / "in", tmp_path / "out", columns={"targets": ["red"]}, alignment="effect")


def test_names_of_variables_that_only_look_like_a_published_set_move_no_row(tmp_path: Path) -> None:
    """Variables called c0 and c1 are the user's: the alignment that the user declares holds for actions, too."""
    actions = np.arange(120, dtype=np.float32).reshape(60, 2) + 1
    stored = arrays(BOXES, keys_targets=np.array(["c0", "c1"]), actions=actions)
    data = trisect.convert(save_npz(tmp_path / "in", **stored), tmp_path / "out", alignment="cause")
    assert np.array_equal(data.recording("train").actions[1:], actions[:-1])


def test_the_name_of_the_noise_slot_is_refused_for_a_variable() -> None:
    with pytest.raises(ValueError, match="noise.*rename"):
        trisect.from_arrays(BOXES.frames, BOXES.causes, ["noise", "x"])


def test_a_later_change_of_the_callers_arrays_changes_nothing() -> None:
    frames, factors = BOXES.frames.copy(), BOXES.factors.astype(np.float32)
    data = trisect.from_arrays(frames, BOXES.causes, BOXES.names, factors=factors)
    frames[:], factors[:] = 0, 0
    train = data.recording("train")
    assert train.observations.any() and train.factors is not None and train.factors.any()


def test_every_split_of_few_episodes_of_different_lengths_gets_its_share() -> None:
    numbers = np.arange(520.0)[:, None] * [1, -1]
    targets = np.stack([np.arange(519) % 5 == 0, np.arange(519) % 7 == 0], axis=1)
    data = trisect.from_arrays(numbers, targets, ["b", "x"], episode_starts=[0, 50, 220])
    assert len(data["train"]) > len(data["test"]) >= len(data["val"]) > 0


def test_vectors_that_lie_far_from_zero_keep_their_steps(tmp_path: Path) -> None:
    near = moving_data(900)
    whole = np.concatenate([near.recording(name).observations for name in near]).astype(np.float64)
    targets = np.concatenate([near.recording(name).targets for name in near])
    slots = []
    for offset in (0.0, 1e6):
        data = trisect.from_arrays(whole + offset, targets, ["b", "x"], alignment="effect")
        model = tiny_run(tmp_path / str(offset), data, closed_form()).model
        slots.append(model.encode(data["test"].observations)[:, 0].numpy())
    assert abs(np.corrcoef(*slots)[0, 1]) > 0.99
