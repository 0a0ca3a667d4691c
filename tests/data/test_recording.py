"""Recordings: windows stay within episodes, and every wrong input is refused with a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.data.recording import Recording
from trisect.data.sequences import starts_from_dones, starts_from_episode_ids, window_starts
from trisect.variables import Categorical, VariableSpace, anonymous


def brute_force_windows(starts, num_frames, seq_len):
    episode = np.searchsorted(starts, np.arange(num_frames), side="right")
    return [t for t in range(num_frames - seq_len + 1) if episode[t] == episode[t + seq_len - 1]]


@pytest.mark.parametrize("seq_len", [1, 2, 4, 10, 11])
def test_windows_never_cross_episodes(counted, seq_len):
    assert counted.windows(seq_len).tolist() == brute_force_windows(counted.starts, 30, seq_len)


def test_three_episodes_of_ten_have_27_pairs_and_21_windows_of_four(counted):
    assert len(counted.windows(2)) == 27 and len(counted.windows(4)) == 21
    assert counted.windows(2).dtype == np.int64 and counted.episode_lengths.tolist() == [10, 10, 10]


def test_random_episodes_against_brute_force():
    rng = np.random.default_rng(0)
    for _ in range(50):
        starts = np.concatenate([[0], 1 + np.flatnonzero(rng.random(39) < 0.2)])
        seq_len = int(rng.integers(1, 7))
        assert window_starts(starts, 40, seq_len).tolist() == brute_force_windows(starts, 40, seq_len)


def test_episode_marks_give_the_same_starts():
    ids, dones = np.repeat([4, 2, 9], 10), np.zeros(30)
    dones[[9, 19]] = 1
    assert starts_from_episode_ids(ids).tolist() == starts_from_dones(dones).tolist() == [0, 10, 20]
    dones[29] = 1
    assert starts_from_dones(dones).tolist() == [0, 10, 20]


def test_the_first_row_of_an_episode_is_masked(counted):
    targets = np.ones((30, 3))
    masked = replace(counted, targets=targets).targets
    assert not masked[[0, 10, 20]].any() and masked.sum() == 27 * 3
    assert targets.all()


def test_targeted_leaves_out_variables_without_interventions(counted):
    assert counted.targeted == ("a", "b")


def test_without_episode_starts_all_frames_are_one_episode_and_a_log_line_says_so(counted, caplog):
    with caplog.at_level("INFO"):
        whole = replace(counted, episode_starts=None)
    assert whole.num_episodes == 1 and "treated as one episode" in caplog.text


def test_rows_cut_out_keep_their_episodes(counted):
    part = counted.rows(5, 22)
    assert part.starts.tolist() == [0, 5, 15] and part.observations[0, 0] == 5
    assert np.array_equal(part.targets[1:5], counted.targets[6:10]) and not part.targets[0].any()


@pytest.mark.parametrize(("first", "stop", "starts"), [(0, 10, [0]), (10, 20, [0]), (5, 20, [0, 5]), (10, 30, [0, 10])])
def test_rows_cut_at_the_ends_of_episodes_hold_no_empty_episode(counted, first, stop, starts):
    part = counted.rows(first, stop)
    assert part.starts.tolist() == starts and len(part) == stop - first


def changed(array, at, value):
    array = array.astype(np.float32)
    array[at] = value
    return array


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"targets": np.zeros((29, 3))}, "one row per frame, 30.*got 29 rows"),
        ({"targets": np.zeros((30, 2))}, "one per variable, 3: a, b, c"),
        ({"targets": changed(np.zeros((30, 3)), (4, 1), 0.7)}, r"0 or 1; got 0\.[67]\d* at row 4, column 1"),
        ({"targets": changed(np.zeros((30, 3)), (4, 1), 2)}, "got 2.0 at row 4"),
        ({"targets": changed(np.zeros((30, 3)), (4, 1), -1)}, "got -1.0 at row 4"),
        ({"targets": changed(np.zeros((30, 3)), (4, 1), np.nan)}, "got nan at row 4, column 1"),
        ({"factors": np.zeros((30, 2))}, "shape of the factors of a recording"),
        ({"factors": changed(np.zeros((30, 3)), (7, 1), np.inf)}, "factor 'b' must be finite.*row 7"),
        ({"actions": changed(np.zeros((30, 2)), (7, 1), np.nan)}, "the actions of a recording must be finite"),
        ({"actions": np.zeros((29, 2))}, "shape of the actions"),
        ({"episode_starts": np.array([1, 4])}, "starts with 0"),
        ({"episode_starts": np.array([0, 4, 4])}, "strictly ascending"),
        ({"episode_starts": np.array([0, 30])}, "below the number of frames 30"),
        ({"episode_starts": np.array([0.0, 4.0])}, "whole numbers"),
        ({"observations": changed(np.zeros((30, 2)), (3, 0), np.nan)}, "finite.*row 3"),
        ({"observations": np.zeros((30, 8, 8), np.uint8)}, r"\(height, width, channels\)"),
        ({"observations": np.zeros((30, 0), np.float32)}, "without a zero"),
    ],
)
def test_wrong_input_is_refused(counted, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(counted, **changes)


@pytest.mark.parametrize("observations", [np.zeros((30, 4), np.float16), np.zeros((30, 4), np.int64), [[0.0]] * 30])
def test_other_types_of_observations_are_refused(counted, observations):
    with pytest.raises(TypeError, match="uint8 frames or float32 vectors"):
        replace(counted, observations=observations)


def test_categories_out_of_range_are_refused():
    space = VariableSpace([Categorical("box", 2)])
    frames = np.zeros((3, 4, 4, 1), np.uint8)
    with pytest.raises(ValueError, match="factor 'box' must be a whole number from 0 to 1; got 2 in row 1"):
        Recording(frames, np.zeros((3, 1)), space, np.array([[0], [2], [1]]))


def test_an_episode_shorter_than_the_window_has_none():
    short = Recording(np.zeros((5, 1), np.float32), np.zeros((5, 1)), anonymous("a"), episode_starts=np.array([0, 2]))
    assert short.windows(4).tolist() == [] and short.windows(3).tolist() == [2]
