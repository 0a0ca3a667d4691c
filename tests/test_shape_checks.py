from __future__ import annotations

import dataclasses
import gc
import importlib
import pkgutil
import weakref
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


def scaled(by: float):
    @checked
    def inner(a: Float[Tensor, " rows"], b: Float[Tensor, " rows"], count: int = 1) -> Float[Tensor, " rows"]:
        return by * count * a

    return inner


def test_a_function_within_a_function_is_checked_whenever_it_is_made():
    row = torch.ones(2)
    for by in (2, 3, 4):
        inner = scaled(by)
        assert inner(row, row).sum() == 2 * by and inner(row, b=row, count=3).sum() == 6 * by
        with pytest.raises(BeartypeCallHintParamViolation, match="rows"):
            inner(row, torch.ones(3))
        with pytest.raises(BeartypeCallHintParamViolation, match="count"):
            inner(row, row, count=1.5)
        with pytest.raises(TypeError, match="missing 1 required"):
            inner(row)


def test_inner_functions_of_equal_code_keep_their_annotations():
    def made(kind: str):
        names: dict = {"checked": checked, "__name__": __name__}
        exec(f"def outer():\n @checked\n def inner(a: '{kind}') -> None: ...\n return inner", names)
        return names["outer"]()

    made("int")(1), made("str")("1")
    for kind, wrong in (("int", "1"), ("str", 1)):
        with pytest.raises(BeartypeCallHintParamViolation):
            made(kind)(wrong)


def test_what_an_inner_function_has_closed_over_is_not_kept():
    def made(held: Later):
        @checked
        def inner() -> int:
            return int(held is None)

        return inner

    held = Later()
    alive = weakref.ref(held)
    assert made(held)() == 0
    del held
    gc.collect()
    assert alive() is None


def test_axes_within_other_types_are_compared():
    @checked
    def inside(pair: tuple[Float[Tensor, " rows"] | None, Float[Tensor, " rows"]]) -> None: ...

    inside((None, torch.ones(2))), inside((torch.ones(3), torch.ones(3)))
    with pytest.raises(BeartypeCallHintParamViolation):
        inside((torch.ones(2), torch.ones(3)))


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
