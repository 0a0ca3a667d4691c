"""Findings about frames and vectors: one fault is planted at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.data.generate import simulate
from trisect.data.inspect.pictures import picture_findings
from trisect.data.recording import Recording
from trisect.variables import anonymous
from trisect.worlds import make


def frames(num: int = 200, channels: int = 3, seed: int = 0) -> Recording:
    rng = np.random.default_rng(seed)
    targets = rng.random((num, 1)) < 0.2
    return Recording(rng.integers(0, 256, (num, 8, 8, channels), dtype=np.uint8), targets, anonymous(["a"]))


def codes(recording: Recording) -> list[tuple[str, str]]:
    return [(finding.level, finding.code) for finding in picture_findings(recording)]


@pytest.mark.parametrize("channels", [1, 3])
def test_sound_frames_give_no_finding(channels: int) -> None:
    assert codes(frames(channels=channels)) == []


@pytest.mark.parametrize("world", ["ball_in_boxes", "pong", "linear"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_alarm_on_worlds(world: str, seed: int) -> None:
    recording = simulate(make(world), 1000, np.random.default_rng(seed))
    assert all(level == "note" for level, _ in codes(recording))


def test_constant_observations_are_an_error() -> None:
    recording = frames()
    same = replace(recording, observations=np.full_like(recording.observations, 7))
    assert ("error", "constant-observations") in codes(same)
    vectors = replace(recording, observations=np.ones((200, 3), np.float32))
    assert ("error", "constant-observations") in codes(vectors)


@pytest.mark.parametrize(("top", "expected"), [(15, True), (17, False)])
def test_a_narrow_range(top: int, expected: bool) -> None:
    recording = frames()
    dark = replace(recording, observations=(recording.observations % (top + 1)).astype(np.uint8))
    assert (("warning", "narrow-range") in codes(dark)) == expected


@pytest.mark.parametrize(("channels", "expected"), [(2, True), (3, False), (4, True), (5, False)])
def test_a_channel_beyond_colour(channels: int, expected: bool) -> None:
    assert (("note", "extra-channel") in codes(frames(channels=channels))) == expected


@pytest.mark.parametrize("channel", [0, 3])
def test_a_constant_channel_is_named(channel: int) -> None:
    recording = frames(channels=4)
    observations = recording.observations.copy()
    observations[..., channel] = 200
    findings = picture_findings(replace(recording, observations=observations))
    assert [f.what for f in findings if f.code == "constant-channel"] == [f"channel {channel} of 4 never changes"]
    assert any(f.code == "extra-channel" for f in findings) == (channel != 3)


def test_constant_entries_of_vectors_are_counted() -> None:
    vectors = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)
    vectors[:, 1:11] = 5
    (finding,) = picture_findings(replace(frames(), observations=vectors))
    assert finding.code == "constant-entries" and finding.what.startswith("10 of 12")
    assert finding.evidence == "entries 1, 2, 3, 4, 5, 6, 7, 8 ..."


@pytest.mark.parametrize(("share", "code"), [(0.0, None), (0.3, "frozen-frames")])
def test_frozen_frames(share: float, code: str | None) -> None:
    recording = frames(1000)
    observations, rng = recording.observations.copy(), np.random.default_rng(0)
    for t in range(1, 1000):
        if rng.random() < share:
            observations[t] = observations[t - 1]
    expected = [] if code is None else [("warning", code)]
    assert codes(replace(recording, observations=observations)) == expected


def test_standing_still_without_interventions_is_no_fault() -> None:
    recording = frames(1000)
    observations = recording.observations.copy()
    for t in range(1, 1000):
        if not recording.targets[t, 0]:
            observations[t] = observations[t - 1]
    assert codes(replace(recording, observations=observations)) == [("note", "repeated-frames")]


def test_the_first_row_of_an_episode_repeats_nothing() -> None:
    recording = frames(100)
    same = np.repeat(recording.observations[::2], 2, axis=0)
    pairs = replace(recording, observations=same, episode_starts=np.arange(100)[1::2] - 1)
    shifted = np.roll(same, 1, axis=0)  # now the two equal rows lie in different episodes
    assert codes(replace(pairs, observations=shifted)) == []
    assert codes(pairs) == [("warning", "frozen-frames")]


def test_single_rows_have_nothing_to_repeat() -> None:
    assert codes(replace(frames(50), episode_starts=np.arange(50))) == []
