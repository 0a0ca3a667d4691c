"""A second mapping for random reads, only for whole mapped files larger than memory."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from trisect.data import SequenceLoader, random_access
from trisect.data.generate import generate
from trisect.data.random_access import at_random
from trisect.worlds import make


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "frames.npy", np.arange(60, dtype=np.uint8).reshape(10, 6))
    return np.lib.format.open_memmap(tmp_path / "frames.npy", mode="r")


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(random_access, "_memory", lambda: 100)


def test_a_file_larger_than_memory_is_mapped_a_second_time(mapped, little_memory):
    again = at_random(mapped)
    assert again is not mapped and again.base is not mapped.base and isinstance(again.base, mmap.mmap)
    assert np.array_equal(again, mapped) and again.dtype == mapped.dtype
    assert not again.flags.writeable


def test_all_other_arrays_are_returned_as_they_are(mapped, little_memory, monkeypatch):
    in_memory, part = np.array(mapped), mapped[2:]
    assert at_random(in_memory) is in_memory and at_random(part) is part
    monkeypatch.setattr(random_access, "_memory", lambda: 10**6)
    assert at_random(mapped) is mapped


def test_this_machine_reports_its_memory():
    assert random_access._memory() > 10**8


def test_the_loader_reads_a_large_recording_through_it(tmp_path, little_memory):
    data = generate(make("ball_in_boxes"), tmp_path / "boxes", num_frames=100, seed=0)
    recording = data.recording("train")
    loader = SequenceLoader(recording, recording.targeted, batch_size=8)
    small = SequenceLoader(recording, recording.targeted, batch_size=8)
    assert isinstance(recording.observations, np.memmap)
    assert not np.shares_memory(loader._observations, recording.observations)
    small._observations = np.array(recording.observations)
    assert np.array_equal(loader.batch(3).observations, small.batch(3).observations)
