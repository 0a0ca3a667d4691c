"""Files that mark their episodes in one of three ways, or wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.convert import convert

IDS = np.repeat([4, 9, 2], [7, 5, 8])
LAST = np.isin(np.arange(20), [6, 11, 19])


@pytest.mark.parametrize(
    "marks", [{"episode_starts": np.array([0, 7, 12])}, {"episode_ids": IDS}, {"dones": LAST}, {"dones": LAST * 1.0}]
)
def test_episodes_are_read(write, boxes, tmp_path, marks) -> None:
    data = convert(write("train", boxes(**marks)), tmp_path / "out")
    assert data.recording("train").starts.tolist() == [0, 7, 12]


def test_a_file_without_marks_is_one_episode(write, boxes, tmp_path) -> None:
    assert convert(write("train", boxes()), tmp_path / "out").recording("train").starts.tolist() == [0]


def test_the_array_may_have_another_name(write, boxes, tmp_path) -> None:
    folder = write("train", boxes(run_number=IDS))
    data = convert(folder, tmp_path / "out", names={"episode_ids": "run_number"})
    assert data.recording("train").starts.tolist() == [0, 7, 12]


def test_causal3dident_files_may_mark_episodes_too(write, ident, tmp_path) -> None:
    data = convert(write("train", ident(dones=np.arange(40) == 19)), tmp_path / "out")
    assert data.recording("train").starts.tolist() == [0, 20]


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        (
            {"episode_ids": IDS, "dones": np.roll(LAST, -1)},
            "marks of episodes of 'train.npz' must be the same episodes; got 3 episodes by episode_ids and 4 episodes",
        ),
        ({"episode_ids": IDS[:-1]}, r"the episode_ids of 'train.npz' must be \(20\); got \(19,\)"),
        ({"dones": LAST * 2}, "the dones of 'train.npz' must be 0 or 1; got 2 at row 6"),
        ({"episode_starts": np.array([3, 7])}, "the episode starts of 'train.npz' must be a list that starts with 0"),
        ({"episode_starts": np.array([0, 20])}, "the episode starts of 'train.npz' must be below the number of frames"),
    ],
)
def test_faults_are_named(write, boxes, tmp_path, marks, message) -> None:
    with pytest.raises(ValueError, match=message):
        convert(write("train", boxes(**marks)), tmp_path / "out")


@pytest.mark.parametrize(
    "marks",
    [
        {"episode_id": IDS},
        {"episode_index": IDS.astype(float)},
        {"episode_ids": IDS.astype(str)},
        {"done": LAST},
        {"is_last": LAST[:, None]},
        {"is_first": np.roll(LAST, 1)},
        {"terminals": np.arange(20) == 6, "timeouts": np.arange(20) == 11},
        {"terminated": np.arange(20) == 11, "truncated": LAST},
        {"is_first": np.roll(LAST, 1), "is_last": LAST, "is_terminal": np.arange(20) == 6},
        {"episode_ids": IDS, "dones": LAST},
    ],
)
def test_other_names_of_marks_are_understood_and_marks_may_agree(write, boxes, tmp_path, marks) -> None:
    data = convert(write("train", boxes(**marks)), tmp_path / "out")
    assert data.recording("train").starts.tolist() == [0, 7, 12] and data.source["unread"] == []


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"episode_ids": np.where(np.arange(20) == 4, np.nan, 1.0)}, "the episode_ids of 'train.npz' must be finite"),
        ({"done": np.roll(LAST, 1)}, r"flags on the last frame of each episode; .*call it is_first \(--name is_first"),
        ({"episode_id": IDS, "terminals": np.arange(20) == 3}, "3 episodes by episode_id and 2 episodes by terminals"),
        ({"done": LAST[:-1]}, r"the shape of the done of 'train.npz' must be \(20\); got \(19,\)"),
    ],
)
def test_marks_that_cannot_be_right_are_refused(write, boxes, tmp_path, marks, message) -> None:
    with pytest.raises(ValueError, match=message):
        convert(write("train", boxes(**marks)), tmp_path / "out")


def test_of_marks_that_differ_the_user_chooses(write, boxes, tmp_path) -> None:
    folder = write("train", boxes(episode_ids=IDS, timeouts=np.arange(20) == 14))
    with pytest.raises(ValueError, match="which differ; choose one: .*--name episode_ids=episode_ids"):
        convert(folder, tmp_path / "none")
    by_ids = convert(folder, tmp_path / "ids", names={"episode_ids": "episode_ids"})
    by_flag = convert(folder, tmp_path / "flag", names={"dones": "timeouts"})
    assert by_ids.recording("train").starts.tolist() == [0, 7, 12]
    assert by_flag.recording("train").starts.tolist() == [0, 15]
