"""Verdicts without labels, on matrices whose scores, intervals and numbers are made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.evaluation.auroc import Gain, half_width
from trisect.evaluation.intervention_matrix import InterventionMatrix
from trisect.evaluation.label_free import collapsed, intervention_matrix
from trisect.evaluation.onsets import Onset, Switch
from trisect.evaluation.probes.target_probe import TargetProbe, target_fit
from trisect.evaluation.shown import (
    BEGINS,
    GOES_ON,
    LITTLE,
    PAST,
    TOO_FEW,
    Shown,
    found_switches,
    onset_shows,
    settling,
    shown,
)
from trisect.evaluation.slots import Slots
from trisect.evaluation.transitions import Transitions
from trisect.models.closed_form.statement import CANNOT_TELL, FOUND, NOT_THERE

ROWS = ("a", "noise")


def matrix_of(
    own: float, past: float, half: float = 0.01, count: int = 50, p_value: float = np.nan
) -> InterventionMatrix:
    """One variable: AUROC of its slot and of the past, and half of the interval of their difference."""
    blocks = np.full((2, 1, 30), half / half_width(30) / np.sqrt(31)) * np.tile([1, -1], 15)
    return InterventionMatrix(
        np.array([[own], [past]]), ROWS, ("a",), np.array([past]), past=np.full((2, 1), past), blocks=blocks,
        p_values=np.full((2, 1), p_value), counts=np.array([count]),
    )  # fmt: skip


def verdict(*args: float, **more: float) -> Shown:
    return shown(matrix_of(*args, **more))["a"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scores", "expected", "cause"),
    [
        ({"own": 0.9, "past": 0.5}, FOUND, ""),
        ({"own": 0.9, "past": 0.5, "p_value": 0.01}, FOUND, ""),
        ({"own": 0.9, "past": 0.5, "p_value": 0.04}, CANNOT_TELL, TOO_FEW),
        ({"own": 0.9, "past": 0.5, "half": 0.5}, CANNOT_TELL, TOO_FEW),
        ({"own": 0.9, "past": 0.5, "count": 4}, CANNOT_TELL, TOO_FEW),
        ({"own": 0.53, "past": 0.5}, NOT_THERE, ""),
        ({"own": 0.53, "past": 0.5, "half": 0.2}, CANNOT_TELL, TOO_FEW),
        ({"own": 0.59, "past": 0.5, "half": 0.03}, CANNOT_TELL, LITTLE),
        ({"own": 0.96, "past": 0.96}, CANNOT_TELL, PAST),
        ({"own": 1.0, "past": 0.995}, CANNOT_TELL, PAST),
        ({"own": 1.0, "past": 0.995, "half": 0.001}, CANNOT_TELL, PAST),
        ({"own": 0.45, "past": 0.3}, NOT_THERE, ""),
        ({"own": 0.58, "past": 0.45, "half": 0.03}, CANNOT_TELL, LITTLE),
        ({"own": 0.65, "past": 0.3}, FOUND, ""),
        ({"own": 0.82, "past": 0.8, "half": 0.05}, CANNOT_TELL, PAST),
        ({"own": 0.82, "past": 0.8, "half": 0.15}, CANNOT_TELL, TOO_FEW),
        ({"own": 0.98, "past": 0.9}, FOUND, ""),
        ({"own": float("nan"), "past": float("nan")}, CANNOT_TELL, ""),
    ],
)
def test_verdicts(scores: dict[str, float], expected: str, cause: str) -> None:
    assert verdict(**scores)[0] == expected and verdict(**scores).cause == cause


@pytest.mark.parametrize("own", [0.5, 0.52, 0.7, 0.9])
@pytest.mark.parametrize("half", [0.15, 0.3, 0.45])
def test_the_number_that_would_settle_it_settles_it(own: float, half: float) -> None:
    """An interval narrows with the square root of the number; with the advised number the verdict is another."""
    before = verdict(own, 0.5, half, 20)
    if before.verdict != CANNOT_TELL:
        assert before.settling is None
        return
    assert before.settling is not None and before.settling >= 40
    after = verdict(own, 0.5, half * np.sqrt(20 / before.settling) * 0.999, before.settling)
    assert after.verdict == (FOUND if own >= 0.6 else NOT_THERE)


def test_a_warning_names_the_number_that_would_settle_it() -> None:
    (sentence,) = collapsed(Slots(np.eye(2, dtype=bool), ROWS), matrix_of(0.9, 0.5, 0.5, 8))
    assert "too few held-out interventions on 'a'" in sentence and "about 16 instead of 8 would settle it" in sentence
    assert "collapsed" not in sentence


def switch(gain: float, half: float, count: int = 40) -> Switch:
    """A score over a past of .5, with the interval of its difference."""
    return Switch(0.5 + gain, 0.5, Gain(gain, gain - half, gain + half), 0.001, count)


SEEN, ABSENT, UNKNOWN = switch(0.4, 0.1), switch(0.0, 0.05), switch(0.1, 0.3)


@pytest.mark.parametrize(
    ("begins", "ends", "shows", "expected"),
    [
        (SEEN, ABSENT, BEGINS, FOUND),
        (ABSENT, SEEN, BEGINS, FOUND),
        (ABSENT, ABSENT, GOES_ON, CANNOT_TELL),
        (ABSENT, UNKNOWN, CANNOT_TELL, CANNOT_TELL),
        (UNKNOWN, ABSENT, CANNOT_TELL, CANNOT_TELL),
        (switch(0.4, 0.1, count=4), ABSENT, CANNOT_TELL, CANNOT_TELL),
        (Switch(0.45, 0.3, Gain(0.15, 0.1, 0.2), 0.001, 40), ABSENT, GOES_ON, CANNOT_TELL),
    ],
)
def test_either_end_of_interventions_that_last_makes_a_slot_found(begins, ends, shows, expected) -> None:
    matrix = replace(matrix_of(0.96, 0.96), onsets=(Onset("a", begins, ends),))
    assert onset_shows(matrix, "a") == shows and shown(matrix)["a"].verdict == expected
    assert found_switches(matrix.onsets[0]) == (begins is SEEN, ends is SEEN)


def test_steps_of_an_intervention_that_lasts_are_no_trials() -> None:
    """More of them would settle nothing: what counts are beginnings and ends."""
    few = matrix_of(0.7, 0.5, half=0.3, count=20)
    assert shown(few)["a"].settling is not None
    assert shown(replace(few, onsets=(Onset("a", UNKNOWN, UNKNOWN),)))["a"].settling is None


def test_a_handful_settles_nothing() -> None:
    assert settling(switch(0.4, 0.1, count=3)) == 10 and settling(switch(0.4, 0.0, count=40)) is None


def noise_world(kind: str, seed: int, steps: int = 600) -> Transitions:
    """Slots a and b hold slow noise; the noise slot holds the targets' traces, or what they follow from."""
    rng = np.random.default_rng(seed)
    slow = np.cumsum(rng.normal(size=(steps, 4)), axis=0)
    slow = slow - np.stack([np.convolve(each, np.full(41, 1 / 41), mode="same") for each in slow.T], axis=1)
    slow = slow / slow.std(axis=0)
    targets = {
        "independent": rng.random((steps, 2)) < 0.1,
        "held": np.cumsum(rng.random((steps, 2)) < 0.05, axis=0) % 2 == 1,
        "predicted": rng.random((steps, 2)) < 1 / (1 + np.exp(1 - 2 * np.roll(slow[:, 2:], 1, axis=0))),
    }[kind]
    rest = 4.0 * targets if kind == "held" else slow[:, 2:]
    latents = np.concatenate([slow[:, :2], rest + 0.5 * rng.normal(size=rest.shape)], axis=1).astype(np.float32)
    rows = np.arange(steps - 1)
    return Transitions(latents, np.stack([rows, rows + 1], axis=1), targets[1:])


NOISE = Slots(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], dtype=bool), ("a", "b", "noise"))


@pytest.mark.parametrize("kind", ["independent", "held", "predicted"])
def test_slots_of_noise_are_hardly_ever_found(kind: str) -> None:
    """Whatever the policy: held interventions give AUROC .9 and more, and still nothing is found."""
    probe, verdicts, scores = TargetProbe(fit=target_fit(150)), [], []
    for seed in range(8):
        train, test = (noise_world(kind, 2 * seed + each) for each in (0, 1))
        matrix = intervention_matrix(train, test, NOISE, np.random.default_rng(seed), probe)
        verdicts += [each.verdict for each in shown(matrix).values()]
        scores.append(matrix.diag)
    assert verdicts.count(FOUND) <= 1, "seen: none of 48 slots of each kind"
    assert np.mean(scores) > 0.9 if kind == "held" else np.mean(scores) < 0.9
