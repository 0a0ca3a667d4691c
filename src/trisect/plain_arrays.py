"""Plain arrays from what people pass: lists, tensors, arrays of any byte order.

Everything that enters the library as an array comes through `plain_array`, so that all doors accept the same and refuse
the same in the same words.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from trisect import checks

ArrayLike: TypeAlias = Any
"""An array, a tensor, or a nested list of numbers; what it must be is checked when it is read."""

NUMBERS, TEXTS = "biuf", "US"
KINDS = {"O": "objects", "U": "texts", "S": "texts", "c": "complex numbers", "V": "records", "m": "times", "M": "dates"}


def plain_array(values: ArrayLike, what: str, texts: bool = False) -> np.ndarray:
    """The values as an array of real numbers in this machine's byte order, copied only where they must be converted.

    Args:
        values: an array, a tensor, a nested list, or anything that numpy can convert.
        what: name of the values in error messages.
        texts: whether texts are taken, too.

    Returns:
        An array of bool, integers or floats with at least one axis; a memory map stays one.

    Raises:
        TypeError: something else, such as a file name, texts, or rows of different lengths.
        ValueError: a single number, or a masked value.

    Example:
        >>> plain_array([[0, 1], [1, 0]], "the targets").shape
        (2, 2)
    """
    _refuse_containers(values, what)
    array = _without_mask(_as_array(values, what), what)
    if array.dtype.kind not in NUMBERS + TEXTS * texts:
        got = f"{KINDS.get(array.dtype.kind, array.dtype)}{_example(array)}"
        raise TypeError(checks.sentence(what, "an array of numbers", got, "pass numbers of one type"))
    checks.require(array.ndim > 0, what, "an array with rows", "a single number", "pass one row per frame")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _refuse_containers(values: object, what: str) -> None:
    """Refuse file names, and mappings of arrays such as an opened ``.npz`` file."""
    must = "an array of numbers"
    if isinstance(values, (str, bytes, os.PathLike)):
        todo = "read the file first, for example with np.load, or use trisect convert"
        raise TypeError(checks.sentence(what, must, f"the text {checks.quoted(values, 80)}", todo))
    if isinstance(values, Mapping):
        todo = "pass one of its arrays"
        raise TypeError(checks.sentence(what, must, f"a mapping of {checks.listed([*values], 100)}", todo))


def _as_array(values: object, what: str) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values if type(values) in (np.ndarray, np.memmap, np.ma.MaskedArray) else np.asarray(values)
    if isinstance(values, (list, tuple)) and any(isinstance(row, np.ma.MaskedArray) for row in values):
        return np.ma.stack([np.ma.asarray(row) for row in values])
    try:
        return np.asarray(_detached(values))
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        todo = "pass rows of one length, of numbers of one type"
        got = f"a {type(values).__name__} that numpy cannot convert ({checks.shown(error, 100)})"
        raise TypeError(checks.sentence(what, "an array of numbers", got, todo)) from error


def _detached(values: Any) -> Any:
    """A tensor as an array in main memory; anything else unchanged."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else values


def _without_mask(array: np.ndarray, what: str) -> np.ndarray:
    """The data of a masked array that masks nothing; else raise `ValueError` with the first masked row."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    mask = np.ma.getmaskarray(array)
    if mask.any():
        where = f"row {int(np.argwhere(np.atleast_1d(mask))[0][0])}"
        todo = "fill it with its true value, or drop that row"
        raise ValueError(checks.sentence(what, "without masked values", f"one in {where}", todo))
    return array.data


def _example(array: np.ndarray) -> str:
    """The first value of an array of another kind than numbers, for a message."""
    return f", such as {checks.shown(array.reshape(-1)[0], 40)}" if array.size else ""
