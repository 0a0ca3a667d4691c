"""Latents before and after every transition, as the steps of the closed form change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from trisect.models.closed_form.ridge import Ridge
from trisect.models.closed_form.tanh_function import Rows


@runtime_checkable
class Change(Protocol):
    """An invertible map of all latents."""

    def __call__(self, z: Rows) -> Rows:
        """The latents (rows, L), changed."""
        ...

    def of_scaled(self, latent: int, by: float) -> Change:
        """The same map once one latent has been divided by a number."""
        ...


@dataclass
class LatentPairs:
    """Latents before and after every transition, and what was done to them.

    Attributes:
        before, after: (pairs, L).
        slots: (L,) int; the noise slot is K.
        scale: (L,), what the latents were divided by before all changes.
        past: the regression on what the dynamics see before each transition.
        changes: applied so far.
    """

    before: np.ndarray
    after: np.ndarray
    slots: np.ndarray
    scale: np.ndarray
    past: Ridge
    changes: list[Change] = field(default_factory=list)

    def rescale(self, latent: int, by: float) -> None:
        """Divide a latent by a number, from the start."""
        self.changes = [change.of_scaled(latent, by) for change in self.changes]
        self.before[:, latent] /= by
        self.after[:, latent] /= by
        self.scale[latent] *= by

    def apply(self, change: Change) -> None:
        """Change the latents once more."""
        self.before, self.after = change(self.before), change(self.after)
        self.changes.append(change)
