"""Targets as people pass them: checked in one place, whatever the door."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trisect import checks
from trisect.plain_arrays import plain_array

FORM = "(rows, variables)"
WHY_TARGETS = (
    "variables cannot be identified from observations alone: record what was intervened on between frames, one column "
    "per variable"
)


def read_targets(values: object, what: str, names: Sequence[str] | None = None) -> np.ndarray:
    """Targets (rows, K) as numbers that are not yet checked for 0 and 1.

    Args:
        values: an array or a nested list.
        what: name of the targets in error messages.
        names: of the K variables, if they are known.

    Raises:
        TypeError: not an array of numbers.
        ValueError: another number of axes or of columns, or masked values.
    """
    if values is None:
        raise TypeError(checks.sentence(what, "an array of numbers", None, WHY_TARGETS))
    targets = plain_array(values, what)
    check_shape(targets.shape, what, names)
    return targets


def check_shape(shape: tuple[int, ...], what: str, names: Sequence[str] | None = None) -> None:
    """Raise `ValueError` unless targets of this shape have rows and a column per variable."""
    todo = (
        "save targets[:, None] if there is one variable" if len(shape) == 1 else "keep one number per step and variable"
    )
    checks.require(len(shape) == 2, f"the shape of {what}", FORM, shape, todo)
    checks.require(shape[1] > 0, f"the columns of {what}", "at least one", 0, "pass one column per variable")
    if names is not None:
        must = f"one per variable, {len(names)}: {checks.listed(names)}"
        checks.require(shape[1] == len(names), f"the columns of {what}", must, f"shape {shape}")
