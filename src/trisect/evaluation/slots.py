"""The slots that evaluation works with: a table of latents and slots, and the names of the slots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect import checks


@dataclass(frozen=True)
class Slots:
    """The slots of a set of latents.

    Attributes:
        assignment: (latents, slots) bool. A model's assignment has one True per row; a baseline may show a latent to
            several slots.
        names: the targeted variables in their order, then "noise".

    Raises:
        ValueError: the table is not 0/1, its number of columns is not that of the names, or a name repeats.

    Example:
        >>> slots = Slots(np.eye(3, dtype=bool), ("x", "y", "noise"))
        >>> slots.variables, slots.columns("y").tolist()
        (('x', 'y'), [1])
    """

    assignment: np.ndarray
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        checks.unique_names(self.names, "the slot names")
        checks.shape(self.assignment, "the assignment", None, len(self.names))
        object.__setattr__(self, "assignment", checks.indicator(self.assignment, "the assignment"))

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the targeted variables: every slot but the noise slot."""
        return self.names[:-1]

    @property
    def num_latents(self) -> int:
        """Number of latents, rows of the table."""
        return len(self.assignment)

    def columns(self, name: str) -> np.ndarray:
        """Positions of the latents in one slot."""
        return np.flatnonzero(self.assignment[:, self.names.index(name)])

    def empty(self) -> tuple[str, ...]:
        """Names of the variables whose slot has no latents; an empty noise slot is not an error."""
        return tuple(name for name in self.variables if len(self.columns(name)) == 0)

    def permuted(self, rng: np.random.Generator) -> Slots:
        """Slots of the same sizes, with latents assigned at random."""
        return Slots(self.assignment[rng.permutation(self.num_latents)], self.names)

    def showing_all(self) -> Slots:
        """Slots that each see every latent."""
        return Slots(np.ones_like(self.assignment), self.names)
