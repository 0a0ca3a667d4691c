"""The rules of Causal3DIdent against published steps, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ks_2samp

from trisect.worlds import causal3dident_dynamics as dynamics
from trisect.worlds.causal3dident_dynamics import NAMES, TURN, Draws, Rules


def apart(ours, theirs):
    """Differences (rows, num), the first three rows positions, the rest angles, these the shorter way round."""
    difference = ours - theirs
    difference[3:] = (difference[3:] + math.pi) % TURN - math.pi
    return np.abs(difference)


def padded(rows, num, dtype=np.float64):
    """Rows 0 to 9 or 10 of twelve, the rest zeros."""
    whole = np.zeros((12, num), dtype)
    for row, values in zip(whole, rows):
        row[:] = values
    return whole


# --- published steps


@pytest.mark.parametrize("instantaneous", [False, True], ids=["temporal", "instantaneous"])
@pytest.mark.parametrize("shapes", ["teapot", "7shapes"])
def test_steps_equal_the_published_ones(shared, instantaneous, shapes):
    """With their noise and values of interventions; interventions of the temporal variant are not in the file."""
    with np.load(shared / "golden" / "causal3dident_step.npz") as golden:
        assert tuple(golden["names"]) == NAMES[:10]
        theirs = golden[f"{'instantaneous' if instantaneous else 'temporal'}_{shapes}"].T
        shape = golden["shape"].astype(np.float64)
        num = len(shape)
        state = padded([*golden["latents"].T, shape], num)
        fresh = np.stack([*golden["intervention_values"].T, shape])
        draws = Draws(golden["noise"].T, fresh, np.zeros(num, bool))
        targets = padded(golden["interventions"].T == 1 if instantaneous else [], num, bool)
    for add, tolerance in ((np.add, 1e-9), (dynamics.add_within, 1e-5)):
        ours = dynamics.advance(state, targets, draws, Rules(instantaneous, shapes == "7shapes"), add)
        assert apart(ours[:10], theirs).max() < tolerance
        assert np.array_equal(ours[dynamics.SHAPE], shape)


# --- positions that stay in their range


@pytest.mark.parametrize("mean", [-2.0, -1.85, 0.3, 1.75, 1.95])
def test_positions_have_the_law_of_redrawing(mean):
    rng = np.random.default_rng(3)
    ours = dynamics.add_within(np.full(20_000, mean), 0.1 * rng.standard_normal(20_000))
    redrawn = mean + 0.1 * rng.standard_normal(60_000)
    redrawn = redrawn[np.abs(redrawn) <= 2][:20_000]
    assert np.abs(ours).max() <= 2 and ks_2samp(ours, redrawn).pvalue > 1e-3


def test_away_from_the_ends_the_noise_is_kept_as_it_is():
    noise = np.linspace(-0.4, 0.4, 101)
    for mean in (-1.2, 0.0, 1.2):
        assert np.abs(dynamics.add_within(np.full(101, mean), noise) - mean - noise).max() < 1e-9


def test_extreme_noise_ends_at_an_end():
    ends = dynamics.add_within(np.array([2.0, 2.0, -2.0, 0.0]), np.array([50.0, -50.0, -50.0, 50.0]))
    assert ends[[0, 2, 3]].tolist() == [2, -2, 2] and np.isfinite(ends).all()


# --- goals, by hand


def settled(rules, steps=40, **values):
    """The state after noise-free steps, with some factors, by name, kept at their values by interventions."""
    state, targets = padded([], 1), padded([], 1, bool)
    for name, value in values.items():
        state[NAMES.index(name)] = value
        targets[NAMES.index(name)] = True
    for _ in range(steps):
        draws = Draws(np.zeros((10, 1)), state[:11].copy(), np.zeros(1, bool))
        state = dynamics.advance(state, targets, draws, rules, np.add)
    return dict(zip(NAMES, state[:, 0]))


@pytest.mark.parametrize("instantaneous", [False, True])
def test_without_noise_a_world_settles_at_its_goals(instantaneous):
    state = settled(Rules(instantaneous), hue_background=1.0, hue_object=2.0)
    assert state["alpha"] == pytest.approx(1.0) and state["beta"] == pytest.approx(2.0)
    assert state["hue_spot"] == pytest.approx(TURN - 1.0)
    assert state["x"] == pytest.approx(1.5 * math.sin(2.0)) and state["y"] == pytest.approx(1.5 * math.sin(1.0))
    assert state["z"] == pytest.approx(1.5 * math.cos(1.0))
    assert state["spot_rotation"] == pytest.approx(math.atan2(state["x"], state["y"]) % TURN)


@pytest.mark.parametrize(
    ("place", "hue"),
    [(0, 0.0), (1, 0.2 * TURN), (2, 1.1), (3, 0.4 * TURN), (4, 1.1 + math.pi), (5, 0.6 * TURN), (6, 0.8 * TURN)],
)
def test_the_object_s_hue_follows_its_shape(place, hue):
    state = settled(Rules(hue_by_shape=True), shape=place, hue_spot=0.2, hue_background=2.0)
    assert (state["hue_object"] - hue + 1) % TURN == pytest.approx(1.0)


def test_steps_lead_halfway_the_shorter_way_round():
    state, targets = padded([], 1), padded([], 1, bool)
    state[dynamics.ALPHA], state[dynamics.HUE_BACKGROUND], state[dynamics.X] = 6.0, 0.5, 2.0
    draws = Draws(np.zeros((10, 1)), np.zeros((11, 1)), np.zeros(1, bool))
    after = dynamics.advance(state, targets, draws, Rules(), np.add)
    assert after[dynamics.ALPHA, 0] == pytest.approx(6.0 + (0.5 + TURN - 6.0) / 2 - TURN)
    assert after[dynamics.X, 0] == pytest.approx(1.0)
