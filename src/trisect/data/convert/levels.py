"""The range of pixel values, recognised from the values or declared, and the conversion to uint8 levels 0..255."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from trisect import checks

Levels: TypeAlias = Literal["0..255", "0..1", "-1..1"]
LEVELS: dict[str, tuple[float, float]] = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
DARK = 16.0  # fractional numbers that never exceed this are overshooting fractions, not levels 0..255
SAY_WHICH = "say which with levels='0..255', '0..1' or '-1..1' (in the shell --levels=0..1, for example)"


@dataclass(frozen=True)
class Extent:
    """The range of the values in some frames.

    Attributes:
        low, high: the smallest and the largest value.
        is_whole: whether all values are whole numbers.
        last_low, last_high: the smallest and the largest value of the last channel.
    """

    low: float = math.inf
    high: float = -math.inf
    is_whole: bool = True
    last_low: float = math.inf
    last_high: float = -math.inf

    def with_block(self, block: np.ndarray, channel_axis: int) -> Extent:
        """The extent after adding more frames."""
        last = np.take(block, -1, axis=channel_axis)
        is_whole = self.is_whole and (block.dtype.kind in "iub" or bool((block == np.round(block)).all()))
        return Extent(
            min(self.low, float(block.min())),
            max(self.high, float(block.max())),
            is_whole,
            min(self.last_low, float(last.min())),
            max(self.last_high, float(last.max())),
        )

    def lies_in(self, levels: str) -> bool:
        """Whether no value lies outside a range by more than half a level."""
        low, high = LEVELS[levels]
        return self.low >= low - _half_a_level(levels) and self.high <= high + _half_a_level(levels)


def tell_levels(seen: Extent, dtype: np.dtype, what: str) -> Levels:
    """Recognise the range of pixels from their extent.

    Floats in [0, 1] are fractions, floats in [-1, 1] with negative values are centred fractions, and whole numbers and
    floats in [0, 255] are levels. Whole numbers that are only 0 or 1, black float frames, and floats slightly above 1
    are ambiguous.

    Raises:
        ValueError: the values fit none of the ranges, or are ambiguous.
    """
    got, is_float = f"{dtype} from {seen.low:g} to {seen.high:g}", dtype.kind == "f"
    must = "in a range that the values make clear"
    if seen.lies_in("0..1"):
        checks.require(is_float and seen.high > 0, what, must, got, SAY_WHICH)
        return "0..1"
    if is_float and seen.lies_in("-1..1"):
        return "-1..1"
    checks.require(seen.lies_in("0..255"), what, "in 0..255, 0..1 or -1..1", got, "scale the values into one of these")
    checks.require(seen.is_whole or seen.high > DARK, what, must, got, SAY_WHICH)
    return "0..255"


def to_uint8(block: np.ndarray, levels: Levels, what: str, first_row: int) -> np.ndarray:
    """Pixels as uint8; values between two levels go to the nearer one.

    Args:
        block: (rows, ...) numbers.
        levels: their range.
        what: name of the pixels in error messages.
        first_row: the number of the block's first row.

    Raises:
        ValueError: a value is not finite, or lies outside the range by more than half a level.
    """
    if block.dtype == np.uint8 and levels == "0..255":
        return block
    check_finite(block, what, first_row)
    (low, high), slack = LEVELS[levels], _half_a_level(levels)
    values = block.astype(np.float64)
    outside = ((values < low - slack) | (values > high + slack)).reshape(len(block), -1)
    if outside.any():
        row = int(np.argmax(outside.any(axis=1)))
        got = f"{values[row].reshape(-1)[np.argmax(outside[row])]:g} in frame {first_row + row}"
        raise ValueError(checks.sentence(what, f"in {levels}", got, SAY_WHICH))
    return np.clip(np.round((values - low) / (high - low) * 255), 0, 255).astype(np.uint8)


def check_finite(block: np.ndarray, what: str, first_row: int) -> None:
    """Raise `ValueError` with the number of the first frame that contains a NaN or an infinity."""
    if block.dtype.kind == "f" and not np.isfinite(block).all():
        bad = int(np.argmin(np.isfinite(block).reshape(len(block), -1).all(axis=1)))
        value = block[bad][~np.isfinite(block[bad])][0]
        todo = "repair or remove that frame"
        raise ValueError(checks.sentence(what, "finite", f"{value} in frame {first_row + bad}", todo))


def _half_a_level(levels: str) -> float:
    low, high = LEVELS[levels]
    return (high - low) / 510
