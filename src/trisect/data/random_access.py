"""Rows here and there of files larger than memory."""

from __future__ import annotations

import math
import mmap
import os
from typing import Literal

import numpy as np

MEMORY_SHARE = 0.5
"""Of this machine's memory; smaller files stay in the system's cache, whatever is read ahead."""


def at_random(array: np.ndarray) -> np.ndarray:
    """The array for reading rows here and there: of a mapped file larger than memory, a mapping without reading ahead.

    A system reads on behind the row that was asked for, which helps whoever reads in order, through the mapping that
    was given. Of rows in random order nearly all of that is thrown away: some ten times the work. Arrays in memory,
    smaller files and parts of files come back as they are.
    """
    mapping: object = array.base
    if not isinstance(array, np.memmap) or not isinstance(mapping, mmap.mmap) or not _is_large(array):
        return array
    if array.filename is None:
        return array
    order: Literal["C", "F"] = "F" if array.flags.fnc else "C"
    apart = np.memmap(array.filename, array.dtype, "r", array.offset, array.shape, order)
    mapping = apart.base
    assert isinstance(mapping, mmap.mmap)
    mapping.madvise(mmap.MADV_RANDOM)
    return apart


def _is_large(array: np.ndarray) -> bool:
    """Whether there is not the memory to keep an array, on a system that can be told how a file is read."""
    return hasattr(mmap, "MADV_RANDOM") and array.nbytes > MEMORY_SHARE * _memory()


def _memory() -> float:
    """Bytes of memory that this machine has; endless where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf
