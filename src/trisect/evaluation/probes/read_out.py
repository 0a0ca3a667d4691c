"""The task of a probe, and the interface of all probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from trisect.variables import Factor


@dataclass(frozen=True)
class ReadOut:
    """The task of a probe: predict the factors of the test half from each set of latents.

    Attributes:
        train: per set, (samples, latents of the set) float, standardised. A set may have no latents.
        test: per set, the same latents for other samples, with the same centre and scale.
        truth: (samples, factors), true factors of the training half.
        factors: one factor per column of the truth.
    """

    train: tuple[np.ndarray, ...]
    test: tuple[np.ndarray, ...]
    truth: Float[np.ndarray, "samples factors"]
    factors: tuple[Factor, ...]


@runtime_checkable
class Probe(Protocol):
    """A way to predict factors from latents."""

    @property
    def name(self) -> str:
        """Name of the probe in reports."""

    def predict(self, read_out: ReadOut, rng: np.random.Generator) -> Float[np.ndarray, "sets samples factors"]:
        """Predictions for the test half, in the factors' own units, float64; all randomness comes from ``rng``."""
