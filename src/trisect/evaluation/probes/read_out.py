"""What a probe is asked, and what every probe offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from trisect.variables import Factor


@dataclass(frozen=True)
class ReadOut:
    """What a probe is asked: predict the factors of the test half from each set of latents.

    Attributes:
        train: per set, (samples, its latents) float; standardised. A set may have no latents.
        test: per set, the same latents of other samples, with the same centre and scale.
        truth: (samples, factors) of the training half.
        factors: one per column of the truth.
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
        """How reports call it."""

    def predict(self, read_out: ReadOut, rng: np.random.Generator) -> Float[np.ndarray, "sets samples factors"]:
        """Predictions for the test half, in the factors' own units, float64; from ``rng`` alone."""
