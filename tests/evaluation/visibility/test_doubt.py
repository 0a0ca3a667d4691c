"""Statements that held-out interventions contradict, on latents of a known making."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.data.recording import Recording
from trisect.evaluation.visibility.doubt import checked_statements
from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE, Statement
from trisect.variables import anonymous

NAMES = ("a", "b")


def latents_of(seed: int, frames: int, *, turns: bool) -> Recording:
    """Four latents: in the slot of a one coordinate of the angle a + b, or a itself if it does not turn; in that of b
    b; in the noise slot the other coordinate, or a copy of a, and noise."""
    rng = np.random.default_rng(seed)
    targets = rng.random((frames, 2)) < 0.1
    c = np.zeros((frames, 2))
    for t in range(1, frames):
        c[t] = np.where(targets[t], rng.uniform(-1, 1, 2), 0.95 * c[t - 1] + 0.03 * rng.normal(size=2))
    angle = 2 * c.sum(axis=1)
    shown, other = (np.sin(angle), np.cos(angle)) if turns else (c[:, 0], c[:, 0])
    z = np.column_stack([shown, c[:, 1], other, rng.normal(size=frames)]).astype(np.float32)
    return Recording(z, targets, anonymous(NAMES))


def said_of(verdicts: tuple[str, str] = (FOUND, FOUND)) -> Identification:
    """The identity, which says that both variables are found."""
    statements = [Statement(n, v, 0.99, 0.98, 1.0, 20.0, 0.0, 500, None, "") for n, v in zip(NAMES, verdicts)]
    slots = np.array([0, 1, 2, 2])
    return Identification(np.zeros(4), np.eye(4), slots, (np.ones(1),) * 2, statements=tuple(statements))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_variable_that_turns_with_another_is_not_said_to_be_found(seed: int) -> None:
    made = latents_of(seed, 6000, turns=True), latents_of(100 + seed, 3000, turns=True)
    a, b = checked_statements(said_of(), *made, NAMES)
    assert a.verdict == CANNOT_TELL
    assert "turns with other variables" in a.reason and "a: cannot tell, because all latents" in str(a)
    assert a.low == 0 < a.expected_r2 < 0.9
    assert b == said_of().statements[1]


def test_a_variable_with_a_copy_in_the_noise_slot_stays_found() -> None:
    made = latents_of(2, 6000, turns=False), latents_of(3, 3000, turns=False)
    assert checked_statements(said_of(), *made, NAMES) == said_of().statements


def test_only_what_is_found_is_doubted() -> None:
    made = latents_of(0, 3000, turns=True), latents_of(4, 1500, turns=True)
    said = said_of((NOT_THERE, CANNOT_TELL))
    assert checked_statements(said, *made, NAMES) == said.statements


def test_few_held_out_frames_leave_the_statements_as_they_are() -> None:
    train = latents_of(0, 300, turns=True)
    assert checked_statements(said_of(), train, train.rows(0, 2), NAMES) == said_of().statements
    assert checked_statements(said_of(), train, train.rows(0, 40), NAMES) == said_of().statements
