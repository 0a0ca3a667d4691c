"""Heads of a probe: which outputs stand for a factor, and how they are converted back to the factor's unit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from trisect.factor_encoding import from_coordinates, num_coordinates, to_coordinates
from trisect.variables import Angle, Categorical, Factor

LEAST_SHARE = 0.01


class Heads:
    """One head per factor: 1 output (standardised value), 2 (sine, cosine), or one logit per category.

    Args:
        factors: factors in the order of the truth's columns.
        truth: (samples, factors), true factors of the training half, whose mean and deviation standardise continuous
            factors.
    """

    def __init__(self, factors: Sequence[Factor], truth: Float[np.ndarray, "samples factors"]):
        self.factors = tuple(factors)
        self.mean, deviation = truth.mean(axis=0), truth.std(axis=0)
        self.deviation = np.where(deviation > 0, deviation, 1.0)
        ends = np.cumsum([0, *(num_coordinates(factor) for factor in self.factors)])
        self.columns = [slice(int(start), int(end)) for start, end in itertools.pairwise(ends)]
        self.num_outputs = int(ends[-1])

    def encode(self, truth: Float[np.ndarray, "samples factors"]) -> Float[np.ndarray, "samples outputs"]:
        """Target values of the outputs: standardised value, sine and cosine, one-hot category."""
        return np.concatenate([self._encode(k, truth[:, k]) for k in range(len(self.factors))], axis=1)

    def decode(
        self, outputs: Float[np.ndarray, "probes samples outputs"]
    ) -> Float[np.ndarray, "probes samples factors"]:
        """Predictions in the factors' own units, float64."""
        outputs = outputs.astype(np.float64)
        decoded = [self._decode(k, outputs[..., columns]) for k, columns in enumerate(self.columns)]
        return np.stack(decoded, axis=-1)

    def from_regression(
        self, outputs: Float[np.ndarray, "probes samples outputs"]
    ) -> Float[np.ndarray, "probes samples outputs"]:
        """Convert outputs of a regression on `encode`: shares of categories, clipped to at least 1%, become logits."""
        outputs = outputs.copy()
        for factor, columns in zip(self.factors, self.columns):
            if isinstance(factor, Categorical):
                outputs[..., columns] = np.log(outputs[..., columns].clip(LEAST_SHARE, None))
        return outputs

    def _encode(self, k: int, truth: np.ndarray) -> np.ndarray:
        if isinstance(self.factors[k], Angle | Categorical):
            return to_coordinates(self.factors[k], truth)
        return ((truth - self.mean[k]) / self.deviation[k])[:, None]

    def _decode(self, k: int, outputs: np.ndarray) -> np.ndarray:
        values = from_coordinates(self.factors[k], outputs)
        return values if isinstance(self.factors[k], Angle | Categorical) else values * self.deviation[k] + self.mean[k]
