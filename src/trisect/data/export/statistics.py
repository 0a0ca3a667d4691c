"""Statistics of columns as LeRobot keeps them: of every episode, and of all.

Those of all come from those of the episodes, as LeRobot computes them: means and quantiles are weighted by rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trisect.data.export.features import Feature
from trisect.rows import spread_rows

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
MOST_PICTURES, MOST_VECTORS = 100, 10_000
"""Observations of an episode that its statistics are made of, spread over it."""
Statistics = dict[str, np.ndarray]
"""min, max, mean, std, count and quantiles of a column."""


def statistics_of(feature: Feature, values: np.ndarray) -> Statistics:
    """Statistics of a column in some rows.

    Args:
        feature: the column.
        values: its (rows, ...) values, at least one row. Those of an ``"image"`` are scaled to 0..1.

    Returns:
        name -> (D,), of pictures (channels, 1, 1), of pictures as lists (channels,); ``count`` has shape (1,).
    """
    if feature.dtype == "image":
        channels = [_of_levels(np.bincount(each, minlength=256)) for each in values.reshape(-1, values.shape[-1]).T]
        found = {name: np.array([each[name] for each in channels]).reshape(-1, 1, 1) / 255.0 for name in channels[0]}
    else:
        found = _summary(values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[:, None])
    return {**found, "count": np.array([len(values)])}


def _summary(values: np.ndarray) -> Statistics:
    """Statistics of the columns of (N, D) numbers."""
    if len(values) == 1:
        alike = dict.fromkeys(("mean", *QUANTILES), values[0].astype(np.float64))
        return {"min": values[0], "max": values[0], "std": np.zeros(values.shape[1]), **alike}
    exact = values.astype(np.float64)
    found = {"min": values.min(axis=0), "max": values.max(axis=0), "mean": exact.mean(axis=0), "std": exact.std(axis=0)}
    return found | dict(zip(QUANTILES, np.quantile(exact, [*QUANTILES.values()], axis=0)))


def _of_levels(counts: np.ndarray) -> dict[str, float]:
    """Statistics of the pixels of a channel from the number of pixels of every level, (256,)."""
    levels, total = np.arange(256), counts.sum()
    seen, mean = np.flatnonzero(counts), float(counts @ levels / total)
    found = {"min": float(seen[0]), "max": float(seen[-1]), "mean": mean}
    found["std"] = float(np.sqrt(counts @ (levels - mean) ** 2 / total))
    ranks = np.searchsorted(np.cumsum(counts), np.array([*QUANTILES.values()]) * total)
    return found | dict(zip(QUANTILES, ranks.astype(float).tolist()))


def chosen_rows(observed: Feature, num_rows: int) -> np.ndarray:
    """The rows of an episode, (rows,), of which the observations make its statistics."""
    return spread_rows(num_rows, MOST_PICTURES if len(observed.shape) > 1 else MOST_VECTORS)


class Joined:
    """Statistics of all rows, from those of parts of them; parts whose numbers are not known are left out."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: Statistics = {}
        self._ends: Statistics = {}

    def add(self, part: Statistics) -> None:
        """Add the statistics of more rows."""
        if np.isnan(part["mean"]).any():
            return
        count = int(part["count"][0])
        sums = {name: part[name] * count for name in ("mean", *QUANTILES)}
        sums["squares"] = (part["std"] ** 2 + part["mean"] ** 2) * count
        self._ends = {
            "min": np.minimum(self._ends.get("min", part["min"]), part["min"]),
            "max": np.maximum(self._ends.get("max", part["max"]), part["max"]),
        }
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in sums.items()}
        self._count += count

    @property
    def is_known(self) -> bool:
        """Whether any part was added."""
        return self._count > 0

    def plain(self) -> Mapping[str, Any]:
        """The statistics in plain types."""
        means = {name: value / self._count for name, value in self._sums.items()}
        spread = np.sqrt(np.maximum(means.pop("squares") - means["mean"] ** 2, 0.0))
        found = {**self._ends, **means, "std": spread, "count": np.array([self._count])}
        return {name: np.asarray(value).tolist() for name, value in found.items()}
