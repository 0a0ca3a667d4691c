"""Targets many rows away from their effects are noticed, and others raise no alarm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.cases.fixtures import two_boxes

import trisect
from trisect.data import Recording
from trisect.data.inspect.changes import changes_in
from trisect.data.inspect.far_shift import far_shift


def boxes(num: int, seed: int = 0, rate: float = 0.05) -> Recording:
    made = two_boxes(num, seed=seed, rate=rate)
    return Recording(made.frames, made.targets, made.space)


def moved(recording: Recording, rows: int) -> Recording:
    return replace(recording, targets=np.roll(recording.targets, rows, axis=0))


@pytest.mark.parametrize("shift", [-300, -20, 9, 37, 500])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_far_shift_is_found(shift: int, seed: int) -> None:
    late = moved(boxes(2000, seed), -shift)  # effects show `shift` rows after their targets
    assert far_shift(late, changes_in(late)) == shift
    finding = next(
        each for each in trisect.inspect(trisect.data.Dataset({"train": late})).findings if each.code == "far-shift"
    )
    side = "after" if shift > 0 else "before"
    assert finding.level == "warning" and f"{abs(shift)} rows {side} the rows of the targets" in finding.what
    assert ("smaller" if shift > 0 else "larger") in finding.advice


@pytest.mark.parametrize("seed", range(6))
def test_right_and_unrelated_targets_raise_no_alarm(seed: int) -> None:
    right = boxes(1500, seed)
    assert far_shift(right, changes_in(right)) is None
    rng = np.random.default_rng(seed)
    unrelated = replace(right, targets=rng.random(right.targets.shape) < 0.05)
    assert far_shift(unrelated, changes_in(unrelated)) is None
    regular = replace(right, targets=np.stack([np.arange(1500) % 20 == 3, np.arange(1500) % 30 == 7], axis=1))
    assert far_shift(regular, changes_in(regular)) is None


def test_a_recording_too_short_for_shifts_is_left_alone() -> None:
    short = boxes(8)
    assert far_shift(short, changes_in(short)) is None
    still = replace(boxes(200), observations=np.zeros((200, 8, 8, 3), np.uint8))
    assert far_shift(still, changes_in(still)) is None
