from __future__ import annotations

import numpy as np
import pytest

from trisect.data.recording import Recording
from trisect.evaluation.transitions import Transitions, transitions_of
from trisect.variables import anonymous

LATENTS = np.arange(10.0)[:, None]
PAIRS = np.array([[2, 3], [3, 4], [7, 8]])
TARGETS = np.array([[1], [0], [1]])


def test_prev_and_next():
    transitions = Transitions(LATENTS, PAIRS, TARGETS)
    assert len(transitions) == 3 and transitions.targets.dtype == bool
    assert transitions.prev[:, 0].tolist() == [2, 3, 7] and transitions.next[:, 0].tolist() == [3, 4, 8]


def test_first_pairs_keep_their_latents():
    whole = Transitions(LATENTS, PAIRS, TARGETS)
    part, frames = whole.first(2)
    assert frames == slice(2, 5) and len(part.latents) == 3
    assert (part.prev == whole.prev[:2]).all() and (part.next == whole.next[:2]).all()
    assert part.targets.tolist() == [[True], [False]]


def test_sampled_pairs_stay_together(rng):
    pairs = np.stack([np.arange(9), np.arange(1, 10)], axis=1)
    targets = (np.arange(9) % 2 == 0)[:, None]
    part = Transitions(LATENTS, pairs, targets).sampled(5, rng)
    assert len(part) == 5 and len(np.unique(part.pairs[:, 0])) == 5
    assert (part.targets[:, 0] == (part.prev[:, 0] % 2 == 0)).all()
    assert len(part.sampled(100, rng)) == 5


def test_the_targets_of_a_transition_are_those_of_its_second_frame() -> None:
    """Row t of the targets belongs to the step into frame t: an intervention on a in frame 3 is that of pair (2, 3)."""
    targets = np.zeros((8, 3), bool)
    targets[3, 0] = targets[4, 2] = targets[7, 0] = targets[6, 1] = True
    recording = Recording(np.zeros((8, 2), np.float32), targets, anonymous("abc"), episode_starts=np.array([0, 5]))
    transitions = transitions_of(np.arange(8.0)[:, None], recording, ("c", "a"))
    assert transitions.pairs.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4], [5, 6], [6, 7]]
    target_of = {tuple(pair): target.tolist() for pair, target in zip(transitions.pairs.tolist(), transitions.targets)}
    assert target_of[2, 3] == [False, True] and target_of[3, 4] == [True, False] and target_of[6, 7] == [False, True]
    assert transitions.targets.sum() == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"pairs": np.array([[2, 10]] * 3)}, "row numbers below 10"),
        ({"targets": np.array([[0], [2], [0]])}, "must be 0 or 1; got 2 at row 1"),
        ({"targets": TARGETS[:2]}, "shape of the targets"),
        ({"latents": np.full((10, 1), np.nan)}, "must be finite"),
    ],
)
def test_errors(changed, message):
    with pytest.raises(ValueError, match=message):
        Transitions(**({"latents": LATENTS, "pairs": PAIRS, "targets": TARGETS} | changed))
