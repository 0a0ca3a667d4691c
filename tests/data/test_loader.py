"""The loader: batches are pure functions of (seed, k), and contain what the recording contains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from trisect.data import SequenceLoader, loader, simulate
from trisect.frames import float_to_frames, frames_to_float


def test_a_batch_holds_windows_and_the_targets_of_their_frames(counted):
    loader = SequenceLoader(counted, ("b", "a"), batch_size=9, seq_len=3)
    batch = loader.batch(0)
    rows = batch.observations[..., 0].long().numpy()
    assert batch.observations.shape == (9, 3, 1) and batch.targets.shape == (9, 2, 2)
    assert (np.diff(rows, axis=1) == 1).all() and (rows[:, 0] // 10 == rows[:, -1] // 10).all()
    assert np.array_equal(batch.targets.numpy(), counted.targets[rows[:, 1:]][..., [1, 0]].astype(np.float32))
    assert batch.targets.dtype == torch.float32


def test_gathering_equals_indexing_row_by_row(patches):
    recording = simulate(patches, 90, np.random.default_rng(0), episode_length=30)
    starts = np.array([0, 26, 30, 7, 86])
    batch = SequenceLoader(recording, ("b", "a"), batch_size=2, seq_len=4).gather(starts)
    for example, start in enumerate(starts):
        for time in range(4):
            frame = recording.observations[start + time].astype(np.float32) / 255 * 2 - 1
            assert np.allclose(batch.observations[example, time].numpy(), frame.transpose(2, 0, 1), atol=1e-6)
        for k in range(3):
            made_next = recording.targets[start + k + 1]
            assert batch.targets[example, k].tolist() == [made_next[1], made_next[0]]


def test_targets_k_belong_to_frame_k_plus_1(patches):
    recording = simulate(patches, 300, np.random.default_rng(0), episode_length=30)
    vectors = replace(recording, observations=recording.factors)  # exact: two grey levels may be equal by chance
    batch = SequenceLoader(vectors, ("a", "b"), batch_size=64, seq_len=3).batch(0)
    changed = batch.observations[:, 1:] != batch.observations[:, :-1]
    assert changed.any() and torch.equal(changed, batch.targets.bool())


def test_frames_are_copied_to_a_device_in_blocks(patches, monkeypatch):
    observations = simulate(patches, 50, np.random.default_rng(0)).observations
    monkeypatch.setattr(loader, "BLOCK_BYTES", 7 * observations[:1].nbytes)
    placed = loader._copied(observations, torch.device("cpu"))
    assert placed.dtype == torch.uint8 and np.array_equal(placed.numpy(), observations)


def test_an_epoch_shows_every_window_once_and_the_next_in_another_order(counted):
    loader = SequenceLoader(counted, ("a",), batch_size=9)
    assert loader.num_windows == 27 and loader.batches_per_epoch == 3
    epochs = [np.concatenate([loader.indices(k) for k in range(first, first + 3)]) for first in (0, 3)]
    assert all(np.array_equal(np.sort(epoch), counted.windows(2)) for epoch in epochs)
    assert not np.array_equal(*epochs)


def test_batch_k_depends_on_seed_and_k_alone(counted):
    straight = SequenceLoader(counted, ("a",), batch_size=5, seed=3)
    order = [straight.indices(k) for k in range(12)]
    resumed = SequenceLoader(counted, ("a",), batch_size=5, seed=3)
    for k in (11, 2, 7, 2, 0):
        assert np.array_equal(resumed.indices(k), order[k])
    other = SequenceLoader(counted, ("a",), batch_size=5, seed=4)
    assert not all(np.array_equal(other.indices(k), order[k]) for k in range(3))


def test_processes_share_the_global_batch(counted):
    loader = SequenceLoader(counted, ("a",), batch_size=8)
    parts = [loader.batch(2, rank, 4) for rank in range(4)]
    assert torch.equal(torch.cat([part.observations for part in parts]), loader.batch(2).observations)
    assert torch.equal(torch.cat([part.targets for part in parts]), loader.batch(2).targets)
    with pytest.raises(ValueError, match="a multiple of the 3 processes; got 8"):
        loader.batch(0, 0, 3)
    with pytest.raises(ValueError, match="rank of a process"):
        loader.batch(0, 2, 2)


def test_sequential_shows_every_window_once_in_order(counted):
    batches = list(SequenceLoader(counted, ("a",), batch_size=4).sequential(10))
    firsts = torch.cat([batch.observations[:, 0, 0] for batch in batches]).long().tolist()
    assert firsts == counted.windows(2).tolist() and [len(batch) for batch in batches] == [10, 10, 7]


def test_fewer_windows_than_a_batch_reduce_it_with_a_notice(counted, caplog):
    loader = SequenceLoader(counted, ("a",), batch_size=512)
    assert loader.batch_size == 27 and len(loader.batch(5)) == 27
    assert "batch size 512 reduced to 27, the number of windows" in caplog.text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seq_len": 11}, "at least seq_len = 11 frames; got 10: 0 windows, batch 4"),
        ({"batch_size": 0}, "the batch size of a loader"),
        ({"seed": -1}, "the seed of a loader"),
        ({"targeted_names": ("d",)}, "a variable name must be one of a, b, c"),
    ],
)
def test_wrong_arguments_are_refused(counted, settings, message):
    with pytest.raises(ValueError, match=message):
        SequenceLoader(**{"recording": counted, "targeted_names": ("a",), "batch_size": 4, **settings})


def test_frames_come_as_floats_channels_first(patches):
    recording = simulate(patches, 60, np.random.default_rng(0))
    batch = SequenceLoader(recording, recording.targeted, batch_size=6).batch(0)
    assert batch.observations.shape == (6, 2, 3, 16, 16) and batch.observations.dtype == torch.float32
    assert batch.observations.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
    rows = SequenceLoader(recording, recording.targeted, batch_size=6).indices(0)
    assert np.array_equal(float_to_frames(batch.observations)[:, 1].numpy(), recording.observations[rows + 1])


def test_conversion_is_exact_for_all_levels():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1)
    floats = frames_to_float(levels)
    assert floats.shape == (1, 1, 16, 16) and floats.min() == -1 and floats.max() == 1
    assert torch.equal(float_to_frames(floats), levels)
    assert torch.equal(float_to_frames(floats * 3)[levels == 255], torch.tensor([255], dtype=torch.uint8))
    with pytest.raises(TypeError, match="must be uint8"):
        frames_to_float(floats)


def test_a_loader_leaves_the_recording_alone(patches):
    recording = simulate(patches, 60, np.random.default_rng(0))
    before = recording.observations.copy()
    SequenceLoader(recording, ("a",), batch_size=6).batch(0).observations.zero_()
    assert np.array_equal(recording.observations, before)
