"""Every format gives the recording that was written: frames, targets, truth and episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.convert.formats import FORMATS, record, write_d4rl

import trisect
from trisect.data import Dataset

LOSSY = ("lerobot-2", "lerobot-3")


def order(data: Dataset, factors: np.ndarray) -> list[tuple[str, int, int]]:
    """Split, row in it, and row of the recording, of every frame, found by the truth."""
    places = {row.astype(np.float32).tobytes(): number for number, row in enumerate(factors)}
    return [
        (name, row, places[values.tobytes()])
        for name in data
        for row, values in enumerate(data.recording(name).factors.astype(np.float32))
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_recording_comes_back_as_it_was_written(name: str, tmp_path: Path) -> None:
    recorded = record()
    options = FORMATS[name](recorded, tmp_path / "in")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", **options)
    rows = order(data, recorded.factors)
    assert sorted(row for _, _, row in rows) == list(range(len(recorded)))
    for split, at, row in rows:
        recording = data.recording(split)
        apart = np.abs(recording.observations[at].astype(int) - recorded.frames).mean(axis=(1, 2, 3))
        assert apart[row] <= (apart.min() + 1 if name in LOSSY else 0)
        np.testing.assert_array_equal(recording.targets[at], recorded.targets[row])
        assert (at in recording.starts) == (row in recorded.starts)
    assert data.observation_shape == (16, 24, 3)


def test_a_flat_file_of_transitions_comes_back_as_it_was_written(tmp_path: Path) -> None:
    recorded = record()
    options = write_d4rl(recorded, tmp_path / "in")
    data = trisect.convert(tmp_path / "in", tmp_path / "out", **options)
    for split, at, row in order(data, recorded.factors):
        np.testing.assert_array_equal(data.recording(split).observations[at], recorded.readings[row])
        np.testing.assert_array_equal(data.recording(split).targets[at], recorded.targets[row])
        assert (at in data.recording(split).starts) == (row in recorded.starts)
