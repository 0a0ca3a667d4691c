"""What single precision can hold: numbers that are finite and not too large, and steps that are not too small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trisect import checks

LARGEST = np.float64(1e18)
"""Numbers beyond this have squares that float32 cannot hold."""
CONSTANT = 1e-13
"""A column whose range is less than this fraction of its size is constant but for rounding."""
LOST = 1e-3
"""Rounding to float32 loses a column if it moves a value by more than this fraction of the column's range."""


def check_numbers(values: np.ndarray, what: str, first_row: int = 0) -> np.ndarray:
    """Return the array if all its numbers are finite and at most 1e18 in size, else raise `ValueError` with the row.

    Args:
        values: (rows, ...) numbers.
        what: name of the array in error messages.
        first_row: number of the array's first row.
    """
    if values.dtype.kind != "f" or values.size == 0 or bool(np.abs(values).max() <= LARGEST):
        return values
    row, *rest = np.argwhere(~(np.abs(values) <= LARGEST))[0].tolist()
    value = values[(row, *rest)]
    place = f"{value:g} in row {first_row + row}" + (f", column {rest[-1]}" if rest else "")
    if np.isfinite(value):
        raise ValueError(checks.sentence(what, f"at most {LARGEST:g} in size", place, "use another unit"))
    raise ValueError(checks.sentence(what, "finite", place, "repair or drop that row"))


@dataclass(frozen=True)
class Spread:
    """Range and rounding error of every column of some rows.

    Attributes:
        low, high: (D,) smallest and largest value.
        error: (D,) largest error of a value in float32.
    """

    low: np.ndarray
    high: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Spread:
        """The spread of rows (N, D) of finite numbers, N at least 1."""
        exact = rows.astype(np.float64)
        error = np.abs(exact - rows.astype(np.float32)).max(axis=0)
        return cls(exact.min(axis=0), exact.max(axis=0), error)

    def joined(self, other: Spread) -> Spread:
        """The spread of the rows of both."""
        return Spread(
            np.minimum(self.low, other.low), np.maximum(self.high, other.high), np.maximum(self.error, other.error)
        )

    @property
    def lost(self) -> list[int]:
        """Columns whose steps float32 loses.

        Example:
            >>> Spread.of(1e9 + np.arange(8.0)[:, None] * [1.0, 1e6]).lost
            [0]
        """
        reach, largest = self.high - self.low, np.maximum(np.abs(self.low), np.abs(self.high))
        return [int(k) for k in np.flatnonzero((self.error > LOST * reach) & (reach > CONSTANT * largest))]


def may_lose(dtype: np.dtype) -> bool:
    """Whether numbers of this type can lose digits in float32."""
    return dtype.itemsize > 4 or (dtype.kind in "iu" and dtype.itemsize == 4)


def as_single(values: np.ndarray) -> np.ndarray:
    """Numbers (rows, D) as float32, or as float64 if float32 would lose the steps of a column.

    Example:
        >>> as_single(np.array([[0.5], [2.0]])).dtype, as_single(np.array([[1e9], [1e9 + 1]])).dtype
        (dtype('float32'), dtype('float64'))
    """
    lost = may_lose(values.dtype) and len(values) > 0 and bool(Spread.of(values).lost)
    return np.asarray(values, dtype=np.float64 if lost else np.float32, order="C")
