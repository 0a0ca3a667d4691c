"""Checking without labels whether factors found in frames of Temporal Causal3DIdent obey its rules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.worlds import causal3dident_dynamics as dynamics
from trisect.worlds.causal3dident_dynamics import NAMES, NUM_MOVING, ORDER, POSITIONS, TURN, Rules

HUES_APART = TURN / 8
"""Distance between the eight values of each hue in the published frames."""


@dataclass(frozen=True)
class Residual:
    """The deviation of steps without an intervention from the rules.

    Attributes:
        name: name of the variable.
        num: number of such steps.
        by_rules: robust deviation of the residual after subtracting the step of the rules.
        without_goals: robust deviation of the whole step, as if the variable had no goal.
        known: deviation of the noise in the rules.
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
    """A robust standard deviation: 1.4826 times the median absolute difference from the median."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def residuals(rows: np.ndarray, targets: np.ndarray, rules: Rules) -> np.ndarray:
    """The residual (N - 1, 10) of each step after subtracting the rules' step halfway to the goal; NaN where acted on.

    Args:
        rows: (N, 10) factors of consecutive frames, in the published order.
        targets: (N - 1, >= 10) targets of each step.
        rules: rules of the world.
    """
    before, after = _state(rows[:-1]), _state(rows[1:])
    parents = after if rules.instantaneous else before
    residual = np.empty((len(rows) - 1, NUM_MOVING))
    for which, goal in ORDER:
        current = before[which]
        apart = goal(parents, current, rules) - current
        if which == POSITIONS:
            residual[:, which] = (after[which] - current - 0.5 * apart).T
        else:
            residual[:, which] = shorter_way(after[which] - current - 0.5 * shorter_way(apart)).T
    return np.where(targets[:, :NUM_MOVING] == 0, residual, np.nan)


def _state(rows: np.ndarray) -> np.ndarray:
    """The state (12, N) of teapots for rows (N, 10)."""
    return np.concatenate([rows.T, np.zeros((len(NAMES) - NUM_MOVING, len(rows)))])


def expected(row: np.ndarray) -> np.ndarray:
    """The row (10,) after one step of the rules without noise and interventions, with goals from before the step."""
    state = _state(row[None])
    nothing = dynamics.Draws(np.zeros((NUM_MOVING, 1)), np.zeros((NUM_MOVING + 1, 1)), np.zeros(1, bool))
    return dynamics.advance(state, np.zeros(state.shape, bool), nothing, Rules())[:NUM_MOVING, 0]


def check_rules(rows: np.ndarray, targets: np.ndarray, rules: Rules) -> list[Residual]:
    """Residuals of all variables except the third rotation; arguments as for `residuals`."""
    remaining = residuals(rows, targets, rules)
    steps = np.where(np.isnan(remaining), np.nan, rows[1:] - rows[:-1])
    steps[:, POSITIONS.stop :] = shorter_way(steps[:, POSITIONS.stop :])
    checked = []
    for i, name in enumerate(NAMES[:NUM_MOVING]):
        is_free = ~np.isnan(remaining[:, i])
        if i != dynamics.GAMMA and is_free.any():
            noise, whole = remaining[is_free, i], steps[is_free, i]
            checked.append(Residual(name, len(noise), deviation(noise), deviation(whole), float(dynamics.NOISE[i, 0])))
    return checked


def hue_grid(hues: np.ndarray) -> tuple[float, float]:
    """The phase of the eight evenly spaced values nearest to hues (N,), and the median distance from them.

    Uniformly distributed hues have a median distance of 1/32 of a turn, 0.196.
    """
    phase = np.angle(np.exp(8j * hues).mean()) / 8 % HUES_APART
    distances = (hues - phase + HUES_APART / 2) % HUES_APART - HUES_APART / 2
    return float(phase), float(np.median(np.abs(distances)))


def print_check(rows: np.ndarray, targets: np.ndarray) -> None:
    """Print the residuals under both kinds of rules, and the eight-value grids of the hues."""
    for instantaneous in (False, True):
        kind = "within the step" if instantaneous else "before the step"
        print(f"deviations of steps without an intervention, with goals from the variables {kind}:")
        for residual in check_rules(rows, targets, Rules(instantaneous)):
            print(
                f"  {residual.name:15} {residual.num:3} steps, by the rules {residual.by_rules:.3f}, "
                f"without goals {residual.without_goals:.3f}, noise of the rules {residual.known:.2f}"
            )
    for name in dynamics.HUES:
        phase, distance = hue_grid(rows[:, NAMES.index(name)])
        print(f"{name}: median distance from eight values an eighth of a turn apart {distance:.3f}, first {phase:.3f}")
