"""Choosing among several searches: which one is taken, what is added to D, and the p-value of all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from trisect.models.closed_form.choosing import (
    READING,
    ROWS_PER_LATENT,
    STABLE,
    STEPS,
    VALUES,
    Candidate,
    best,
    choose,
    combined,
    steadiness,
)
from trisect.models.closed_form.effects import EffectSums
from trisect.models.closed_form.evidence import SIGNIFICANT, Evidence, Replicates
from trisect.models.closed_form.measuring import measure


def recorded(num: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals (num, 3), targets (num, 1) and the past (num, 3).

    Interventions shift the first dimension by its noise of 1, and the second by twice its noise of .01: with few
    interventions the second one has the larger divergence, but any error in the data hides it.
    """
    rng = np.random.default_rng(seed)
    targets, noise = rng.random((num, 1)) < 0.2, rng.normal(size=(num, 3)) * np.array([1.0, 0.01, 1.0])
    return noise + targets * np.array([1.0, 0.02, 0.0]), targets, rng.normal(size=(num, 3))


@pytest.mark.parametrize("seed", range(5))
def test_the_first_search_with_stable_directions_is_taken(seed: int) -> None:
    residual, targets, past = recorded(4000, seed)
    sums = measure(residual, targets, past, np.ones(len(targets), dtype=bool))
    nothing, loud = np.zeros((3, 3)), np.diag([0.0, 1.0, 0.0])
    for tries, noise in (([nothing, loud], [1.0, 1e-4, 1.0]), ([loud, nothing], [1.0, 1.0, 1.0])):
        (block,), (said,) = choose(sums, tries, ["lamp"])
        assert block.shape == (3, 1) and said.verdict == "found"
        expected = np.array([1.0, 0.02, 0.0]) / noise
        assert abs(expected @ block[:, 0]) / np.linalg.norm(expected) / np.linalg.norm(block) > 0.98


@pytest.mark.parametrize("seed", range(5))
def test_a_search_whose_directions_are_seen_but_not_stable_is_followed_by_the_next(seed: int) -> None:
    """Few interventions shift the first of ten dimensions. A weight on the other nine makes it stable, without bias."""
    rng = np.random.default_rng(seed)
    targets = rng.random((300, 1)) < 0.25
    residual = rng.normal(size=(300, 10)) + targets * 1.2 * np.eye(10)[0]
    sums = measure(residual, targets, rng.normal(size=(300, 10)), np.ones(300, dtype=bool))
    nothing, others = np.zeros((10, 10)), np.diag([0.0] + [5.0] * 9)
    ((unstable,), _), ((stable,), _) = choose(sums, [nothing], ["lamp"]), choose(sums, [others], ["lamp"])
    (taken,), _ = choose(sums, [nothing, others], ["lamp"])
    assert np.array_equal(taken, stable) and not np.allclose(taken, unstable)
    assert abs(taken[0, 0]) > 0.98 * np.linalg.norm(taken)


def of_three_directions(seed: int) -> EffectSums:
    """Interventions shift the first dimension by 3 and multiply the noise of the next two by 3."""
    rng = np.random.default_rng(seed)
    targets, residual = rng.random((2000, 1)) < 0.2, rng.normal(size=(2000, 5))
    residual[:, 1:3] *= np.where(targets, 3.0, 1.0)
    residual[:, 0] += 3.0 * targets[:, 0]
    return measure(residual, targets, rng.normal(size=(2000, 5)), np.ones(2000, dtype=bool))


@pytest.mark.parametrize("seed", range(4))
def test_directions_end_at_the_gap_and_before_the_first_whose_effect_may_be_chance(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = of_three_directions(seed)
    (block,), _ = choose(sums, [np.zeros((5, 5))], ["lamp"])
    assert block.shape == (5, 3)
    cases = [([0.01, 0.01, 0.5], 2), ([0.01, 0.5, 0.01], 1), ([0.5] * 3, 1), ([0.5, 0.01, 0.01], 1), ([0.01] * 5, 3)]
    for chance, number in cases:
        monkeypatch.setattr(Replicates, "p_values", lambda *_, chance=chance: np.array(chance))
        (block,), _ = choose(sums, [np.zeros((5, 5))], ["lamp"])
        assert block.shape == (5, number)


def candidate(p_value: float, error: float) -> Candidate:
    return Candidate(np.eye(2), Evidence(1.0, p_value, error, 1, 100, confounded=False))


def test_a_candidate_is_settled_if_its_effect_is_seen_and_its_directions_are_stable() -> None:
    assert candidate(SIGNIFICANT, STABLE).settled
    assert not candidate(SIGNIFICANT * 1.01, STABLE).settled
    assert not candidate(SIGNIFICANT, STABLE * 1.01).settled


@pytest.mark.parametrize(
    ("candidates", "taken"),
    [
        ([(0.001, 0.10), (0.001, 0.01)], 1),  # stable
        ([(0.5, 0.01), (0.001, 0.10)], 1),  # not stable, but seen
        ([(0.02, 0.01), (0.001, 0.10)], 1),
        ([(0.001, 0.20), (0.005, 0.10), (0.5, 0.01)], 1),  # the most stable of those seen
        ([(0.5, 0.10), (0.1, 0.20)], 1),  # none is seen: the smallest p-value
    ],
)
def test_the_best_candidate(candidates: list[tuple[float, float]], taken: int) -> None:
    found = best([candidate(*each) for each in candidates])
    assert found.evidence.error == candidates[taken][1]
    assert found.evidence.p_value == combined([p_value for p_value, _ in candidates])


def turned(degrees: float, error: float) -> Candidate:
    """One direction in a plane, of length 2."""
    angle = np.deg2rad(degrees)
    evidence = Evidence(1.0, 0.001, error, 1, 100, confounded=False)
    return Candidate(2 * np.array([[np.cos(angle)], [np.sin(angle)]]), evidence)


@pytest.mark.parametrize(
    ("degrees", "first", "own", "expected"),
    [
        (0, 0.10, 0.02, 0.02),  # the same direction
        (15, 0.10, 0.02, 0.02),  # sin^2 = .067, which the difference of the errors, .08, explains
        (30, 0.10, 0.02, 0.02 + 0.25 - 0.08),  # sin^2 = .25
        (30, 0.02, 0.10, 0.10 + 0.25),
        (90, 0.90, 0.01, 0.01 + 1 - 0.89),
    ],
)
def test_bias_is_what_errors_do_not_explain(degrees: float, first: float, own: float, expected: float) -> None:
    error = turned(40 + degrees, own).beside(turned(40, first)).evidence.error
    assert error == pytest.approx(expected, abs=1e-12)


def test_the_bias_of_fewer_directions_is_that_of_their_own_span() -> None:
    plane = Candidate(np.eye(3)[:, :2], Evidence(1.0, 0.001, 0.0, 2, 100, confounded=False))
    inside, outside = (replace(plane, directions=np.eye(3)[:, [axis]]) for axis in (1, 2))
    assert inside.beside(plane).evidence.error == pytest.approx(0)
    assert outside.beside(plane).evidence.error == pytest.approx(1)
    assert plane.beside(inside).evidence.error == pytest.approx(0)


def test_a_stable_direction_with_a_bias_is_not_taken() -> None:
    """The effect is along (.8, .7, 0). A weight on the first axis makes the second one stable, which shows a part."""
    surer = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        targets = rng.random((300, 1)) < 0.25
        residual = rng.normal(size=(300, 3)) + targets * np.array([0.8, 0.7, 0.0])
        sums = measure(residual, targets, rng.normal(size=(300, 3)), np.ones(300, dtype=bool))
        nothing, biased = np.zeros((3, 3)), np.diag([100.0, 0.0, 100.0])
        (unbiased,), _ = choose(sums, [nothing], ["lamp"])
        (taken,), (said,) = choose(sums, [nothing, biased], ["lamp"])
        (misled,), (wrong,) = choose(sums, [biased], ["lamp"])
        assert np.allclose(taken, unbiased), seed
        assert abs(misled[0, 0]) < 0.1 * abs(misled[1, 0]), seed
        surer += wrong.expected_r2 > said.expected_r2
    assert surer >= 5  # so that stability alone would take it


def test_what_is_added_to_the_noise_by_hand() -> None:
    """Two white latents, x and 2 x + 10 y of standardised ones x and y; the quiet steps are (1, 3), (-1, 3), ..."""
    whitening = np.array([[1.0, 2.0], [0.0, 10.0]])
    rng = np.random.default_rng(0)
    before = rng.normal(size=(400, 2))
    steps = np.tile(np.array([[1.0, 3.0], [-1.0, 3.0], [1.0, -3.0], [-1.0, -3.0]]), (100, 1))
    targets = np.zeros((400, 1), dtype=bool)
    targets[300:] = True
    steps[300:] = 50.0
    nothing, *of_values, of_steps, reading = steadiness(before, before + steps, targets, whitening)
    assert not nothing.any()
    assert [matrix.tolist() for matrix in of_values] == [(weight * np.eye(2)).tolist() for weight in VALUES]
    assert reading == pytest.approx(READING**2 * np.array([[1.0, 2.0], [2.0, 104.0]]))
    assert of_steps - reading == pytest.approx(STEPS * np.diag([0.2, 1.8]))
    for num_quiet in (0, ROWS_PER_LATENT * 2):  # too few for two latents: then all steps count
        targets[:] = np.arange(400)[:, None] >= num_quiet
        *_, of_steps, reading = steadiness(before, before + steps, targets, whitening)
        assert ((of_steps - reading) / STEPS).trace() == pytest.approx(2)
        assert (of_steps - reading)[0, 1] > 0.05
    targets[: ROWS_PER_LATENT * 2 + 2] = False
    *_, of_steps, reading = steadiness(before, before + steps, targets, whitening)
    assert abs((of_steps - reading)[0, 1]) < 0.01


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.999])
def test_the_p_value_of_several_searches_is_small_no_more_often_than_it_says(correlation: float) -> None:
    rng, num = np.random.default_rng(0), 40_000
    z = np.sqrt(correlation) * rng.normal(size=(num, 1)) + np.sqrt(1 - correlation) * rng.normal(size=(num, 6))
    p_values = np.array([combined(each) for each in stats.norm.sf(z).tolist()])
    assert np.mean(p_values <= SIGNIFICANT) <= 1.25 * SIGNIFICANT
    assert np.mean(p_values <= SIGNIFICANT) >= 0.4 * SIGNIFICANT


def test_a_search_without_any_effect_does_not_outweigh_one_that_shows_it() -> None:
    """The mean of tan(.4999 pi), about 3183, and tan(-.49 pi), about -32, is that of p = .0002."""
    assert combined([0.0001, 1.0]) == combined([0.0001, 0.99]) == pytest.approx(0.0002, rel=0.02)
