"""Kinds of variables as short texts, such as ``continuous:0:32``, as the shell and plans of a conversion write them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trisect import checks
from trisect.variables import Angle, Categorical, Continuous, Factor, VariableSpace

KINDS = "continuous, continuous:LOW:HIGH, angle or categorical:NUMBER"


def factor_from(name: str, text: str, what: str) -> Factor:
    """A factor of a kind; ``what`` names it in error messages.

    Raises:
        ValueError: the kind is unknown, or its range is wrong.

    Example:
        >>> factor_from("lamp", "continuous:0:1", "the kind of lamp")
        Continuous(name='lamp', low=0.0, high=1.0)
    """
    kind, *numbers = text.split(":")
    try:
        if kind == "continuous" and len(numbers) in (0, 2):
            return Continuous(name, *map(float, numbers))
        if kind == "categorical" and len(numbers) == 1:
            return Categorical(name, int(numbers[0]))
    except ValueError as error:
        raise ValueError(f"{what} ({text}): {error}") from error
    checks.require(text == "angle", what, KINDS, repr(text), "correct the kind")
    return Angle(name)


def space_from(kinds: Mapping[str, str], what: str) -> VariableSpace:
    """Variables of one factor each; name -> kind. ``what`` names them in error messages."""
    return VariableSpace([factor_from(name, str(text), f"{what} {name}") for name, text in kinds.items()])


def kind_texts(space: VariableSpace) -> dict[str, str] | None:
    """Name -> kind of every variable; None if a variable has several factors, or one of another name."""
    if [factor.name for factor in space.factors] != list(space.names):
        return None
    return {factor.name: _text(factor) for factor in space.factors}


def _text(factor: Factor) -> str:
    if isinstance(factor, Categorical):
        return f"categorical:{factor.num_categories}"
    if isinstance(factor, Continuous) and (math.isfinite(factor.low) or math.isfinite(factor.high)):
        return f"continuous:{factor.low!r}:{factor.high!r}"
    return "angle" if isinstance(factor, Angle) else "continuous"
