"""The rules of Interventional Pong, against the published steps and recordings, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

from trisect.data import simulate, verify
from trisect.data.chunks import default_splits
from trisect.data.convert import kinds
from trisect.data.generate import generate
from trisect.interventions import Intervention, SingleTargets
from trisect.worlds import make, pong
from trisect.worlds.checker import check_world

RECORDINGS = ("train", "val", "test")
NAMES = (
    "ball_vel_dir",
    "ball_vel_magn",
    "ball_x",
    "ball_y",
    "paddle_left_y",
    "paddle_right_y",
    "score_left",
    "score_right",
)
A, M, X, Y, LEFT, RIGHT, SCORE_LEFT, SCORE_RIGHT = range(8)
TURN = 2 * math.pi
MIDDLE = {"ball_vel_dir": 0.0, "ball_vel_magn": 2.0, "ball_x": 16.0, "ball_y": 16.0}
MIDDLE |= {"paddle_left_y": 16.0, "paddle_right_y": 16.0, "score_left": 0.0, "score_right": 0.0}


def published(shared, split):
    """Factors (num, 8) and targets of a published split."""
    with np.load(shared / "data" / "interventional_pong" / f"{split}.npz") as file:
        assert tuple(file["keys"]) == NAMES
        return file["latents"].astype(np.float64), file["targets"]


def games(num, **values):
    """Equal states (num, 8): all in the middle, the ball flying upwards, except for these values."""
    return np.repeat(np.array([[{**MIDDLE, **values}[name] for name in NAMES]]), num, axis=0)


def noise_free(state, targets=None):
    draws = pong.sample_draws(len(state), np.random.default_rng(0))
    targets = np.zeros((len(state), 8), bool) if targets is None else targets
    return pong.advance(state, targets, pong.Draws(np.zeros_like(draws.noise), draws.fresh, draws.jumps))


def difference(ours, theirs):
    """Factors' differences, the angle's the shorter way round."""
    apart = ours - theirs
    apart[:, A] = (apart[:, A] + math.pi) % TURN - math.pi
    return apart


def stepped(state, target=None, seed=1):
    """States one step later, all games intervened on in one column, or a list of columns."""
    targets = np.zeros((len(state), 8), bool)
    if target is not None:
        targets[:, target] = True
    return make("pong").step(state, targets, np.random.default_rng(seed))


def is_uniform(values, low, high):
    return kstest(values, "uniform", (low, high - low)).pvalue > 1e-4


# --- the contract


def test_keeps_the_contract_of_worlds():
    check_world(make("pong"), seed=3)


def test_the_variables_are_the_published_ones_in_their_order(shared):
    with np.load(shared / "data" / "interventional_pong" / "train.npz") as file:
        names = tuple(str(name) for name in file["keys"])
    theirs = kinds.variable_space(kinds.find(names), names, names)
    assert make("pong").variables == theirs


def test_five_of_eight_variables_can_be_intervened_on(shared):
    world = make("pong")
    assert world.interventable == ("ball_vel_dir", "ball_x", "ball_y", "paddle_left_y", "paddle_right_y")
    perfect = [name for name in NAMES if world.interventions[name] is Intervention.PERFECT]
    assert perfect == ["ball_vel_dir", "ball_x", "ball_y"]
    assert world.policy() == SingleTargets(5, 0.85**5)
    targets = world.targets(20_000, np.random.default_rng(0))
    theirs = published(shared, "train")[1]
    assert np.abs(targets.mean(axis=0) - theirs.mean(axis=0)).max() < 4 * (0.11 * 0.89 / len(theirs)) ** 0.5
    assert theirs.sum(axis=1).max() == 1 == targets.sum(axis=1).max()


# --- steps without noise


@pytest.mark.parametrize("file", ["pong_noise_free_step", "pong_noise_free_step_paddles"])
def test_noise_free_steps_equal_the_published_ones(shared, file):
    with np.load(shared / "golden" / f"{file}.npz") as golden:
        state, theirs = golden["state"].astype(np.float64), golden["next_state"]
    assert np.abs(difference(noise_free(state), theirs)).max() < 1e-4


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"ball_vel_dir": 0.0}, {"ball_y": 18.0, "ball_vel_dir": 0.0, "ball_x": 16.0}),
        ({"ball_vel_dir": 0.0, "ball_y": 28.0}, {"ball_y": 27.6, "ball_vel_dir": math.pi}),
        ({"ball_vel_dir": math.pi, "ball_y": 4.0}, {"ball_y": 4.4, "ball_vel_dir": 0.0}),
        ({"ball_vel_dir": 1.5 * math.pi, "ball_x": 8.2}, {"ball_x": 8.2, "ball_vel_dir": math.pi / 2}),
        ({"ball_vel_dir": math.pi / 2, "ball_x": 23.8}, {"ball_x": 23.8, "ball_vel_dir": 1.5 * math.pi}),
        ({"ball_vel_dir": math.pi / 2, "ball_x": 4.5}, {"ball_x": 7.9, "ball_vel_dir": 1.5 * math.pi}),
        ({"ball_vel_dir": 1.5 * math.pi, "ball_x": 8.2, "paddle_left_y": 19.1}, {"ball_x": 6.2}),
        ({"ball_vel_dir": 1.5 * math.pi, "ball_x": 5.9}, {"ball_x": 3.9}),
        ({"ball_y": 16.5, "paddle_left_y": 20.0, "paddle_right_y": 15.8}, {"paddle_left_y": 18.5}),
        ({"ball_y": 16.5, "paddle_left_y": 20.0, "paddle_right_y": 15.8}, {"paddle_right_y": 16.5}),
        ({"ball_vel_magn": 1.0}, {"ball_y": 17.0, "ball_vel_magn": 1.0}),
    ],
)
def test_flight_bounces_and_following_paddles_by_hand(values, expected):
    after = noise_free(games(1, **values))
    assert {name: pytest.approx(value, abs=1e-9) for name, value in expected.items()} == {
        name: after[0, NAMES.index(name)] for name in expected
    }


@pytest.mark.parametrize("split", RECORDINGS)
def test_published_recordings_follow_the_rules(shared, split):
    """Scores change exactly when our rules count a goal; the remaining differences are the noise."""
    latents, targets = published(shared, split)
    residual = difference(noise_free(latents[:-1]), latents[1:])
    assert not residual[:, SCORE_LEFT:].any()
    goal = (latents[1:, SCORE_LEFT:] != latents[:-1, SCORE_LEFT:]).any(axis=1)
    assert goal.any()
    for column, deviation in ((A, 0.1), (X, 0.2), (Y, 0.2), (LEFT, 0.5), (RIGHT, 0.5)):
        noise = residual[~goal & (targets[:, column] == 0), column] / deviation
        assert np.abs(noise).max() < 5
        assert noise.std() == pytest.approx(1, abs=4 / (2 * len(noise)) ** 0.5)


# --- goals and interventions

GOAL_LEFT = {"ball_x": 4.0, "ball_y": 8.0, "ball_vel_dir": 1.5 * math.pi}  # the right player scores
GOAL_RIGHT = {"ball_x": 28.0, "ball_y": 8.0, "ball_vel_dir": math.pi / 2}


@pytest.mark.parametrize(("values", "scorer", "other"), [(GOAL_LEFT, 7, 6), (GOAL_RIGHT, 6, 7)])
def test_a_goal_counts_and_restarts_the_game(values, scorer, other):
    before = games(4000, **values, score_left=1.0, score_right=1.0)
    after = stepped(before)
    assert (after[:, [X, Y]] == 16).all() and (after[:, M] == 2).all()
    assert (after[:, scorer] == 2).all() and (after[:, other] == 1).all()
    assert is_uniform(after[:, A], 0, TURN)
    assert is_uniform(after[:, LEFT], 4, 28) and is_uniform(after[:, RIGHT], 4, 28)
    assert np.abs(np.corrcoef(after[:, [A, LEFT, RIGHT]].T) - np.eye(3)).max() < 0.07


@pytest.mark.parametrize(("values", "scorer"), [(GOAL_LEFT, "score_right"), (GOAL_RIGHT, "score_left")])
def test_the_fifth_goal_sets_both_scores_to_zero(values, scorer):
    scores = {"score_left": 3.0, "score_right": 3.0, scorer: 4.0}
    assert not stepped(games(5, **values, **scores))[:, SCORE_LEFT:].any()


def test_perfect_interventions_are_independent_of_the_past():
    past = make("pong").independent(20_000, np.random.default_rng(5))
    past[:1000] = games(1000, **GOAL_LEFT)
    for column, low, high in ((A, 0, TURN), (X, 7.2, 24.8), (Y, 3.2, 28.8)):
        after = stepped(past, column)
        assert is_uniform(after[:, column], low, high) and is_uniform(after[:1000, column], low, high)
        others = [other for other in range(8) if other != column]
        assert np.array_equal(after[:, others], stepped(past)[:, others])
        relation = np.corrcoef(past[1000:, [A, X, Y, LEFT, RIGHT]].T, after[1000:, column])[-1, :-1]
        assert np.abs(relation).max() < 5 / 19_000**0.5


@pytest.mark.parametrize("paddle", [LEFT, RIGHT])
def test_paddles_that_are_intervened_on_step_from_where_they_are(paddle):
    before = games(20_000, paddle_left_y=20.0, paddle_right_y=9.0)
    moves = stepped(before, paddle)[:, paddle] - before[:, paddle]
    up = moves > 0
    assert up.mean() == pytest.approx(0.5, abs=0.02)
    assert moves.mean() == pytest.approx(0, abs=0.05) and (moves**2).mean() == pytest.approx(1.5**2 + 0.5**2, rel=0.03)
    assert np.quantile(moves, [0.25, 0.75]) == pytest.approx([-1.5, 1.5], abs=0.03)
    edge = stepped(games(2000, paddle_left_y=29.5, paddle_right_y=2.5), paddle)[:, paddle]
    assert edge.min() >= 2 and edge.max() <= 30


def test_both_paddles_jump_independently_when_both_are_targets():
    before = games(10_000)
    moves = stepped(before, [LEFT, RIGHT])[:, [LEFT, RIGHT]] - before[:, [LEFT, RIGHT]]
    assert abs(np.corrcoef(moves.T)[0, 1]) < 0.04


def test_after_a_goal_paddles_restart_even_when_intervened_on():
    before = games(500, **GOAL_LEFT)
    for paddle in (LEFT, RIGHT):
        assert np.array_equal(stepped(before, paddle), stepped(before))


@pytest.mark.parametrize(("target", "in_centre"), [(A, [X, Y]), (X, [Y]), (Y, [X])])
def test_a_goal_counts_even_if_the_ball_is_put_elsewhere(target, in_centre):
    after = stepped(games(500, **GOAL_RIGHT), target)
    assert (after[:, SCORE_LEFT] == 1).all() and (after[:, in_centre] == 16).all()
    assert len(np.unique(after[:, target])) == 500


# --- the graph


def test_every_declared_edge_shows_in_some_state():
    """Swap one variable between two states: what changes, over many states, is exactly the declared children."""
    world, rng = make("pong"), np.random.default_rng(0)
    num = 200_000
    state, other = world.independent(num, rng), world.independent(num, rng)
    state[: num // 2, X] = rng.uniform(2, 30, num // 2)
    other[:, M] = 3.0
    plain, graph = stepped(state), np.zeros((8, 8), bool)
    for variable in range(8):
        changed = state.copy()
        changed[:, variable] = other[:, variable]
        graph[variable] = (stepped(changed) != plain).any(axis=0)
    assert np.array_equal(graph, world.temporal_graph)


# --- long recordings


def summary(states):
    """Means and deviations of positions and the course, the paddles' distances from the ball, the number of goals."""
    moving = states[:, [X, Y, LEFT, RIGHT, SCORE_LEFT, SCORE_RIGHT]]
    course = np.stack([np.sin(states[:, A]), np.cos(states[:, A])], axis=1)
    goals = (np.diff(states[:, SCORE_LEFT:], axis=0) != 0).any(axis=1).sum()
    apart = np.abs(states[:, [LEFT, RIGHT]] - states[:, [Y]]).mean(axis=0)
    return np.concatenate([moving.mean(0), moving.std(0), course.mean(0), course.std(0), apart, [goals]])


def test_long_games_resemble_the_published_one(shared):
    """Means, deviations and goals of 1,000 frames are like those of our games of 1,000 frames."""
    world, rng, num = make("pong"), np.random.default_rng(0), 200
    states = np.empty((1000, num, 8))
    states[0] = world.reset(num, rng)
    for t in range(1, 1000):
        states[t] = world.step(states[t - 1], world.targets(num, rng), rng)
    ours = np.stack([summary(states[:, game]) for game in range(num)])
    z = (summary(published(shared, "train")[0]) - ours.mean(axis=0)) / ours.std(axis=0)
    assert np.abs(z).max() < 3.5
    assert 10 < ours[:, -1].mean() < 30


def test_independent_frames_spread_as_the_published_ones(shared):
    theirs = np.concatenate([published(shared, split)[0] for split in ("val_indep", "test_indep")])
    ours = make("pong").independent(20_000, np.random.default_rng(0))
    ranges = ((A, 0, TURN), (X, 7.2, 24.8), (Y, 3.2, 28.8), (LEFT, 2, 30), (RIGHT, 2, 30))
    for column, low, high in ranges:
        assert is_uniform(ours[:, column], low, high) and is_uniform(theirs[:, column], low, high)
    for column in (SCORE_LEFT, SCORE_RIGHT):
        assert np.bincount(ours[:, column].astype(int), minlength=5) / len(ours) == pytest.approx([0.2] * 5, abs=0.015)


def test_all_seven_splits_are_generated(tmp_path):
    world = make("pong")
    data = generate(world, tmp_path / "out", num_frames=300, seed=0)
    assert {name: len(split) for name, split in data.items()} == {"train": 300, **default_splits(300)}
    assert data.targeted == world.interventable and data.variables == world.variables
    verify(tmp_path / "out")
    train, triplets = data.recording("train"), data.triplets("test_triplets")
    assert np.abs(train.observations.astype(int) - world.render(train.factors.astype(np.float64))).max() <= 1
    first, second, third = np.moveaxis(triplets.factors, 1, 0)
    assert np.array_equal(third, np.where(triplets.from_second, second, first))


def test_one_long_game_goes_on_through_many_goals():
    train = simulate(make("pong"), 3000, np.random.default_rng(0), episode_length=None)
    assert train.num_episodes == 1
    scores = train.factors[:, SCORE_LEFT:]
    goals = (np.diff(scores, axis=0) != 0).any(axis=1).sum()
    assert 30 < goals < 90 and scores.min() == 0 and scores.max() == 4
