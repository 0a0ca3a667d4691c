"""Factors as coordinates that a regression can predict: a number, (sine, cosine) of an angle, a one-hot category."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from trisect.variables import Angle, Categorical, Factor


def num_coordinates(factor: Factor) -> int:
    """Number of coordinates of a factor: 2 for an angle, one per category, else 1."""
    if isinstance(factor, Categorical):
        return factor.num_categories
    return 2 if isinstance(factor, Angle) else 1


def to_coordinates(factor: Factor, values: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "samples coordinates"]:
    """Coordinates of a factor's values: (sin, cos) of an angle in radians, one-hot categories, else the values."""
    if isinstance(factor, Angle):
        return np.stack([np.sin(values), np.cos(values)], axis=1)
    if isinstance(factor, Categorical):
        return np.eye(factor.num_categories)[values.astype(np.int64)]
    return values[:, None]


def from_coordinates(
    factor: Factor, coordinates: Float[np.ndarray, "*samples coordinates"]
) -> Float[np.ndarray, "*samples"]:
    """Values of predicted coordinates: an angle in [0, 2 pi), the largest coordinate's category, else the number."""
    if isinstance(factor, Angle):
        return np.mod(np.arctan2(coordinates[..., 0], coordinates[..., 1]), 2 * np.pi)
    if isinstance(factor, Categorical):
        return coordinates.argmax(axis=-1).astype(np.float64)
    return coordinates[..., 0]
