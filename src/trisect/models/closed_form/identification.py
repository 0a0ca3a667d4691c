"""What an identification of latents is: an invertible map of them, and the slot of each of its outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect.models.closed_form import splitting
from trisect.models.closed_form.latent_pairs import Change
from trisect.models.closed_form.leakage import Curves, blank_curves
from trisect.models.closed_form.splitting import Coupling


@dataclass(frozen=True)
class Identification:
    """An invertible map of the latents and the slot of each of its outputs: linear, then couplings if any.

    Attributes:
        mean: (L,), subtracted first.
        matrix: (L, L), invertible; (z - mean) @ matrix has the directions of slot 0 first, then slot 1, ..., the noise
            slot last.
        slots: (L,) int, the slot of each new latent; the noise slot is K.
        ratios: per variable, the variance ratios of its contrast in falling order.
        couplings: what parts some slots from the noise slot, applied in their order.
        curves: what straightens the latents, applied after them, in their order; all new latents then have a variance
            of about 1.
    """

    mean: np.ndarray
    matrix: np.ndarray
    slots: np.ndarray
    ratios: tuple[np.ndarray, ...]
    couplings: tuple[Coupling, ...] = ()
    curves: tuple[Curves, ...] = ()

    @property
    def num_splits(self) -> int:
        """How many slots were parted from the noise slot."""
        return len(self.couplings) // len(splitting.SIZES)

    def transform(self, z: np.ndarray) -> np.ndarray:
        """New latents of (N, L) latents."""
        new = (z - self.mean) @ self.matrix
        changes: tuple[Change, ...] = (*self.couplings, *self.curves)
        for change in changes:
            new = change(new)
        return new

    def assignment(self) -> np.ndarray:
        """One-hot (L, K + 1) bool."""
        return self.slots[:, None] == np.arange(len(self.ratios) + 1)


def blank_identification(
    num_latents: int, num_variables: int, num_splits: int = 0, num_curves: int = 0
) -> Identification:
    """The identity, of the same make as one with so many partings and curves; every latent is in the noise slot."""
    slots = np.full(num_latents, num_variables)
    couplings = splitting.blank_couplings(num_latents, num_splits)
    ratios = (np.zeros(num_latents),) * num_variables
    curves = (blank_curves(num_latents),) * num_curves
    return Identification(np.zeros(num_latents), np.eye(num_latents), slots, ratios, couplings, curves)
