from __future__ import annotations

import functools
from typing import Any

import pytest

from trisect.data.functions import fingerprint, require_function, require_sendable


def first(scale: float) -> Any:
    return lambda x: x * scale + sum(y for y in range(3))


class Called:
    def __call__(self, a: int, b: int) -> int:
        return a + b


def test_fingerprints_follow_the_code_and_not_where_it_is_written() -> None:
    def same(x: int) -> int:
        return x + 1

    def other_line(x: int) -> int:

        return x + 1

    def other(x: int) -> int:
        return x - 1

    def constant(x: int) -> int:
        return x + 2

    prints = [fingerprint(each) for each in (same, other_line, other, constant)]
    assert prints[0] == prints[1] and len(set(prints)) == 3


def test_fingerprints_stay_the_same_in_another_process_for_functions_within_functions() -> None:
    assert fingerprint(first(1.0)) == fingerprint(first(2.0)) and " at 0x" not in fingerprint(first(1.0))
    assert " at 0x" not in fingerprint(Called()) and " at 0x" not in fingerprint(functools.partial(first, Called()))


def test_fingerprints_of_partial_functions_follow_their_arguments() -> None:
    prints = {fingerprint(functools.partial(first, scale)) for scale in (1.0, 2.0)}
    assert len(prints | {fingerprint(functools.partial(first, scale=1.0)), fingerprint(first)}) == 4


@pytest.mark.parametrize("function", [lambda a, b: 0, lambda *a: 0, lambda a, b, c=1: 0, Called(), max])
def test_what_takes_two_arguments_is_accepted(function: object) -> None:
    require_function(function, "it", "a", "b")


@pytest.mark.parametrize("function", [lambda a: 0, lambda a, b, c: 0, lambda a, *, b: 0, "max", None])
def test_what_does_not_is_refused(function: object) -> None:
    with pytest.raises(TypeError, match="it must be a function of a and b; got "):
        require_function(function, "it", "a", "b")


def test_functions_of_modules_can_be_sent() -> None:
    require_sendable({"it": first, "that": Called()})
    with pytest.raises(ValueError, match="that must be a function at the top of a module.*move it there, or pass work"):
        require_sendable({"it": first, "that": first(1.0)})
