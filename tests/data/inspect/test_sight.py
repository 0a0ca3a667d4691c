"""Whether interventions show at all, and whether one observation shows them, where the answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.evaluation.visibility.known import dots, recording, walks

from trisect.data.dataset import Dataset
from trisect.data.generate import simulate
from trisect.data.inspect import inspect
from trisect.data.inspect.changes import changes_in
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.small_parts import MAX_BYTES, affordable_rows, moving_parts
from trisect.data.recording import Recording
from trisect.worlds import make

NUM_FRAMES = 8000
ALONE, HIDDEN = "one-observation-tells", "invisible-interventions"


def findings(part: Recording) -> dict[str, Finding]:
    return {finding.code: finding for finding in inspect(Dataset({"train": part})).findings}


def dotted(seed: int, **options: object) -> Recording:
    values, targets = walks(NUM_FRAMES, seed)
    return recording(dots(values, **options), targets)  # type: ignore[arg-type]


def before(frames: np.ndarray) -> np.ndarray:
    """The frame before each; the first once more."""
    return frames[np.maximum(np.arange(len(frames)) - 1, 0)]


def stacked(frames: np.ndarray) -> np.ndarray:
    return np.concatenate([before(frames), frames], axis=3)


def blurred(frames: np.ndarray) -> np.ndarray:
    return ((before(frames).astype(int) + frames) // 2).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_dots_in_sight_are_nothing_to_say(seed: int) -> None:
    found = findings(dotted(seed))
    assert ALONE not in found and HIDDEN not in found


@pytest.mark.parametrize("seed", range(3))
def test_a_hidden_dot_is_not_found_by_this_check(seed: int) -> None:
    found = findings(dotted(seed, hidden=(0,)))[HIDDEN]
    assert found.variables == ("a",) and found.level == "warning"
    assert "unless a trained encoder sees what this quick check does not find" in found.consequence


@pytest.mark.parametrize("holding", [stacked, blurred])
@pytest.mark.parametrize("seed", range(3))
def test_frames_that_hold_the_frame_before_are_named(holding, seed: int) -> None:
    plain = dotted(seed)
    found = findings(replace(plain, observations=holding(plain.observations)))[ALONE]
    assert found.variables == ("a", "b", "c") and found.level == "warning"
    assert found.what == "one observation alone shows whether a or b or c was intervened on"
    assert "stacked or blurred" in found.consequence


def test_declared_stacks_are_no_reason_to_warn() -> None:
    part = dotted(0)
    pairs = replace(part, observations=stacked(part.observations))
    undeclared, declared = findings(pairs)[ALONE], findings(replace(pairs, frames_per_observation=2))[ALONE]
    assert undeclared.level == "warning" and "stacked=n" in undeclared.advice
    assert declared.level == "note" and "holds 2 frames" in declared.consequence
    assert declared.variables == undeclared.variables


@pytest.mark.parametrize("seed", range(2))
def test_stacked_frames_are_not_said_to_be_shifted(seed: int) -> None:
    """What is new in frame t is old in the next one, and so changes both; the frame alone shows that it came at t."""
    plain = simulate(make("pong"), 12_000, np.random.default_rng(seed))
    found = findings(replace(plain, observations=stacked(plain.observations)))
    assert "shifted" not in found and {"ball_x", "ball_y"} <= {*found[ALONE].variables}


def test_a_mark_of_interventions_is_named() -> None:
    plain = dotted(0)
    frames = plain.observations.copy()
    frames[plain.targets[:, 0], 18:, 18:] = 255
    assert findings(replace(plain, observations=frames))[ALONE].variables == ("a",)


@pytest.mark.parametrize("world", ["pong", "ball_in_boxes", "linear"])
@pytest.mark.parametrize("seed", range(2))
def test_no_alarm_on_worlds(world: str, seed: int) -> None:
    found = findings(simulate(make(world), 6000, np.random.default_rng(seed)))
    assert ALONE not in found and HIDDEN not in found


def test_small_things_that_move_show_on_the_grid() -> None:
    """Row 1 differs from row 0 by one pixel of level 90 in the last cell."""
    frames = np.zeros((4, 16, 16, 1), dtype=np.uint8)
    frames[1:, 15, 15] = 90
    still = unmarked(frames)
    changes = changes_in(still)
    shown = moving_parts(still, changes, np.array([1, 2, 3]))
    assert shown.shape == (4, 128) and (shown[0] == 0).all()
    moved = shown[1] - shown[2]
    assert np.flatnonzero(moved).tolist() == [63, 127], "the last cell, and its root"


def unmarked(frames: np.ndarray) -> Recording:
    return Recording(frames, np.zeros((len(frames), 3), bool), dotted(0).variables, episode_starts=np.array([0]))


def test_only_so_many_bytes_are_read() -> None:
    targets = walks(100, 0)[1]
    part = recording(np.zeros((100, 18, 18, 3), np.uint8), targets)
    usable = np.arange(100)
    assert (affordable_rows(part, usable, 10) == usable).all()
    huge = np.broadcast_to(np.zeros((1, 1, 1, 1), np.uint8), (100, 2000, MAX_BYTES // 2000 // 40, 1))
    assert len(affordable_rows(recording(huge, targets), usable, 10)) == 40
