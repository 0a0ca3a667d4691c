"""The rules by which the variables of Causal3DIdent move; all random numbers are arguments.

Arrays here have a row per factor, in the order of `NAMES`, and a column per world: (12, num). Factors that a world
leaves out are 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

POSITION, ROTATION = ("x", "y", "z"), ("alpha", "beta", "gamma")
HUES = ("hue_object", "hue_spot", "hue_background")
NAMES = (*POSITION, *ROTATION, "spot_rotation", *HUES, "shape", "material")
GROUPS = {"pos": POSITION, "rot": ROTATION}
"""Variables of coarse worlds that have several factors."""
X, Y, Z, ALPHA, BETA, GAMMA, SPOT, HUE_OBJECT, HUE_SPOT, HUE_BACKGROUND, SHAPE, MATERIAL = range(len(NAMES))
NUM_MOVING = 10
"""All factors but the shape and the material move in steps; the first three are positions, the rest angles."""

TURN = 2 * math.pi
LIMIT = 2.0
REACH = 1.5
POSITION_NOISE, ANGLE_NOISE = 0.1, 0.15
NOISE = np.array([POSITION_NOISE] * 3 + [ANGLE_NOISE] * 7)[:, None]
SHAPE_CHANGE = 0.05
NUM_SHAPES = 7
HARE, DRAGON = 2, 4
SHAPE_HUES = TURN / 5 * np.array([0, 1, 0, 2, 0, 3, 4])
"""Goal of the object's hue by the shape's place; those of `HARE` and `DRAGON` follow the other hues instead."""

PARENTS: dict[str, tuple[str, ...]] = {
    "x": ("beta",),
    "y": ("alpha",),
    "z": ("alpha",),
    "alpha": ("hue_background",),
    "beta": ("hue_object",),
    "spot_rotation": ("x", "y"),
    "hue_spot": ("hue_background",),
}
"""The factors that each goal depends on; those of the object's hue depend on the shapes (`goal_parents`)."""


@dataclass(frozen=True)
class Rules:
    """Options of the rules, which a world sets.

    Attributes:
        instantaneous: whether goals depend on their parents after the step, instead of before it.
        hue_by_shape: whether the shape sets the goal of the object's hue; otherwise the hue is its own goal.
    """

    instantaneous: bool = False
    hue_by_shape: bool = False


@dataclass(frozen=True)
class Draws:
    """All random numbers of one step of ``num`` worlds; they are drawn whether they are used or not.

    Attributes:
        noise: (10, num), added to positions and angles.
        fresh: (11, num), values of interventions; the shape also takes its value when it changes by itself.
        changes: (num,) bool, whether the shape changes by itself.
    """

    noise: np.ndarray
    fresh: np.ndarray
    changes: np.ndarray


def sample_draws(num: int, places: np.ndarray, rng: np.random.Generator) -> Draws:
    """Draw the random numbers of one step of ``num`` worlds whose shapes have these places."""
    noise = NOISE * rng.standard_normal((NUM_MOVING, num))
    return Draws(noise, sample_fresh(num, places, rng), rng.random(num) < SHAPE_CHANGE)


def sample_fresh(num: int, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw values that ignore the past, uniform over their ranges, of all factors but the material: (11, num)."""
    fresh = np.empty((NUM_MOVING + 1, num))
    fresh[:SHAPE] = rng.random((NUM_MOVING, num))
    fresh[:ALPHA] = LIMIT * (2 * fresh[:ALPHA] - 1)
    fresh[ALPHA:SHAPE] *= TURN
    fresh[SHAPE] = places[rng.integers(len(places), size=num)]
    return fresh


Adder = Callable[[np.ndarray, np.ndarray], np.ndarray]


def add_within(mean: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Positions mean + noise' in [-2, 2], where noise' is distributed like noise redrawn until they are inside.

    Redrawing gives a normal variable truncated to the range. Its distribution function is F = (Phi - low) / (high -
    low), with Phi that of the noise, and low and high the values of Phi at the ends. Therefore noise' =
    F^-1(Phi(noise)) has exactly this distribution, increases with the noise, and needs a single draw whatever the mean
    is. Away from the ends it equals the noise.
    """
    low, high = ndtr((-LIMIT - mean) / POSITION_NOISE), ndtr((LIMIT - mean) / POSITION_NOISE)
    share = low + (high - low) * ndtr(noise / POSITION_NOISE)
    return np.clip(mean + POSITION_NOISE * ndtri(share), -LIMIT, LIMIT)


def advance(
    state: np.ndarray, targets: np.ndarray, draws: Draws, rules: Rules, add_to_position: Adder = add_within
) -> np.ndarray:
    """One step as a pure function of the state, the targets and the random numbers.

    c' = c + d / 2 + noise with d = goal - c, for angles the shorter way round. Interventions replace values; in an
    instantaneous world, variables later in the order then follow them in the same step.

    Args:
        state: (12, num) float64; left unchanged.
        targets: (12, num) bool, by factor.
        draws: random numbers for the same ``num``.
        rules: rules of the world.
        add_to_position: adds a position's noise to its mean.

    Returns:
        (12, num) float64, angles in [0, 2 pi).
    """
    after = state.copy()
    parents = after if rules.instantaneous else state
    after[SHAPE] = np.where(targets[SHAPE] | draws.changes, draws.fresh[SHAPE], state[SHAPE])
    for rows, goal in ORDER:
        current, noise = state[rows], draws.noise[rows]
        difference = goal(parents, current, rules) - current
        if rows == POSITIONS:
            moved = add_to_position(current + 0.5 * difference, noise)
        else:
            moved = (current + 0.5 * _shorter_way(difference) + noise) % TURN
        after[rows] = np.where(targets[rows], draws.fresh[rows], moved)
    if rules.instantaneous:
        after[GAMMA] = 0.0
    return after


def _shorter_way(difference: np.ndarray) -> np.ndarray:
    """Differences of angles in [-pi, pi)."""
    return (difference + math.pi) % TURN - math.pi


def _itself(parents: np.ndarray, current: np.ndarray, rules: Rules) -> np.ndarray:
    return current


def _hue_spot_goal(parents: np.ndarray, current: np.ndarray, rules: Rules) -> np.ndarray:
    return TURN - parents[HUE_BACKGROUND][None]


def _hue_object_goal(parents: np.ndarray, current: np.ndarray, rules: Rules) -> np.ndarray:
    """Depends on the shape: a fixed hue, the circular mean of the other two hues (hare), or its opposite (dragon)."""
    if not rules.hue_by_shape:
        return current
    shape, hues = parents[SHAPE].astype(np.int64), parents[[HUE_SPOT, HUE_BACKGROUND]]
    mean = np.arctan2(np.sin(hues).sum(axis=0), np.cos(hues).sum(axis=0))
    follows = np.where(shape == DRAGON, mean + math.pi, mean)
    return np.where((shape == HARE) | (shape == DRAGON), follows, SHAPE_HUES[shape])[None]


def _rotation_goals(parents: np.ndarray, current: np.ndarray, rules: Rules) -> np.ndarray:
    return np.stack([parents[HUE_BACKGROUND], parents[HUE_OBJECT], np.zeros_like(parents[GAMMA])])


def _position_goals(parents: np.ndarray, current: np.ndarray, rules: Rules) -> np.ndarray:
    alpha = parents[ALPHA]
    return REACH * np.stack([np.sin(parents[BETA]), np.sin(alpha), np.cos(alpha)])


def _spot_goal(parents: np.ndarray, current: np.ndarray, rules: Rules) -> np.ndarray:
    return np.arctan2(parents[X], parents[Y])[None]


Goal = Callable[[np.ndarray, np.ndarray, Rules], np.ndarray]
POSITIONS = slice(X, Z + 1)
ORDER: tuple[tuple[slice, Goal], ...] = (
    (slice(HUE_BACKGROUND, HUE_BACKGROUND + 1), _itself),
    (slice(HUE_SPOT, HUE_SPOT + 1), _hue_spot_goal),
    (slice(HUE_OBJECT, HUE_OBJECT + 1), _hue_object_goal),
    (slice(ALPHA, GAMMA + 1), _rotation_goals),
    (POSITIONS, _position_goals),
    (slice(SPOT, SPOT + 1), _spot_goal),
)
"""Rows and their goals; parents come before children."""


def goal_parents(name: str, places: Sequence[int]) -> tuple[str, ...]:
    """The factors, besides itself, that a factor's goal depends on in a world whose shapes have these places."""
    if name != "hue_object" or len(places) == 1:
        return PARENTS.get(name, ())
    return ("shape", "hue_spot", "hue_background") if {HARE, DRAGON} & {*places} else ("shape",)


def graphs(names: Sequence[str], places: Sequence[int], instantaneous: bool) -> tuple[np.ndarray, np.ndarray]:
    """The temporal and the instantaneous graph (D, D) bool of a world of these factors.

    Every factor is its own parent from step to step, except the third rotation of an instantaneous world, which
    is 0 after every step. Parents of goals are temporal or instantaneous, never both.
    """
    lasting = np.array([not (instantaneous and name == "gamma") for name in names])
    goals = np.array([[parent in goal_parents(child, places) for child in names] for parent in names])
    alone = np.diag(lasting)
    return (alone, goals) if instantaneous else (alone | goals, np.zeros_like(goals))
