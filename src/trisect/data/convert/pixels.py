"""From the pixels people store to frames as we keep them: uint8 levels 0..255, channels last.

The layout is told from the shape, the range from data type and values; what can be read in two ways is refused until
it is declared. Policy for a channel of opacity (the fourth of RGBA, the second of gray and alpha): dropped where it
is the same everywhere, kept, with a warning, where it carries information.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from trisect import checks
from trisect.data.convert.levels import SAY_WHICH, Extent, Levels, check_finite, tell_levels, to_uint8
from trisect.data.convert.npz import NpzReader

logger = logging.getLogger(__name__)

Channels: TypeAlias = Literal["first", "last"]
LAYOUTS = ("first", "last")
MAX_CHANNELS = 4


@dataclass(frozen=True)
class StoredFrames:
    """The frames of one file: its reader, the array's name, and whether its rows are triplets."""

    reader: NpzReader
    key: str
    is_triplets: bool = False

    @property
    def what(self) -> str:
        """Whose pixels they are, for messages."""
        return f"the images of '{self.reader.path.name}'"

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, height, width, channels), with an axis of 3 after the first for triplets; `ValueError` for another."""
        shape = self.reader.shape(self.key)
        lead, form = (2, "(N, 3, height, width, channels)") if self.is_triplets else (1, "(N, height, width, channels)")
        fits = len(shape) == lead + 3 and math.prod(shape) > 0 and (not self.is_triplets or shape[1] == 3)
        todo = "add the missing axis, images[..., None] for gray frames" if len(shape) == lead + 2 else ""
        checks.require(fits, self.what, f"of shape {form} or with channels first", shape, todo)
        return shape

    @property
    def dtype(self) -> np.dtype:
        """Data type of the pixels; `ValueError` unless they are numbers."""
        dtype = self.reader.dtype(self.key)
        checks.require(dtype.kind in "biuf", self.what, "numbers", dtype)
        return dtype


@dataclass(frozen=True)
class Pixels:
    """How a folder stores its frames.

    Attributes:
        shape: of one stored frame.
        channels: where the channels stand.
        levels: the range of the values.
        kept: how many channels are kept, the first ones.
    """

    shape: tuple[int, ...]
    channels: Channels
    levels: Levels
    kept: int
    dtype: ClassVar[Any] = np.uint8

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of a converted frame."""
        height, width = self.shape[1:] if self.channels == "first" else self.shape[:2]
        return height, width, self.kept

    def describe(self) -> dict[str, Any]:
        """Plain types that say what was read, for ``meta.json``."""
        return {"channels": self.channels, "levels": self.levels, "stored_shape": list(self.shape), "kept": self.kept}

    def to_frames(self, block: np.ndarray, what: str, first_row: int = 0) -> np.ndarray:
        """Frames (..., height, width, channels) uint8; values between two levels go to the nearer one.

        Args:
            block: (rows, ..., *shape) of any numeric type.
            what: whose pixels they are, for messages.
            first_row: the number of the block's first row.

        Raises:
            ValueError: a value is not finite or lies outside the levels.
        """
        moved = np.moveaxis(block, -3, -1) if self.channels == "first" else block
        cut = moved[..., : self.kept]
        return np.ascontiguousarray(to_uint8(cut, self.levels, what, first_row))


def read_pixels(
    files: Sequence[StoredFrames],
    has_alpha: bool,
    channels: Channels | None = None,
    levels: Levels | None = None,
) -> Pixels:
    """Tell how the frames of a folder are stored; reads them once where their type and shape do not say it.

    Args:
        files: those of all splits, the training split first.
        has_alpha: a fourth (or second) channel is one of opacity; False where it is part of the picture.
        channels, levels: what the user declares.

    Raises:
        ValueError: no numbers, ambiguous, a value that is not finite, or files that differ.
    """
    shape, dtype = files[0].shape[-3:], files[0].dtype
    for file in files[1:]:
        _check_alike(file, files[0])
    where = _channels(shape, channels, files[0].what)
    axis, count = (-3, shape[0]) if where == "first" else (-1, shape[-1])
    may_drop = has_alpha and count in (2, 4)
    needs_levels = levels is None and dtype != np.uint8
    seen = {file.what: _look(file, axis) for file in files} if may_drop or needs_levels else {}
    found: Levels = _levels_of_all(seen, dtype) if needs_levels else levels or "0..255"
    dropped = may_drop and _is_constant(seen, "RGBA" if count == 4 else "gray and alpha")
    logger.info("frames of shape %s: channels %s, levels %s", shape, where, found)
    return Pixels(shape, where, found, count - dropped)


def _check_alike(file: StoredFrames, first: StoredFrames) -> None:
    shape, wanted = file.shape[-3:], first.shape[-3:]
    checks.require(shape == wanted, file.what, f"of shape {wanted} per frame, as in {first.what}", shape)
    same = file.dtype == first.dtype or (file.dtype.kind == "f" and first.dtype.kind == "f")
    checks.require(same, file.what, f"{first.dtype}, as in {first.what}", file.dtype, "store all splits alike")


def _channels(shape: tuple[int, ...], declared: Channels | None, what: str) -> Channels:
    """Where the channels stand: the one of the outer axes that is short enough to be one of channels."""
    fits = {"first": shape[0] <= MAX_CHANNELS, "last": shape[-1] <= MAX_CHANNELS}
    possible: list[Channels] = [side for side in ("first", "last") if fits[side]]
    form = f"(height, width, channels) or (channels, height, width), at most {MAX_CHANNELS} channels"
    if declared is not None:
        checks.require(fits[declared], f"a frame of {what}", f"of at most {MAX_CHANNELS} channels, {declared}", shape)
        return declared
    checks.require(bool(possible), f"a frame of {what}", form, shape, "store one of these")
    todo = "this can be read both ways: say which with channels='first' or channels='last'"
    checks.require(len(possible) == 1, f"a frame of {what}", form, shape, todo)
    return possible[0]


def _look(file: StoredFrames, channel_axis: int) -> Extent:
    seen, row = Extent(), 0
    for block in file.reader.rows(file.key):
        check_finite(block, file.what, row)
        seen, row = seen.with_block(block, channel_axis), row + len(block)
    return seen


def _levels_of_all(seen: Mapping[str, Extent], dtype: np.dtype) -> Levels:
    found = {what: tell_levels(one, dtype, what) for what, one in seen.items()}
    first_what, first = next(iter(found.items()))
    for what, levels in found.items():
        checks.require(levels == first, what, f"in {first}, as {first_what}", f"values of {levels}", SAY_WHICH)
    return first


def _is_constant(seen: Mapping[str, Extent], form: str) -> bool:
    """Whether the last channel is the same in every frame of all files; says what becomes of it."""
    low, high = min(one.last_low for one in seen.values()), max(one.last_high for one in seen.values())
    if low == high:
        logger.info("%s frames: alpha is %g everywhere and dropped", form, low)
        return True
    message = "%s frames: alpha carries information, %g to %g, and is kept as a channel; composite the frames over a "
    logger.warning(message + "background before converting if it should not be", form, low, high)
    return False
