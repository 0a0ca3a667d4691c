"""Names that would be lost, overwritten or unreadable later are refused at every door."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trisect import from_arrays
from trisect.data.recording import Recording
from trisect.names import checked_names
from trisect.variables import Continuous, VariableSpace, anonymous, as_space

BAD: list[tuple[list[Any], str]] = [
    (["x", "noise"], "other than 'noise', the name of the slot of everything that is no variable; got 'noise'; rename"),
    (["x", "x"], "all different; got x more than once"),
    (["x", ""], "non-empty strings; got ''"),
    (["x", "  "], "more than spaces"),
    (["x", "y" * 10_000], r"at most 100 characters long; got 'yyy.*\.\.\.yyy.*; rename it"),
    (["x", "y\n"], r"without control characters; got 'y\\n'"),
    (["x", "\ud800"], "without control characters"),
    (["x", 3], "non-empty strings; got 3"),
    ([f"v{i}" for i in range(1001)], "at most 1000; got 1001"),
]


@pytest.mark.parametrize(("names", "message"), BAD)
def test_every_door_refuses_bad_names(names: list[Any], message: str) -> None:
    texts = all(isinstance(name, str) for name in names)
    stored = {"factors": [{"kind": "angle", "name": n} for n in names], "groups": {str(n): [n] for n in names}}
    doors = [
        lambda: checked_names(names, "the variables"),
        lambda: as_space(names),
        lambda: from_arrays(np.zeros((9, 2)), np.zeros((8, len(names)), bool), names),
        lambda: VariableSpace([Continuous(name) for name in names]),
        lambda: VariableSpace.from_json(stored),
    ]
    for door in doors if texts else doors[:3]:
        with pytest.raises(ValueError, match=message) as error:
            door()
        assert len(str(error.value)) < 300


def test_a_group_cannot_be_called_noise_either() -> None:
    with pytest.raises(ValueError, match="variable names of a VariableSpace must be other than 'noise'"):
        VariableSpace([Continuous("x")], {"noise": ["x"]})


@pytest.mark.parametrize("name", ["Noise", "noise_0", "lamp 1", "变量", "θ", r"$\frac{a$", "<b>", "x" * 100])
def test_other_names_are_kept(name: str) -> None:
    recording = Recording(np.zeros((3, 2), np.float32), np.zeros((3, 1)), anonymous([name]))
    assert recording.variables.names == (name,)


@pytest.mark.parametrize("names", ["lamp", 5, None])
def test_names_are_a_list(names: Any) -> None:
    with pytest.raises(TypeError, match="the variables must be a list of names or a VariableSpace"):
        as_space(names)


def test_factors_are_a_space_too() -> None:
    factors = [Continuous("x", 0, 1), Continuous("y")]
    assert as_space(factors) == VariableSpace(factors)
