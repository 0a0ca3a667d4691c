"""Records of a sensor world: transitions whose variables are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect import checks

from .log import distorted, targets, truth
from .mechanisms import variables
from .sensors import nuisance, observe
from .world import SensorWorld

EPISODE = 200


@dataclass(frozen=True)
class Record:
    """Transitions, episode after episode, in the order of time.

    Attributes:
        before, after: (rows, K + nuisance) observations.
        previous, values: (rows, K) true variables before and after.
        targets: (rows, columns) bool, as logged; one column per variable, except of "coupled".
        variables: the variable of each column.
        false: (columns,) bool; the column says nothing true about its variable.
    """

    before: np.ndarray
    after: np.ndarray
    previous: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    variables: np.ndarray
    false: np.ndarray

    @property
    def names(self) -> list[str]:
        """One name per column."""
        return [f"c{i}" for i in self.variables]


def record(world: SensorWorld, rows: int, stream: int = 0, episodes: int | None = None) -> Record:
    """Transitions of a world; each stream is an independent sample of the same mechanisms.

    Args:
        world: its settings.
        rows: number of transitions; a multiple of the number of episodes.
        stream: seed of the sample.
        episodes: number of episodes of the same length; by default each has 200 rows, if that divides `rows`.

    Raises:
        ValueError: the number of rows is no multiple of that of episodes, or too small for the policy "few".
    """
    episodes = episodes or (rows // EPISODE if rows % EPISODE == 0 else 1)
    checks.require(rows % episodes == 0, "the rows of a record", f"a multiple of its {episodes} episodes", rows)
    rng = np.random.default_rng((1, world.seed, stream))
    shape = (episodes, rows // episodes)
    logged = targets(world, shape, rng)
    values = variables(world, truth(world, logged), rng)
    logged = distorted(world, logged, values, rng)
    z = observe(world, values, nuisance(values.shape[:2], world.num_nuisance, rng))
    before, after, previous, following = (
        part.reshape(rows, -1) for part in (z[:, :-1], z[:, 1:], values[:, :-1], values[:, 1:])
    )
    columns = np.delete(np.arange(world.num_variables), [1] if world.fault == "coupled" else [])
    false = (columns == 0) if world.fault in ("dead", "thermostat") else np.full(len(columns), _nothing_true(world))
    return Record(before, after, previous, following, logged.reshape(rows, -1)[:, columns], columns, false)


def _nothing_true(world: SensorWorld) -> bool:
    lasting = world.policy == "held"
    return world.fault == "shuffled" or (world.fault == "late" and not lasting) or world.strength == 0
