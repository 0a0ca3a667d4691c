"""The published data sets, recognised by the names of their factors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from trisect import checks
from trisect.data.convert.alignment import Alignment
from trisect.variables import Angle, Categorical, Continuous, Factor, VariableSpace

VORONOI_LIMIT = 7 * math.pi / 8


@dataclass(frozen=True)
class Kind:
    """A published data set.

    Attributes:
        name: name of its world.
        matches: says whether a set of factor names is of this kind.
        factor: maps a name to the factor with its range.
        has_alpha: whether a fourth channel is opacity; in some data sets it is part of the picture.
        actions: what a row of actions means, if files of this kind have any.
    """

    name: str
    matches: Callable[[frozenset[str]], bool]
    factor: Callable[[str], Factor]
    has_alpha: bool = True
    actions: Alignment | None = None


def _from_table(name: str, factors: Sequence[Factor], has_alpha: bool = True) -> Kind:
    table = {factor.name: factor for factor in factors}
    return Kind(name, lambda names: names == frozenset(table), table.__getitem__, has_alpha)


BALL_IN_BOXES = _from_table(
    "ball_in_boxes",
    [Categorical("ball_b", 2), Continuous("ball_x", 3.5, 12.5), Continuous("ball_y", 3.5, 28.5)],
)
PONG = _from_table(
    "pong",
    [
        Continuous("ball_x", 0, 32),
        Continuous("ball_y", 0, 32),
        Angle("ball_vel_dir"),
        Continuous("ball_vel_magn"),
        Continuous("paddle_left_y", 0, 32),
        Continuous("paddle_right_y", 0, 32),
        Categorical("score_left", 5),
        Categorical("score_right", 5),
    ],
    has_alpha=False,
)
PINBALL = _from_table(
    "pinball",
    [
        Continuous("ball_x", 0, 32),
        Continuous("ball_x_vel"),
        Continuous("ball_y", -4, 32),
        Continuous("ball_y_vel"),
        *[Continuous(f"cyl_{i}_active", 0, 1) for i in range(5)],
        Continuous("paddle_left_y_pos", 2, 6),
        Continuous("paddle_right_y_pos", 2, 6),
        Categorical("score", 20),
    ],
    has_alpha=False,
)
VORONOI = Kind(
    "voronoi",
    lambda names: bool(names) and all(re.fullmatch(r"c\d+", name) for name in names),
    lambda name: Continuous(name, -VORONOI_LIMIT, VORONOI_LIMIT),
    actions="effect",
)
CAUSAL3DIDENT = _from_table(
    "causal3dident",
    [
        *[Continuous(name, -2, 2) for name in ("x", "y", "z")],
        *[Angle(name) for name in ("alpha", "beta", "gamma", "spot_rotation", "hue_object", "hue_spot")],
        Angle("hue_background"),
        Categorical("shape", 7),
        Categorical("material", 2),
    ],
)
KINDS = (BALL_IN_BOXES, PONG, PINBALL, VORONOI, CAUSAL3DIDENT)


def find(factor_names: Sequence[str]) -> Kind | None:
    """The kind whose factors have these names, or None."""
    return next((kind for kind in KINDS if kind.matches(frozenset(factor_names))), None)


def refuse(factor_names: Sequence[str], what: str) -> NoReturn:
    """Raise `ValueError`: no published data set has these names, so that kinds and ranges must be declared."""
    published = ", ".join(kind.name for kind in KINDS)
    example = factor_names[0] if factor_names else "lamp"
    todo = "pass variables=VariableSpace([...]) with their kinds and ranges (--variable NAME=KIND for each, such as "
    todo += f"--variable {checks.shown(example)}=continuous)"
    must = f"those of a published data set ({published})"
    message = checks.sentence(f"the factor names of {what}", must, checks.listed(factor_names, 100), todo)
    raise ValueError(message)


def variable_space(kind: Kind, factor_names: Sequence[str], variable_names: Sequence[str]) -> VariableSpace:
    """The variable space of a file: its factors in order, each in the variable whose name its own name begins with.

    Raises:
        ValueError: a factor belongs to none of the variables.
    """
    factors = [kind.factor(name) for name in factor_names]
    if tuple(factor_names) == tuple(variable_names):
        return VariableSpace(factors)
    groups: dict[str, list[str]] = {name: [] for name in variable_names}
    for factor in factor_names:
        owners = [name for name in variable_names if factor == name or factor.startswith(f"{name}_")]
        must = f"one of {checks.listed(variable_names)} with a suffix"
        checks.require(bool(owners), "the name of a factor", must, checks.quoted(factor, 80))
        groups[max(owners, key=len)].append(factor)
    return VariableSpace(factors, groups)
