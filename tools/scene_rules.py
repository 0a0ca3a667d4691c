"""Whether factors found in frames of Temporal Causal3DIdent obey its rules: a check that needs no labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.worlds import causal3dident_dynamics as dynamics
from trisect.worlds.causal3dident_dynamics import NAMES, NUM_MOVING, ORDER, POSITIONS, TURN, Rules

HUES_APART = TURN / 8
"""The published frames show each hue at eight values so far apart."""


@dataclass(frozen=True)
class Residual:
    """How far steps without an intervention end from where the rules lead.

    Attributes:
        name: of the variable.
        num: how many such steps there are.
        by_rules: robust deviation of what is left after the step of the rules.
        without_goals: the same of the whole step, as if the variable had no goal.
        known: the deviation of the noise in the rules.
    """

    name: str
    num: int
    by_rules: float
    without_goals: float
    known: float


def shorter_way(differences: np.ndarray) -> np.ndarray:
    """Differences of angles in [-pi, pi)."""
    return (differences + np.pi) % TURN - np.pi


def deviation(values: np.ndarray) -> float:
    """The standard deviation of normal values, by the median of absolute differences from the median."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def residuals(rows: np.ndarray, targets: np.ndarray, rules: Rules) -> np.ndarray:
    """What is left of each step after the rules' step halfway to the goal: (N - 1, 10), NaN where intervened on.

    Args:
        rows: (N, 10) factors of frames that follow each other, in the published order.
        targets: (N - 1, >= 10) which were intervened on in each step.
        rules: of the world.
    """
    before, after = _state(rows[:-1]), _state(rows[1:])
    parents = after if rules.instantaneous else before
    left = np.empty((len(rows) - 1, NUM_MOVING))
    for which, goal in ORDER:
        current = before[which]
        apart = goal(parents, current, rules) - current
        if which == POSITIONS:
            left[:, which] = (after[which] - current - 0.5 * apart).T
        else:
            left[:, which] = shorter_way(after[which] - current - 0.5 * shorter_way(apart)).T
    return np.where(targets[:, :NUM_MOVING] == 0, left, np.nan)


def _state(rows: np.ndarray) -> np.ndarray:
    """Rows (N, 10) as a state (12, N) of teapots."""
    return np.concatenate([rows.T, np.zeros((len(NAMES) - NUM_MOVING, len(rows)))])


def expected(row: np.ndarray) -> np.ndarray:
    """Where the rules lead from a row (10,) without noise and interventions, goals made before the step."""
    state = _state(row[None])
    nothing = dynamics.Draws(np.zeros((NUM_MOVING, 1)), np.zeros((NUM_MOVING + 1, 1)), np.zeros(1, bool))
    return dynamics.advance(state, np.zeros(state.shape, bool), nothing, Rules())[:NUM_MOVING, 0]


def check_rules(rows: np.ndarray, targets: np.ndarray, rules: Rules) -> list[Residual]:
    """Residuals of all variables but the third rotation; arguments as `residuals`."""
    left = residuals(rows, targets, rules)
    steps = np.where(np.isnan(left), np.nan, rows[1:] - rows[:-1])
    steps[:, POSITIONS.stop :] = shorter_way(steps[:, POSITIONS.stop :])
    found = []
    for i, name in enumerate(NAMES[:NUM_MOVING]):
        is_free = ~np.isnan(left[:, i])
        if i != dynamics.GAMMA and is_free.any():
            ours, whole = left[is_free, i], steps[is_free, i]
            found.append(Residual(name, len(ours), deviation(ours), deviation(whole), float(dynamics.NOISE[i, 0])))
    return found


def hue_grid(hues: np.ndarray) -> tuple[float, float]:
    """The phase of eight evenly spaced values that hues (N,) are nearest to, and the median distance from them.

    Hues that are anywhere have a median distance of 1/32 of a turn, 0.196.
    """
    phase = np.angle(np.exp(8j * hues).mean()) / 8 % HUES_APART
    distances = (hues - phase + HUES_APART / 2) % HUES_APART - HUES_APART / 2
    return float(phase), float(np.median(np.abs(distances)))


def print_check(rows: np.ndarray, targets: np.ndarray) -> None:
    """Print the residuals under both kinds of rules, and the grids of the hues."""
    for instantaneous in (False, True):
        kind = "within the step" if instantaneous else "before the step"
        print(f"deviations of steps without an intervention, goals made of the variables {kind}:")
        for found in check_rules(rows, targets, Rules(instantaneous)):
            print(
                f"  {found.name:15} {found.num:3} steps, by the rules {found.by_rules:.3f}, "
                f"without goals {found.without_goals:.3f}, noise of the rules {found.known:.2f}"
            )
    for name in dynamics.HUES:
        phase, distance = hue_grid(rows[:, NAMES.index(name)])
        print(f"{name}: median distance from eight values an eighth of a turn apart {distance:.3f}, first {phase:.3f}")
