from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trisect.data.recording import Recording
from trisect.data.stacking import stacked_recording
from trisect.evaluation.correlation import correlation
from trisect.evaluation.dependence import dependence
from trisect.evaluation.probes.probe import RIDGE
from trisect.evaluation.score_matrix import Truth
from trisect.evaluation.slots import Slots
from trisect.variables import Angle, Categorical, Continuous, VariableSpace

GAME = VariableSpace([Continuous("ball"), Continuous("enemy")])
GAME_SLOTS = Slots(np.eye(3, dtype=bool), ("ball", "enemy", "noise"))


def test_related_variables_predict_each_other_and_others_do_not(rng):
    x, w = rng.normal(size=(2, 2000))
    y = x + rng.normal(size=2000)  # half of y's variance is x's, and the other way round
    angle = rng.uniform(0, 2 * np.pi, 2000)
    space = VariableSpace([Continuous("x"), Continuous("y"), Continuous("w"), Angle("a")])
    truth = Truth(np.stack([x, y, w, angle], axis=1), space)
    slots = Slots(np.eye(4, dtype=bool), ("x", "y", "a", "noise"))
    measured = dependence(truth.factors[:, [0, 1, 3, 2]], slots, truth, rng)
    matrix = measured.truth
    assert matrix.rows == slots.names and matrix.columns == space.names
    assert matrix["x", "y"] == pytest.approx(0.5, abs=0.06) and matrix["y", "x"] == pytest.approx(0.5, abs=0.06)
    for name in space.names:
        assert matrix[name if name != "w" else "noise", name] > 0.98
    for row, column in (("x", "w"), ("a", "x"), ("noise", "a"), ("x", "a")):
        assert abs(matrix[row, column]) < 0.1
    assert measured.beyond.matrix.max() < 0.05, "slots of true values say nothing beyond them"


def game(seed: int, follows: float, leak: float, blur: float) -> tuple[np.ndarray, Truth]:
    """A ball, an enemy that follows it, and latents: the ball with some of the enemy in it, blurred, and the enemy."""
    rng = np.random.default_rng(seed)
    ball, own, blurs = rng.normal(size=(3, 8000))
    enemy = follows * ball + np.sqrt(1 - follows**2) * own
    slot = ball + leak * own + blur * blurs
    return np.stack([slot, enemy, rng.normal(size=8000)], axis=1), Truth(np.stack([ball, enemy], axis=1), GAME)


@pytest.mark.parametrize("seed", range(3))
def test_leakage_beyond_the_truth_ranks_encoders_that_plain_leakage_ranks_the_wrong_way_round(seed: int) -> None:
    """The one that leaks is blurred too: its plain leakage is below .30, which is the world's own and no leakage."""
    leaking, truth = game(seed, follows=0.55, leak=0.4, blur=1.6)
    clean, same = game(seed, follows=0.55, leak=0.0, blur=0.05)
    assert (truth.factors == same.factors).all()
    plain, measured = [], []
    for latents in (leaking, clean):
        plain.append(correlation(latents, GAME_SLOTS, truth, RIDGE, np.random.default_rng(0)).r2["ball", "enemy"])
        measured.append(dependence(latents, GAME_SLOTS, truth, np.random.default_rng(0)))
    assert plain[0] < plain[1] - 0.03 and plain[1] == pytest.approx(0.30, abs=0.05)
    assert measured[1].truth["ball", "enemy"] == pytest.approx(0.30, abs=0.05)
    # the enemy's own part has .70 of its variance, and .16 of the slot's variance, 1 + .16 + 2.56
    assert measured[0].beyond["ball", "enemy"] == pytest.approx(0.16 / 3.72 * 0.70, abs=0.012)
    assert measured[0].added["ball", "enemy"] == pytest.approx(0.16 / 2.72 * 0.70, abs=0.015)
    for kind in ("beyond", "added"):
        better, worse = (getattr(each, kind)["ball", "enemy"] for each in reversed(measured))
        assert better < 0.006 < 0.018 < worse


def test_an_almost_perfect_slot_is_not_accused() -> None:
    """With the true ball known, a twentieth of the enemy in its slot gives it away; the slot alone does not."""
    latents, truth = game(0, follows=0.0, leak=0.05, blur=0.0)
    measured = dependence(latents, GAME_SLOTS, truth, np.random.default_rng(0))
    assert measured.added["ball", "enemy"] > 0.4 and measured.beyond["ball", "enemy"] < 0.01


def test_a_whole_copy_is_leakage_beyond_the_truth_of_every_kind() -> None:
    rng = np.random.default_rng(0)
    x, turn, kind = rng.normal(size=3000), rng.uniform(0, 6.28, 3000), rng.integers(0, 3, 3000)
    truth = Truth(np.stack([x, turn, kind], 1), VariableSpace([Continuous("x"), Angle("turn"), Categorical("kind", 3)]))
    latents = np.stack([x, np.sin(turn), np.cos(turn), kind], 1)
    table = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
    beyond = dependence(latents, Slots(table, ("x", "turn", "kind", "noise")), truth, rng).beyond
    assert beyond["x", "turn"] > 0.9 and beyond["x", "kind"] > 0.9 and beyond["x", "x"] < 0.05
    assert beyond["turn", "x"] == 0.0, "an empty slot says nothing"


def test_the_factors_of_a_variable_need_not_be_neighbours() -> None:
    """Columns a0, b, a1, with a of two factors: the slot of a holds a copy of b."""
    rng = np.random.default_rng(0)
    first, b, second = rng.normal(size=(3, 3000))
    space = VariableSpace([Continuous("a0"), Continuous("b"), Continuous("a1")], {"a": ["a0", "a1"], "b": ["b"]})
    truth = Truth(np.stack([first, b, second], axis=1), space)
    slots = Slots(np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool), ("a", "b", "noise"))
    measured = dependence(np.stack([first, second, b, b], axis=1), slots, truth, rng)
    assert measured.truth["a", "a"] > 0.98 and measured.truth["b", "b"] > 0.98 and measured.truth["a", "b"] < 0.05
    assert measured.beyond["a", "b"] > 0.95 and measured.beyond["b", "a"] < 0.05


def test_the_unit_of_a_factor_makes_no_difference() -> None:
    """The slot of a holds one of the two factors of b, whose unit is a thousandth of the other's: half of b."""
    rng = np.random.default_rng(0)
    a, small, large = rng.normal(size=(3, 3000))
    space = VariableSpace([Continuous("a"), Continuous("b0"), Continuous("b1")], {"a": ["a"], "b": ["b0", "b1"]})
    truth = Truth(np.stack([a, small / 1000, large], axis=1), space)
    slots = Slots(np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=bool), ("a", "b", "noise"))
    beyond = dependence(np.stack([a, small, large], axis=1), slots, truth, rng).beyond
    assert beyond["a", "b"] == pytest.approx(0.5, abs=0.03)


def test_without_factors_there_is_none(rng):
    assert dependence(None, Slots(np.eye(2, dtype=bool), ("x", "noise")), None, rng) is None


def follower(seed: int, num: int = 3000) -> Recording:
    """A ball and an enemy in episodes of 50 frames, each of which is close to where it was, two to an observation."""
    rng = np.random.default_rng(seed)
    values, starts = np.zeros((num, 2)), np.arange(0, num, 50)
    for t in range(num):
        values[t] = (0.9 * values[t - 1] if t % 50 else 0.0) + 0.4 * rng.normal(size=2)
    one = Recording(values.astype(np.float32), np.zeros((num, 2), bool), GAME, values, episode_starts=starts)
    return stacked_recording(one, 2)


def test_older_frames_belong_in_the_noise_slot() -> None:
    """A noise slot with the older frame predicts the newest one, and nothing beyond what that frame tells of it."""
    recording = follower(0)
    truth = Truth.of(recording)
    older, newest = np.split(recording.observations, 2, axis=1)
    assert np.array_equal(truth.factors, newest) and np.array_equal(truth.older[0], older)
    slots = Slots(np.eye(3, dtype=bool)[[0, 1, 2, 2]], ("ball", "enemy", "noise"))
    latents = np.concatenate([newest, older], axis=1).astype(np.float64)
    measured = dependence(latents, slots, truth, np.random.default_rng(0))
    assert measured.has_older and measured.truth["noise", "ball"] > 0.7 and measured.beyond["noise", "ball"] < 0.02
    alone = dependence(latents, slots, Truth(truth.factors, GAME), np.random.default_rng(0))
    assert not alone.has_older and alone.beyond["noise", "ball"] > 0.7
    leaking = np.concatenate([newest, older[:, :1], newest[:, :1]], axis=1).astype(np.float64)
    beyond = dependence(leaking, slots, truth, np.random.default_rng(0)).beyond
    assert beyond["noise", "ball"] > 0.15 and beyond["noise", "enemy"] < 0.02, "19 % of the ball is new in each frame"


def test_rows_of_the_truth_keep_their_older_frames() -> None:
    truth = Truth.of(follower(0))
    some = truth.at(np.array([3, 60]))
    assert np.array_equal(some.factors, truth.factors[[3, 60]])
    assert np.array_equal(some.older[0], truth.older[0][[3, 60]])
    assert Truth.of(replace(follower(0), frames_per_observation=1)).older == ()
