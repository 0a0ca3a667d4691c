from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.evaluation.visibility.known import NAMES, dots, recording, walks

from trisect.data.transitions import transition_rows
from trisect.evaluation.visibility.explained import explained
from trisect.evaluation.visibility.frame_probe import LARGEST_SIDE, FramePairs, frame_logits, read_frames
from trisect.evaluation.visibility.probe_training import ProbeTraining

BRIEF, SHORT = ProbeTraining(num_steps=10), ProbeTraining(num_steps=200)


def scored(frames_of, settings: ProbeTraining = SHORT, num_train: int = 2500, num_test: int = 1500) -> np.ndarray:
    """Share of every target that the frames of the walks explain; .58 to .75 where they show it, with three seeds."""
    (values, targets), (held, held_targets) = walks(num_train, 0), walks(num_test, 1)
    train, test = recording(frames_of(values), targets), recording(frames_of(held), held_targets)
    return explained(frame_logits(train, test, NAMES, 0, settings), transition_rows(test, NAMES)[1]).share


def lights(values: np.ndarray) -> np.ndarray:
    """Frames without any shape, whose brightness in channel k is variable k."""
    levels = np.round(128 + 100 * values).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None], (len(values), 18, 18, 3)).copy()


def test_small_things_that_move():
    assert (scored(dots) > 0.45).all()


def test_light():
    assert (scored(lights) > 0.45).all()


def test_what_is_hidden_is_not_seen():
    shares = scored(lambda values: dots(values, hidden=(0,)))
    assert abs(shares[0]) < 0.02 and (shares[1:] > 0.45).all()


@pytest.mark.parametrize("shape", [(17, 17, 1), (17, 40, 6), (64, 48, 3), (70, 256, 2), (6, 6, 3)])
def test_any_size_and_any_number_of_channels(shape):
    rng = np.random.default_rng(0)
    frames = rng.integers(256, size=(40, *shape), dtype=np.uint8)
    part = recording(frames, rng.random((40, 3)) < 0.3)
    logits = frame_logits(part, part, NAMES, 0, BRIEF)
    assert logits.shape == (39, 3) and np.isfinite(logits).all()


def test_large_frames_are_reduced_to_means_of_areas():
    def enlarged(values):
        return np.repeat(np.repeat(dots(values, 20), 5, axis=1), 5, axis=2)

    assert enlarged(np.zeros((1, 3))).shape[1] > LARGEST_SIDE
    assert (scored(enlarged, ProbeTraining(num_steps=100), 1200, 800) > 0.3).all()


def test_the_same_seed_gives_the_same_logits_and_leaves_torchs_alone():
    values, targets = walks(200, 0)
    part = recording(dots(values), targets)
    before = torch.random.get_rng_state()
    with torch.inference_mode():
        inside = frame_logits(part, part, NAMES, 3, BRIEF)
    assert (inside == frame_logits(part, part, NAMES, 3, BRIEF)).all()
    assert (inside != frame_logits(part, part, NAMES, 4, BRIEF)).any()
    assert (torch.random.get_rng_state() == before).all()


def test_frames_of_different_sizes_are_refused():
    values, targets = walks(30, 0)
    with pytest.raises(ValueError, match="the frames of the test pairs"):
        frame_logits(recording(dots(values), targets), recording(dots(values, 22), targets), NAMES, 0)


@pytest.mark.parametrize(
    "broken",
    [{"num_steps": 0}, {"batch_size": 1}, {"passes": 0.0}, {"learning_rate": 0.0}, {"weight_decay": -1.0}],
)
def test_settings_are_checked(broken):
    with pytest.raises(ValueError, match="probe"):
        ProbeTraining(**broken)


def test_few_rows_mean_few_steps():
    settings = ProbeTraining(num_steps=1500, batch_size=64, passes=20)
    assert settings.steps_for(20_000) == 1500 and settings.steps_for(640) == 200 and settings.steps_for(1) == 1


def test_only_the_frames_of_the_pairs_count() -> None:
    """Large frames, of which some belong to no pair: leaving those out changes nothing."""
    values, targets = walks(60, 0)
    large = dots(values).repeat(4, axis=1).repeat(4, axis=2)
    assert max(large.shape[1:3]) > LARGEST_SIDE
    before = np.array([2, 3, 10, 30, 31, 57])
    rows = np.array([2, 3, 4, 10, 11, 30, 31, 32, 57, 58])
    gaps = FramePairs(large, before, targets[before])
    dense = FramePairs(large[rows], np.searchsorted(rows, before), targets[before])
    changed = large.copy()
    changed[np.setdiff1d(np.arange(len(large)), rows)] = 255
    logits = [read_frames(each, each, 0, BRIEF) for each in (gaps, gaps._replace(frames=changed), dense)]
    np.testing.assert_array_equal(logits[0], logits[1])
    assert logits[0].shape == logits[2].shape == (6, 3)
