from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch
from beartype.roar import BeartypeCallHintParamViolation, BeartypeCallHintReturnViolation
from jaxtyping import Float
from torch import Tensor

import trisect
from trisect.frames import float_to_frames

from .shape_checks import checked, hints

if TYPE_CHECKING:
    from fractions import Fraction


@checked
def product(a: Float[Tensor, "rows inner"], b: Float[Tensor, "inner columns"]) -> Float[Tensor, "rows columns"]:
    if a.ndim != 2:
        raise ValueError("a must be a matrix")
    return a[:, :1] * b[:1] if b.shape[0] else a


@checked
def same(of: Fraction, later: Later | None = None) -> Fraction:
    return of


class Later:
    pass


def test_shapes_of_trisect_are_checked():
    with pytest.raises(BeartypeCallHintParamViolation, match="channels height width"):
        float_to_frames(torch.zeros(1, 3, 4, 4, dtype=torch.float64).long())


def test_axes_of_one_name_are_one_size():
    assert product(torch.ones(2, 3), torch.ones(3, 4)).shape == (2, 4)
    with pytest.raises(BeartypeCallHintParamViolation, match="inner"):
        product(torch.ones(2, 3), torch.ones(2, 4))
    with pytest.raises(BeartypeCallHintReturnViolation, match="rows columns"):
        product(torch.ones(2, 0), torch.ones(0, 4))


def test_what_a_function_refuses_gets_its_own_sentence():
    with pytest.raises(ValueError, match="a must be a matrix"):
        product(torch.ones(2), torch.ones(3, 4))


def test_names_of_later_and_of_type_checkers_are_read():
    from fractions import Fraction

    assert same(Fraction(1, 2)) == Fraction(1, 2)
    with pytest.raises(BeartypeCallHintParamViolation, match="Fraction"):
        same("1/2")
    with pytest.raises(BeartypeCallHintParamViolation, match="Later"):
        same(Fraction(1, 2), "later")


def test_every_annotation_can_be_read():
    for module in modules():
        for function in functions(module):
            hints(function)


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(trisect.__path__, "trisect."):
        yield importlib.import_module(found.name)


def functions(module: ModuleType) -> Iterator[Any]:
    for value in list(vars(module).values()):
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if dataclasses.is_dataclass(value):
            yield value
        members = vars(value).values() if isinstance(value, type) else [value]
        yield from (member for member in members if isinstance(member, FunctionType) and member.__name__ != "__init__")
