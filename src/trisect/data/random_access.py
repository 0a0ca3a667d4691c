"""Random access to rows of files that are larger than memory."""

from __future__ import annotations

import math
import mmap
import os
from typing import Literal

import numpy as np

MEMORY_SHARE = 0.5
"""Share of this machine's memory up to which a file fits in the system's cache, so that reading ahead does no harm."""


def at_random(array: np.ndarray) -> np.ndarray:
    """The array for reading rows in random order: a mapped file larger than memory is mapped again without read-ahead.

    An operating system reads ahead of the requested row. This helps readers that go through the rows in order, and
    they keep the original mapping. For rows in random order nearly all of it is wasted: about ten times the work.
    Arrays in memory, smaller files and parts of files are returned as they are.
    """
    mapping: object = array.base
    if not isinstance(array, np.memmap) or not isinstance(mapping, mmap.mmap) or not _is_large(array):
        return array
    if array.filename is None:
        return array
    order: Literal["C", "F"] = "F" if array.flags.fnc else "C"
    unordered = np.memmap(array.filename, array.dtype, "r", array.offset, array.shape, order)
    mapping = unordered.base
    assert isinstance(mapping, mmap.mmap)
    mapping.madvise(mmap.MADV_RANDOM)
    return unordered


def _is_large(array: np.ndarray) -> bool:
    """Whether an array does not fit in memory, on a system that lets a program choose how a file is read ahead."""
    return hasattr(mmap, "MADV_RANDOM") and array.nbytes > MEMORY_SHARE * _memory()


def _memory() -> float:
    """Bytes of memory of this machine; infinity if the system does not report them."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf
