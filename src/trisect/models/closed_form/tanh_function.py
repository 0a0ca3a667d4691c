"""Functions of latents that one ridge regression fits: linear, plus tanh features with fixed directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from trisect.models.closed_form.ridge import RowSet, ridge_on
from trisect.rows import chunks

Rows = Float[np.ndarray, "rows latents"]


@dataclass(frozen=True)
class TanhFunction:
    """bias + z . linear + tanh(z directions + offsets) . weights.

    Attributes:
        linear: (L,), weights of the latents.
        directions: (L, M), weights of the latents in each tanh feature.
        offsets, weights: (M,), offset and weight of each tanh feature.
        bias: constant term.
    """

    linear: np.ndarray
    directions: np.ndarray
    offsets: np.ndarray
    weights: np.ndarray
    bias: float = 0.0

    def __call__(self, z: Rows) -> Float[np.ndarray, " rows"]:
        """Evaluate at every row."""
        values = np.empty(len(z))
        for rows in chunks(len(z)):
            values[rows] = self.bias + z[rows] @ self.linear + self.features(z[rows]) @ self.weights
        return values

    def features(self, z: Rows) -> Float[np.ndarray, "rows features"]:
        """The tanh features alone."""
        return np.tanh(z @ self.directions + self.offsets)

    def scaled(self, by: float) -> TanhFunction:
        """The function multiplied by a number."""
        return replace(self, linear=self.linear * by, weights=self.weights * by, bias=self.bias * by)

    def of_scaled(self, latent: int, by: float) -> TanhFunction:
        """The same function for latents of which one has been divided by a number."""
        linear, directions = self.linear.copy(), self.directions.copy()
        linear[latent] *= by
        directions[latent] *= by
        return replace(self, linear=linear, directions=directions)

    def fitted(self, z: Rows, y: Float[np.ndarray, " rows"], inputs: Sequence[int], ridge: float) -> TanhFunction:
        """Fit bias, weights and the linear part on some latents to y by ridge regression; keep the tanh features."""

        def features(rows: RowSet) -> np.ndarray:
            part = z[rows]
            return np.column_stack([np.ones(len(part)), part[:, list(inputs)], self.features(part)])

        solution = ridge_on(features, np.ones(len(z), dtype=bool), ridge).weights(y)
        linear = np.zeros(z.shape[1])
        linear[list(inputs)] = solution[1 : 1 + len(inputs)]
        return replace(self, linear=linear, weights=solution[1 + len(inputs) :], bias=float(solution[0]))


def zero_function(num_latents: int, num_features: int) -> TanhFunction:
    """A function of this size that is 0 everywhere."""
    features = np.zeros(num_features)
    return TanhFunction(np.zeros(num_latents), np.zeros((num_latents, num_features)), features, features)


def with_knots(num_latents: int, column: int, knots: np.ndarray) -> TanhFunction:
    """A function of one latent, 0 until fitted: its features step at evenly spaced knots, each as wide as their gap."""
    width = float(knots[-1] - knots[0]) / len(knots) or 1.0
    empty = zero_function(num_latents, len(knots))
    empty.directions[column] = 1 / width
    return replace(empty, offsets=-knots / width)


def with_random_features(
    num_latents: int, inputs: Sequence[int], num_features: int, rng: np.random.Generator
) -> TanhFunction:
    """A function of some latents of about unit variance, 0 until fitted: its features have random directions."""
    empty = zero_function(num_latents, num_features)
    empty.directions[list(inputs)] = 1.5 * rng.normal(size=(len(inputs), num_features)) / np.sqrt(len(inputs))
    return replace(empty, offsets=rng.uniform(-2, 2, num_features))
