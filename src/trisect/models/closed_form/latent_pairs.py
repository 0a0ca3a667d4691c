"""Latents before and after every transition, which the steps of the closed form change one after the other."""

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
        """Map latents (rows, L) to changed latents (rows, L)."""
        ...

    def of_scaled(self, latent: int, by: float) -> Change:
        """The same map for latents of which one has been divided by a number."""
        ...


@dataclass
class LatentPairs:
    """Latents before and after every transition, and the changes that led to them.

    Attributes:
        before, after: (pairs, L).
        slots: (L,) int, slot of each latent; the noise slot is K.
        scale: (L,), numbers that the latents were divided by before all changes.
        past: the dynamics regression, on features of the latents before each transition.
        changes: the changes applied so far.
    """

    before: np.ndarray
    after: np.ndarray
    slots: np.ndarray
    scale: np.ndarray
    past: Ridge
    changes: list[Change] = field(default_factory=list)

    def rescale(self, latent: int, by: float) -> None:
        """Divide a latent by a number; the division comes before all changes, which are adapted to it."""
        self.changes = [change.of_scaled(latent, by) for change in self.changes]
        self.before[:, latent] /= by
        self.after[:, latent] /= by
        self.scale[latent] *= by

    def apply(self, change: Change) -> None:
        """Apply one more change to the latents."""
        self.before, self.after = change(self.before), change(self.after)
        self.changes.append(change)
