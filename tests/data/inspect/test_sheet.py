"""The contact sheet: the frames that it shows, and the recordings that it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.cli import main
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.inspect.sheet import _example, contact_sheet
from trisect.data.recording import Recording
from trisect.variables import anonymous


def recording(num: int = 60, channels: int = 3) -> Recording:
    frames = np.random.default_rng(0).integers(0, 256, (num, 8, 8, channels), dtype=np.uint8)
    targets = np.zeros((num, 3), dtype=bool)
    targets[[10, 30, 50], 0] = True
    targets[[11, 32, 29], 1] = True
    return Recording(frames, targets, anonymous(["a", "b", "c"]))


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_strip_for_every_variable_with_interventions() -> None:
    both = recording()
    one = replace(both, targets=both.targets & np.array([True, False, False]))
    (width, height), (same, less) = size(contact_sheet(both)), size(contact_sheet(one))
    assert width == same and 0 < less < height


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_frames_of_any_channels_are_drawn(channels: int) -> None:
    assert size(contact_sheet(recording(channels=channels))) == size(contact_sheet(recording()))


def test_the_newest_of_several_frames_is_drawn() -> None:
    alone = recording()
    frames = np.concatenate([alone.observations[::-1], alone.observations], axis=-1)
    pairs = replace(alone, observations=frames, frames_per_observation=2)
    assert contact_sheet(pairs) == contact_sheet(alone)


def test_steps_without_others_close_by_are_preferred() -> None:
    assert _example(recording(), "a") == 50
    at_a_border = replace(recording(), episode_starts=np.array([0, 49]))  # two frames of the strip would be missing
    assert _example(at_a_border, "a") == 10


def test_a_single_example_at_a_border_is_still_shown() -> None:
    short = recording().rows(9, 13)
    assert _example(short, "a") == 1 and size(contact_sheet(short)) == size(contact_sheet(recording()))


def test_vectors_and_recordings_without_interventions_are_refused() -> None:
    with pytest.raises(ValueError, match="one of frames; got one of vectors"):
        contact_sheet(replace(recording(), observations=np.zeros((60, 4), np.float32)))
    with pytest.raises(ValueError, match="one with interventions"):
        contact_sheet(replace(recording(), targets=np.zeros((60, 3), dtype=bool)))


def test_the_command_line_writes_the_file(tmp_path) -> None:
    store.save(Dataset({"train": recording()}), tmp_path / "data")
    main(["inspect", str(tmp_path / "data"), "--sheet", str(tmp_path / "sheet.png")])
    assert (tmp_path / "sheet.png").read_bytes() == contact_sheet(recording())
