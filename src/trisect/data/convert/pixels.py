"""Converting pixels of any form to our frames: uint8 levels 0..255, channels last.

The layout is recognised from the shape, the range from data type and values; ambiguous frames are refused until the
user declares what they are. An opacity channel (the fourth of RGBA, the second of gray and alpha) is dropped if it is
the same everywhere, and kept, with a warning, if it carries information.
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
from trisect.data.convert.sources import Rows
from trisect.data.recording import MAX_CHANNELS

logger = logging.getLogger(__name__)

Channels: TypeAlias = Literal["first", "last"]
LAYOUTS = ("first", "last")
STACKED = (
    "if every observation holds n frames along its channels, say so with stacked=n (--stacked n); to join single "
    "frames, pass stack=n (--stack n)"
)


@dataclass(frozen=True)
class Frames:
    """Frames as they come: their rows, and whether these are triplets."""

    source: Rows
    is_triplets: bool = False

    @property
    def what(self) -> str:
        """Name of the pixels in error messages."""
        return self.source.what

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, height, width, channels), for triplets (N, 3, ...); any other shape raises `ValueError`."""
        shape = self.source.shape
        lead, form = (2, "(N, 3, height, width, channels)") if self.is_triplets else (1, "(N, height, width, channels)")
        fits = len(shape) == lead + 3 and math.prod(shape) > 0 and (not self.is_triplets or shape[1] == 3)
        checks.require(
            fits, self.what, f"of shape {form} or with channels first", shape, self._advice(len(shape), lead)
        )
        return shape

    def _advice(self, axes: int, lead: int) -> str:
        """What to do about another number of axes."""
        name = self.source.variable
        if axes == lead + 2:
            return f"add the missing axis, {name}[..., None], to gray frames; flatten anything but frames to vectors"
        if axes == lead + 1:
            return f"if these are vectors, call them so (--name vectors={name})"
        return f"for one number per row, pass {name}[:, None]" if axes == lead else ""

    @property
    def dtype(self) -> np.dtype:
        """Data type of the pixels; a type that is not numeric raises `ValueError`."""
        dtype = self.source.dtype
        checks.require(dtype.kind in "biuf", self.what, "numbers", dtype)
        return dtype


@dataclass(frozen=True)
class Pixels:
    """How a folder stores its frames.

    Attributes:
        shape: shape of one stored frame.
        channels: whether the channels are the first or the last axis.
        levels: the range of the values.
        kept: number of channels that are kept, counted from the first.
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

    @property
    def keeps_all(self) -> bool:
        """Whether uint8 frames in this form stay as they are."""
        return self.channels == "last" and self.levels == "0..255" and self.kept == self.shape[-1]

    def describe(self) -> dict[str, Any]:
        """What was read, in plain types, for ``meta.json``."""
        return {"channels": self.channels, "levels": self.levels, "stored_shape": list(self.shape), "kept": self.kept}

    def to_frames(self, block: np.ndarray, what: str, first_row: int = 0) -> np.ndarray:
        """Convert to frames (..., height, width, channels) uint8; values between two levels go to the nearer one.

        Args:
            block: (rows, ..., *shape) of any numeric type.
            what: name of the pixels in error messages.
            first_row: the number of the block's first row.

        Raises:
            ValueError: a value is not finite or lies outside the levels.
        """
        moved = np.moveaxis(block, -3, -1) if self.channels == "first" else block
        cut = moved[..., : self.kept]
        return np.ascontiguousarray(to_uint8(cut, self.levels, what, first_row))


def read_pixels(
    files: Sequence[Frames],
    has_alpha: bool,
    channels: Channels | None = None,
    levels: Levels | None = None,
    stacked: int = 1,
) -> Pixels:
    """Find out how the frames of a folder are stored; reads the frames once if type and shape do not show it.

    Args:
        files: the files of all splits, the training split first.
        has_alpha: whether a fourth (or second) channel is opacity; False if it is part of the picture.
        channels, levels: what the user declares.
        stacked: number of frames that every observation holds along its channels; opacity in them is not looked for.

    Raises:
        ValueError: the pixels are not numbers, are ambiguous or not finite, or the files differ.
    """
    shape, dtype = files[0].shape[-3:], files[0].dtype
    for file in files[1:]:
        _check_alike(file, files[0])
    where = _channels(shape, channels, files[0].what, stacked)
    axis, count = (-3, shape[0]) if where == "first" else (-1, shape[-1])
    may_drop = has_alpha and stacked == 1 and count in (2, 4)
    needs_levels = levels is None and (dtype != np.uint8 or _is_zero_or_one(files[0]))
    seen = {file.what: _extent(file, axis) for file in files} if may_drop or needs_levels else {}
    pixel_range: Levels = _levels_of_all(seen, dtype) if needs_levels else levels or "0..255"
    dropped = may_drop and _is_constant(seen, "RGBA" if count == 4 else "gray and alpha")
    logger.info("frames of shape %s: channels %s, levels %s", shape, where, pixel_range)
    return Pixels(shape, where, pixel_range, count - dropped)


def _check_alike(file: Frames, first: Frames) -> None:
    shape, expected = file.shape[-3:], first.shape[-3:]
    checks.require(shape == expected, file.what, f"of shape {expected} per frame, as in {first.what}", shape)
    same = file.dtype == first.dtype or (file.dtype.kind == "f" and first.dtype.kind == "f")
    checks.require(
        same, file.what, f"{first.dtype}, as in {first.what}", file.dtype, "store all splits in the same way"
    )


def _channels(shape: tuple[int, ...], declared: Channels | None, what: str, stacked: int) -> Channels:
    """The position of the channels: the first or last axis, whichever is short enough to be the channels."""
    most = stacked * MAX_CHANNELS
    fits = {"first": _may_be_channels(shape[0], stacked), "last": _may_be_channels(shape[-1], stacked)}
    possible: list[Channels] = [side for side in ("first", "last") if fits[side]]
    limit = f"at most {most} channels" if stacked == 1 else f"at most {most} channels, a multiple of {stacked} frames"
    form, what = f"(height, width, channels) or (channels, height, width), {limit}", f"a frame of {what}"
    if declared is not None:
        checks.require(fits[declared], what, f"of {limit}, {declared}", shape, STACKED)
        return declared
    checks.require(bool(possible), what, form, shape, f"store the frames in this form; {STACKED}")
    todo = "this can be read both ways: say which with channels='first' or channels='last' (--channels first or last)"
    checks.require(len(possible) == 1, what, form, shape, todo)
    return possible[0]


def _may_be_channels(length: int, stacked: int) -> bool:
    return length <= stacked * MAX_CHANNELS and length % stacked == 0


def _is_zero_or_one(file: Frames) -> bool:
    """Whether no pixel exceeds 1 and some reach it; the first block shows most frames not to be so."""
    highest = 0
    for block in file.source.blocks():
        highest = max(highest, int(block.max()))
        if highest > 1:
            return False
    return highest == 1


def _extent(file: Frames, channel_axis: int) -> Extent:
    seen, row = Extent(), 0
    for block in file.source.blocks():
        check_finite(block, file.what, row)
        seen, row = seen.with_block(block, channel_axis), row + len(block)
    return seen


def _levels_of_all(seen: Mapping[str, Extent], dtype: np.dtype) -> Levels:
    by_file = {what: tell_levels(one, dtype, what) for what, one in seen.items()}
    first_what, first = next(iter(by_file.items()))
    for what, levels in by_file.items():
        checks.require(levels == first, what, f"in {first}, as {first_what}", f"values of {levels}", SAY_WHICH)
    return first


def _is_constant(seen: Mapping[str, Extent], form: str) -> bool:
    """Whether the last channel is the same in every frame of all files; logs what happens to it."""
    low, high = min(one.last_low for one in seen.values()), max(one.last_high for one in seen.values())
    if low == high:
        logger.info("%s frames: alpha is %g everywhere and dropped", form, low)
        return True
    message = "%s frames: alpha carries information, %g to %g, and is kept as a channel; "
    todo = "to drop it, composite the frames over a background before converting"
    logger.warning(message + todo, form, low, high)
    return False
