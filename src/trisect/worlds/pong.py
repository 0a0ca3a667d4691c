"""Interventional Pong: two paddles follow a ball, and goals are counted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from trisect import checks
from trisect.interventions import Intervention, SingleTargets, TargetPolicy
from trisect.variables import Angle, Categorical, Continuous, Factor, VariableSpace
from trisect.worlds.base import World
from trisect.worlds.pong_drawing import (
    BORDER,
    CENTRE,
    CHANNELS,
    HALF_HEIGHT,
    HALF_WIDTH,
    MAX_SCORE,
    PADDLES_X,
    RADIUS,
    SIZE,
    draw_backgrounds,
    draw_games,
)

FACTORS: tuple[Factor, ...] = (
    Angle("ball_vel_dir"),
    Continuous("ball_vel_magn"),
    Continuous("ball_x", 0, SIZE),
    Continuous("ball_y", 0, SIZE),
    Continuous("paddle_left_y", 0, SIZE),
    Continuous("paddle_right_y", 0, SIZE),
    Categorical("score_left", MAX_SCORE),
    Categorical("score_right", MAX_SCORE),
)
DIRECTION, MAGNITUDE, BALL_X, BALL_Y, LEFT, RIGHT, SCORE_LEFT, SCORE_RIGHT = range(len(FACTORS))
BALL, PADDLES, SCORES = [BALL_X, BALL_Y], [LEFT, RIGHT], [SCORE_LEFT, SCORE_RIGHT]
MOVING = [DIRECTION, BALL_X, BALL_Y, LEFT, RIGHT]
"""Columns with noise and interventions; arrays of five columns below are in this order."""

SPEED = 2.0
TURN = 2 * math.pi
MAX_STEP = 1.5
NOISE = np.array([0.1, 0.2, 0.2, 0.5, 0.5])
WALLS = (BORDER + RADIUS, SIZE - BORDER - RADIUS)
FRONTS = (PADDLES_X[0] + HALF_WIDTH + RADIUS, PADDLES_X[1] - HALF_WIDTH - RADIUS)
CONTACTS = ((PADDLES_X[0] - HALF_WIDTH, FRONTS[0]), (FRONTS[1], PADDLES_X[1] + HALF_WIDTH))
EDGES = (BORDER, SIZE - BORDER)
RANGES = np.array([(-np.inf, np.inf), EDGES, WALLS, EDGES, EDGES])
FRESH = np.array([(0.0, TURN), FRONTS, WALLS, (4.0, 28.0), (4.0, 28.0)])
ANYWHERE = np.array([(0.0, TURN), FRONTS, WALLS, EDGES, EDGES])

PARENTS = {
    "ball_vel_dir": ("ball_vel_dir", "ball_vel_magn", "ball_x", "ball_y", "paddle_left_y", "paddle_right_y"),
    "ball_vel_magn": ("ball_vel_magn",),
    "ball_x": ("ball_vel_dir", "ball_vel_magn", "ball_x", "ball_y", "paddle_left_y", "paddle_right_y"),
    "ball_y": ("ball_vel_dir", "ball_vel_magn", "ball_x", "ball_y"),
    "paddle_left_y": ("ball_vel_dir", "ball_vel_magn", "ball_x", "ball_y", "paddle_left_y"),
    "paddle_right_y": ("ball_vel_dir", "ball_vel_magn", "ball_x", "ball_y", "paddle_right_y"),
    "score_left": ("ball_vel_dir", "ball_vel_magn", "ball_x", "score_left", "score_right"),
    "score_right": ("ball_vel_dir", "ball_vel_magn", "ball_x", "score_left", "score_right"),
}
"""Direction, speed and x decide on a goal, which changes all but the speed; y and the paddles decide on a bounce."""


@dataclass(frozen=True)
class Draws:
    """All random numbers of one step of ``num`` games; they are drawn whether they are used or not.

    Attributes:
        noise: (num, 5) in the order of `MOVING`: added if no goal falls (radians, then pixels).
        fresh: (num, 5) in the order of `MOVING`: values that ignore the past.
        jumps: (num, 2) moves of paddles that are intervened on, -1.5 or 1.5.
    """

    noise: np.ndarray
    fresh: np.ndarray
    jumps: np.ndarray


class Pong(World):
    """Frames of 32x32x4: a ball, two paddles and the score; the fourth channel shows where the ball flies next.

    | variable | values | without intervention | intervention |
    |---|---|---|---|
    | ball_vel_dir | angle a, 0 upwards, pi/2 to the right | a + 0.1 n, mirrored by bounces | perfect: U(0, 2 pi) |
    | ball_vel_magn | 2 | stays | none |
    | ball_x | [2, 30] | x + 2 sin a + 0.2 n, mirrored by paddles | perfect: U(7.2, 24.8) |
    | ball_y | [3.2, 28.8] | y + 2 cos a + 0.2 n, mirrored by walls | perfect: U(3.2, 28.8) |
    | paddle_left_y, paddle_right_y | [2, 30] | p + clip(y - p, -1.5, 1.5) + 0.5 n | imperfect: p +- 1.5 + 0.5 n |
    | score_left, score_right | 0 ... 4 | counts goals; both 0 when one reaches 5 | none |

    with n standard normal and all positions kept in their range. A paddle, 2 wide and 6 high around x = 5 or 27,
    reflects the ball (radius 1.2) at the place where the paddle was before the step. When the noise-free x passes 3.2
    or 28.8, a goal is counted; the ball restarts in the centre in any direction, and the paddles restart in U(4, 28),
    even if they are intervened on. At most one variable is a target in a step, none with probability 0.85^5. Rules:
    Lippe et al., "CITRIS", ICML 2022, the Interventional Pong environment.

    Example:
        >>> world = Pong()
        >>> world.render(world.reset(2, np.random.default_rng(0))).shape
        (2, 32, 32, 4)
    """

    name: ClassVar[str] = "pong"
    version: ClassVar[int] = 1

    def __init__(self) -> None:
        self.variables = VariableSpace(FACTORS)
        kinds = dict.fromkeys(self.variables.names, Intervention.NONE)
        kinds |= dict.fromkeys(("ball_vel_dir", "ball_x", "ball_y"), Intervention.PERFECT)
        kinds |= dict.fromkeys(("paddle_left_y", "paddle_right_y"), Intervention.IMPERFECT)
        self.interventions = kinds
        names = self.variables.names
        self.temporal_graph = np.array([[parent in PARENTS[child] for child in names] for parent in names])
        self.instantaneous_graph = np.zeros((len(names), len(names)), dtype=bool)
        self.observation_shape = (SIZE, SIZE, CHANNELS)
        self._backgrounds = draw_backgrounds()

    def policy(self) -> TargetPolicy:
        return SingleTargets(len(MOVING), none_probability=0.85 ** len(MOVING))

    def reset(self, num: int, rng: np.random.Generator) -> np.ndarray:
        return self.independent(num, rng)

    def independent(self, num: int, rng: np.random.Generator) -> np.ndarray:
        factors = np.empty((num, len(FACTORS)))
        factors[:, MOVING] = _uniform(num, ANYWHERE, rng)
        factors[:, MAGNITUDE] = SPEED
        factors[:, SCORES] = rng.integers(MAX_SCORE, size=(num, 2))
        return factors

    def step(self, factors: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return advance(factors, targets, sample_draws(len(factors), rng))

    def render(self, factors: np.ndarray) -> np.ndarray:
        scores = factors[:, SCORES].astype(np.int64)
        inside = bool(((scores >= 0) & (scores < MAX_SCORE)).all())
        checks.require(inside, "the scores of pong", f"from 0 to {MAX_SCORE - 1}", f"{scores.min()} to {scores.max()}")
        frames = self._backgrounds[scores[:, 0], scores[:, 1]]
        draw_games(frames, factors[:, PADDLES], factors[:, BALL], np.stack(_fly(factors.T), axis=1))
        return frames

    def settings(self) -> dict[str, Any]:
        return {}


def sample_draws(num: int, rng: np.random.Generator) -> Draws:
    """Draw the random numbers of one step of ``num`` games."""
    noise = NOISE * rng.standard_normal((num, len(MOVING)))
    fresh = _uniform(num, FRESH, rng)
    jumps = np.where(rng.random((num, 2)) < 0.5, -MAX_STEP, MAX_STEP)
    return Draws(noise, fresh, jumps)


def _uniform(num: int, ranges: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uniform draws (num, 5) from five ranges, rows (low, high)."""
    low, high = ranges.T
    return low + (high - low) * rng.random((num, len(ranges)))


def advance(factors: np.ndarray, targets: np.ndarray, draws: Draws) -> np.ndarray:
    """One step as a pure function of the state, the targets and the random numbers.

    A goal is counted even if an intervention moves the ball elsewhere; the paddles of a game with a goal restart even
    if they are intervened on.

    Args:
        factors: (num, 8) float64, in the order of `FACTORS`; left unchanged.
        targets: (num, 8) bool.
        draws: random numbers for the same ``num``.

    Returns:
        (num, 8) float64.
    """
    state, noise, fresh = factors.T, draws.noise.T, draws.fresh.T
    x, y = _fly(state)
    scored = np.stack([x > WALLS[1], x < WALLS[0]])
    goal = scored[0] | scored[1]
    paddles = state[PADDLES]
    followed = paddles + np.clip(state[BALL_Y] - paddles, -MAX_STEP, MAX_STEP)
    moved = _confine(np.concatenate([_bounce(state[DIRECTION], x, y, paddles), followed]) + noise)
    restart = fresh.copy()
    restart[1:3] = CENTRE
    replaced = _confine(np.concatenate([fresh[:3], paddles + draws.jumps.T + noise[3:]]))
    replaced[3:] = np.where(goal, restart[3:], replaced[3:])
    after = state.copy()
    after[MOVING] = np.where(targets.T[MOVING], replaced, np.where(goal, restart, moved))
    after[SCORES] = _count(state[SCORES], scored)
    return np.ascontiguousarray(after.T)


def _fly(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the ball would be one step later, undisturbed: x, y of states (8, num)."""
    direction, speed = state[DIRECTION], state[MAGNITUDE]
    return state[BALL_X] + speed * np.sin(direction), state[BALL_Y] + speed * np.cos(direction)


def _bounce(direction: np.ndarray, x: np.ndarray, y: np.ndarray, paddles: np.ndarray) -> np.ndarray:
    """Direction, x and y (3, num) after walls and paddles have mirrored the ball; paddles are at heights (2, num)."""
    kept = np.clip(y, *WALLS)
    direction = np.where(y == kept, direction, math.pi - direction)
    y = 2 * kept - y
    for front, (near, far), height in zip(FRONTS, CONTACTS, paddles):
        hit = (np.abs(y - height) <= HALF_HEIGHT) & (near < x) & (x < far)
        x, direction = np.where(hit, 2 * front - x, x), np.where(hit, -direction, direction)
    return np.stack([direction, x, y])


def _confine(moving: np.ndarray) -> np.ndarray:
    """Keep values (5, num), in the order of `MOVING`, in their ranges."""
    confined = np.clip(moving, RANGES[:, :1], RANGES[:, 1:])
    confined[0] %= TURN
    return confined


def _count(scores: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """Scores (2, num) after goals (2, num) of the left and the right player."""
    counted = scores + scored
    return np.where((counted >= MAX_SCORE).any(axis=0), 0.0, counted)
