from __future__ import annotations

import numpy as np
import pytest

from trisect.evaluation.chance import ChanceSettings, chance
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.variables import Continuous, VariableSpace

NAMES = tuple("abcde")


def world(num_slots: int = 5, constant: bool = False) -> tuple[np.ndarray, Slots, Truth]:
    """As many latents as variables, each exactly one of them; no noise latent."""
    z = np.random.default_rng(0).normal(size=(2000, num_slots))
    truth = Truth(np.zeros_like(z) if constant else z, VariableSpace([Continuous(n) for n in NAMES[:num_slots]]))
    return z.astype(np.float32), Slots(np.eye(num_slots, num_slots + 1), (*NAMES[:num_slots], "noise")), truth


def test_percentile_is_that_of_fixed_points(rng):
    """The mean R2 of a random assignment is the share of fixed points of a permutation of five."""
    score = chance(*world(), rng, ChanceSettings(num_assignments=400))
    fixed = np.array([(np.random.default_rng(s).permutation(5) == np.arange(5)).mean() for s in range(4000)])
    assert score.r2 == pytest.approx(np.percentile(fixed, 95), abs=0.03)
    assert score.own_r2 == pytest.approx(1.0, abs=0.01) and score.own_spearman == pytest.approx(1.0, abs=0.01)
    assert score.own_r2 > score.r2


def test_a_wrong_assignment_does_not_exceed_chance(rng):
    latents, slots, truth = world()
    turned = Slots(np.roll(slots.assignment, 1, axis=0), slots.names)
    score = chance(latents, turned, truth, rng)
    assert score.own_r2 < 0.02 < score.r2


def test_same_rng_same_chance():
    first, second = (chance(*world(), np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_undefined_truth_and_json(rng):
    score = chance(*world(2, constant=True), rng, ChanceSettings(num_assignments=3))
    assert np.isnan(score.r2) and np.isnan(score.own_r2)
    assert score.to_json() == {
        "r2": None, "spearman": None, "own_r2": None, "own_spearman": None, "num_assignments": 3, "probe": "ridge"
    }  # fmt: skip


@pytest.mark.parametrize("broken", [{"num_assignments": 1}, {"max_rows": 3}])
def test_settings_are_checked(broken):
    with pytest.raises(ValueError, match="of the chance score must be"):
        ChanceSettings(**broken)


def test_two_latents_have_one_other_assignment(rng):
    latents, slots, truth = world(2)
    score = chance(latents, slots, truth, rng, ChanceSettings(num_assignments=30))
    assert score.own_r2 == pytest.approx(1.0, abs=0.01) and score.r2 < 0.02 and score.num_assignments == 30


def test_no_other_assignment_is_undefined(rng):
    latents, _, truth = world(2)
    crowded = Slots(np.array([[1, 0, 0], [1, 0, 0]]), ("a", "b", "noise"))
    score = chance(latents, crowded, truth, rng, ChanceSettings(num_assignments=5))
    assert np.isnan(score.r2) and score.num_assignments == 0 and score.own_r2 == pytest.approx(0.5, abs=0.01)
