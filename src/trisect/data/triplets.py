"""Triplets: two frames, and a third whose variables come from either of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.data.precision import as_single, check_numbers
from trisect.data.recording import check_observations
from trisect.notebook import few
from trisect.plain_arrays import plain_array
from trisect.variables import VariableSpace
from trisect.worlds.base import World


@dataclass(frozen=True, eq=False)
class Triplets:
    """N triplets of frames: a first, a second, and a third made of both.

    Attributes:
        observations: (N, 3, height, width, channels) uint8, or (N, 3, dims) float32.
        from_second: (N, K) 0/1 over all variables: True where the third frame has the variable's value from the second
            frame, else from the first. Kept as bool.
        variables: the K variables and their factors.
        factors: (N, 3, D) ground truth, or None. Kept as float32.

    Raises:
        ValueError: lengths differ, the mask is not 0/1, factors out of range.
        TypeError: the observations are neither uint8 frames nor float32 vectors.
    """

    observations: np.ndarray
    from_second: np.ndarray
    variables: VariableSpace
    factors: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_observations(self.observations, "the observations of triplets", lead=2)
        num = len(self.observations)
        checks.require(
            self.observations.shape[1] == 3, "the second axis of triplets", "3 frames", self.observations.shape[1]
        )
        what = "the mask 'from_second' of triplets"
        given = checks.shape(plain_array(self.from_second, what), what, num, len(self.variables))
        mask = checks.indicator(given, what, columns=self.variables.names)
        object.__setattr__(self, "from_second", mask)
        if self.factors is not None:
            num_factors = len(self.variables.factors)
            factors, what = plain_array(self.factors, "the factors of triplets"), "the factors of triplets"
            rows = checks.shape(factors, what, num, 3, num_factors).reshape(-1, num_factors)
            kept = as_single(check_numbers(self.variables.check_factors(rows, what), what))
            object.__setattr__(self, "factors", kept.reshape(num, 3, num_factors))

    def __len__(self) -> int:
        return len(self.observations)

    def __repr__(self) -> str:
        names = few(self.variables.names)
        return f"Triplets({len(self)} of observations {self.observations.shape[2:]}; variables: {names})"


def make_triplets(world: World, num: int, rng: np.random.Generator) -> Triplets:
    """Draw triplets from a world: two independent frames, and a third mixed from their factors.

    Every variable comes from the first or the second frame with probability 1/2; with two variables or more, at
    least one comes from each.

    Args:
        world: the world that draws the frames.
        num: number of triplets, at least 1.
        rng: source of all random numbers.
    """
    checks.positive_int(num, "the number of triplets")
    factors, from_second = mixed_factors(world, num, rng)
    observations = world.render(factors.reshape(3 * num, -1)).reshape(num, 3, *world.observation_shape)
    return Triplets(observations, from_second, world.variables, factors.astype(np.float32))


def mixed_factors(world: World, num: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Factors (num, 3, D) float64 of triplets and their mask (num, K) bool."""
    first, second = world.independent(num, rng), world.independent(num, rng)
    from_second = _mixing_mask(num, len(world.variables), rng)
    by_factor = np.zeros(first.shape, dtype=bool)
    for position, name in enumerate(world.variables.names):
        by_factor[:, list(world.variables.factor_columns(name))] = from_second[:, [position]]
    return np.stack([first, second, np.where(by_factor, second, first)], axis=1), from_second


def _mixing_mask(num: int, num_variables: int, rng: np.random.Generator) -> np.ndarray:
    """Fair coin flips (num, K) bool; in rows whose entries are all equal, one random entry is flipped."""
    mask = rng.random((num, num_variables)) < 0.5
    flipped = rng.integers(num_variables, size=num)
    if num_variables > 1:
        alike = np.flatnonzero(mask.all(axis=1) | ~mask.any(axis=1))
        mask[alike, flipped[alike]] ^= True
    return mask
