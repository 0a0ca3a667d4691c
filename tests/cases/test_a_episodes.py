"""Windows lie inside episodes: none is cut short, padded or lost without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import trisect
from trisect.data import Recording, SequenceLoader

from .fixtures import arrays, save_npz, two_boxes

BOXES = two_boxes(30)
IDS = np.repeat([7, 3, 5], 10)
LAST = np.isin(np.arange(30), [9, 19])
"""True at the last frame of an episode; the last episode was still running when the recording ended."""


@pytest.mark.parametrize(
    "marks",
    [{"episode_ids": IDS}, {"dones": LAST}, {"dones": LAST.astype(float)}, {"episode_starts": np.array([0, 10, 20])}],
    ids=["numbers", "ends", "ends as floats", "starts"],
)
def test_three_episodes_of_ten_have_27_pairs_and_21_windows_of_four(tmp_path: Path, marks: dict) -> None:
    train = trisect.convert(save_npz(tmp_path / "in", **arrays(BOXES, **marks)), tmp_path / "out").recording("train")
    assert train.episode_lengths.tolist() == [10, 10, 10], "the last episode is kept"
    for length, count in ((2, 27), (4, 21)):
        windows = train.windows(length)
        assert len(windows) == count
        assert (windows // 10 == (windows + length - 1) // 10).all(), "no window crosses the end of an episode"
    assert "in 3 episodes" in repr(train)


def test_the_inspection_counts_the_episodes(tmp_path: Path) -> None:
    data = trisect.convert(save_npz(tmp_path / "in", **arrays(BOXES, episode_ids=IDS)), tmp_path / "out")
    assert "split train: 30 rows, 3 episodes of up to 10;" in str(trisect.inspect(data))


def test_a_recording_without_marks_is_said_to_be_one_episode(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert Recording(BOXES.frames, BOXES.targets, BOXES.space).num_episodes == 1
    assert "no episode starts: all 30 frames are treated as one episode" in caplog.text


def test_no_window_is_padded() -> None:
    """Episodes of 5 frames have two windows of 4, and every frame of them is a recorded one."""
    numbers = np.arange(1, 16, dtype=np.float32)[:, None]
    recording = Recording(numbers, np.zeros((15, 2), bool), BOXES.space, episode_starts=np.array([0, 5, 10]))
    batches = list(SequenceLoader(recording, ("b",), batch_size=4, seq_len=4).sequential(100))
    windows = np.concatenate([batch.observations[..., 0].numpy() for batch in batches])
    assert windows.astype(int).tolist() == [[first + k for k in range(4)] for first in (1, 2, 6, 7, 11, 12)]
    assert sum(batch.targets.shape[1] for batch in batches) == 3 * len(batches), "one row of targets per change"


def test_experiments_of_different_lengths_are_joined_without_a_pair_across_them() -> None:
    """Two experiments of 100 and 70 rows, each with one known intervention, from a table with a row per picture."""
    numbers = np.arange(170.0)[:, None] * [1, -1]
    first = np.arange(170) < 100
    targets = np.stack([first, ~first], axis=1)
    data = trisect.from_arrays(numbers, targets, ["red", "angle"], alignment="effect", episode_starts=[0, 100])
    rows = np.concatenate([data.recording(name).observations[:, 0] for name in data])
    assert sorted(rows) == [*range(170)], "nothing is cut"
    for recording in (data.recording(name) for name in data):
        pairs = recording.windows(2)[:, None] + [0, 1]
        before, after = recording.observations[pairs, 0].T
        assert (after == before + 1).all() and 99 not in before, "no pair crosses experiments"
        assert recording.targets[pairs[:, 1]].tolist() == [[row < 100, row >= 100] for row in after]


def test_an_episode_too_short_for_a_window_is_refused_with_both_lengths() -> None:
    recording = Recording(BOXES.frames, BOXES.targets, BOXES.space, episode_starts=np.array([0, 10, 20]))
    with pytest.raises(ValueError, match="at least seq_len = 11 frames; got 10: 0 windows"):
        SequenceLoader(recording, ("b",), batch_size=4, seq_len=11)
