"""Vectors of three numbers as tuples, for compiled code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from trisect import checks

try:
    from numba import njit
except ImportError as error:
    todo = "pip install 'trisect[worlds]'"
    raise ImportError(checks.sentence("numba, which draws the 3-D scene,", "installed", "no numba", todo)) from error

P = ParamSpec("P")
R = TypeVar("R")
Vector = tuple[float, float, float]


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function once per machine; a division by zero gives an infinity, as in NumPy.

    Where neither the package nor the home folder can be written to, it is compiled once per process.
    """
    try:
        kept: Callable[P, R] = njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # "cannot cache function": there is no folder for it
        kept = njit(error_model="numpy")(function)
    return kept


@compiled
def add(a: Vector, b: Vector) -> Vector:
    """The sum."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@compiled
def subtract(a: Vector, b: Vector) -> Vector:
    """The vector from b to a."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@compiled
def scale(a: Vector, factor: float) -> Vector:
    """The vector times a factor."""
    return a[0] * factor, a[1] * factor, a[2] * factor


@compiled
def dot(a: Vector, b: Vector) -> float:
    """The scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@compiled
def cross(a: Vector, b: Vector) -> Vector:
    """The vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@compiled
def unit(a: Vector) -> Vector:
    """The vector of length 1 in the direction of a vector that is not zero."""
    return scale(a, 1.0 / math.sqrt(dot(a, a)))
