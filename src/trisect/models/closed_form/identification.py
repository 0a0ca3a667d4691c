"""The result of the closed form: an invertible map of the latents, and the slot of each of its outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.models.closed_form import splitting
from trisect.models.closed_form.latent_pairs import Change
from trisect.models.closed_form.leakage import Curves, blank_curves
from trisect.models.closed_form.splitting import Coupling
from trisect.models.closed_form.statement import Statement


@dataclass(frozen=True)
class Identification:
    """An invertible map of the latents, and the slot of each output: linear, then couplings and curves if any.

    Attributes:
        mean: (L,), subtracted first.
        matrix: (L, L), invertible; (z - mean) @ matrix has the directions of slot 0 first, then slot 1, ..., the noise
            slot last.
        slots: (L,) int, the slot of each new latent; the noise slot is K.
        divergences: per variable, how far an intervention moves the distribution of the residual along its directions,
            falling: twice the divergence in nats (`trisect.models.closed_form.directions`).
        couplings: split content of the noise slot off some slots; applied in their order.
        curves: remove nonlinear leakage; applied after the couplings, in their order. All new latents then have a
            variance of about 1.
        statements: per variable, what the data allow to say about it.
    """

    mean: np.ndarray
    matrix: np.ndarray
    slots: np.ndarray
    divergences: tuple[np.ndarray, ...]
    couplings: tuple[Coupling, ...] = ()
    curves: tuple[Curves, ...] = ()
    statements: tuple[Statement, ...] = ()

    @property
    def num_splits(self) -> int:
        """Number of slots that were split."""
        return len(self.couplings) // len(splitting.SIZES)

    def transform(self, z: np.ndarray) -> np.ndarray:
        """Map latents (N, L) to new latents (N, L)."""
        new = (z - self.mean) @ self.matrix
        changes: tuple[Change, ...] = (*self.couplings, *self.curves)
        for change in changes:
            new = change(new)
        return new

    def assignment(self) -> np.ndarray:
        """One-hot (L, K + 1) bool."""
        return self.slots[:, None] == np.arange(len(self.divergences) + 1)


def blank_identification(
    num_latents: int, num_variables: int, num_splits: int = 0, num_curves: int = 0
) -> Identification:
    """The identity, with splits and curves that change nothing; every latent is in the noise slot.

    Its flow has the same shapes as that of any identification of these numbers, so that you can load weights into it.
    """
    slots = np.full(num_latents, num_variables)
    couplings = splitting.blank_couplings(num_latents, num_splits)
    divergences = (np.zeros(1),) * num_variables
    curves = (blank_curves(num_latents),) * num_curves
    return Identification(np.zeros(num_latents), np.eye(num_latents), slots, divergences, couplings, curves)
