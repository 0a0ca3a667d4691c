from __future__ import annotations

import json
import math

import numpy as np
import pytest

from trisect.variables import Angle, Categorical, Continuous, Factor, VariableSpace, anonymous

SPACE = VariableSpace(
    [Continuous("x", 0, 32), Continuous("y", 0, 32), Angle("turn"), Categorical("colour", 3), Continuous("free")],
    {"position": ["x", "y"], "turn": ["turn"], "look": ["colour"], "free": ["free"]},
)
ROWS = np.array([[0.0, 32.0, 6.28, 2.0, -1e9], [1.0, 2.0, -3.1, 0.0, 1e9]])


def test_positions_follow_the_order_of_variables_and_of_columns() -> None:
    assert SPACE.names == ("position", "turn", "look", "free")
    assert len(SPACE) == 4
    assert [SPACE.index(name) for name in SPACE.names] == [0, 1, 2, 3]
    assert [SPACE.factor_columns(name) for name in SPACE.names] == [(0, 1), (2,), (3,), (4,)]


def test_columns_of_a_group_may_lie_apart() -> None:
    space = VariableSpace([Continuous("a"), Continuous("b"), Continuous("c")], {"b": ["b"], "ac": ["c", "a"]})
    assert space.factor_columns("ac") == (2, 0)


def test_it_survives_json() -> None:
    again = VariableSpace.from_json(json.loads(json.dumps(SPACE.to_json(), allow_nan=False)))
    assert again == SPACE
    assert hash(again) == hash(SPACE)
    assert again.names == SPACE.names


def test_spaces_differ_by_ranges_groups_and_order() -> None:
    one = VariableSpace([Continuous("x"), Continuous("y")])
    others = [
        VariableSpace([Continuous("x", 0, 1), Continuous("y")]),
        VariableSpace([Continuous("y"), Continuous("x")]),
        VariableSpace([Continuous("x"), Continuous("y")], {"y": ["y"], "x": ["x"]}),
    ]
    assert one == VariableSpace([Continuous("x"), Continuous("y")]) == anonymous(["x", "y"])
    assert all(one != other for other in others)
    assert one != "a space"


def test_it_describes_itself() -> None:
    assert SPACE.describe() == ["position: x, y", "turn: angle", "look: colour", "free: continuous"]
    assert repr(anonymous(["a"])) == "VariableSpace(a: continuous)"


def test_right_factors_pass_unchanged() -> None:
    assert SPACE.check_factors(ROWS) is ROWS


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, 33.0, r"factor 'x' must be in \[0, 32\]; got 33 in row 1"),
        (0, -0.1, r"factor 'x' must be in \[0, 32\]; got -0.1 in row 1"),
        (1, np.nan, "factor 'y' must be finite"),
        (2, 359.0, r"angle 'turn' must be in radians within \[-2 pi, 2 pi\]; got 359 in row 1; convert degrees"),
        (2, np.inf, "factor 'turn' must be finite"),
        (3, 3.0, "factor 'colour' must be a whole number from 0 to 2; got 3 in row 1"),
        (3, 0.5, "factor 'colour' must be a whole number"),
        (3, np.nan, "factor 'colour' must be a whole number"),
        (4, np.inf, "factor 'free' must be finite"),
    ],
)
def test_wrong_factors_are_named(column: int, value: float, message: str) -> None:
    rows = ROWS.copy()
    rows[1, column] = value
    with pytest.raises(ValueError, match=message):
        SPACE.check_factors(rows)


def test_the_number_of_columns_is_checked() -> None:
    with pytest.raises(ValueError, match=r"the shape of factors must be \(any, 5\); got \(2, 4\)"):
        SPACE.check_factors(ROWS[:, :4])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1e6 + 0.1), (-1e6 - 0.1, 0.0), (0.1, 0.7)])
def test_ends_of_a_range_survive_single_precision(low: float, high: float) -> None:
    Continuous("x", low, high).check(np.array([low, high], dtype=np.float32))


@pytest.mark.parametrize(
    ("factors", "groups", "message"),
    [
        (["x", "x"], None, "the factor names of a VariableSpace must be all different; got x more than once"),
        (["x", ""], None, "non-empty strings; got ''"),
        (["x", "y"], {"p": ["x"]}, r"every factor of a VariableSpace must be in one group; got none for \['y'\]"),
        (["x", "y"], {"p": ["x", "y"], "q": ["y"]}, "the factors named in the groups .* got y more than once"),
        (["xpos"], {"p": ["x_pos"]}, r"got 'x_pos'; did you mean 'xpos'\?"),
        (["x"], {"p": ["x"], "q": []}, "the factors of variable 'q' must be at least one; got none"),
        (["x"], {"p": "x"}, "the factors of variable 'p' must be a list of names; got 'x'"),
    ],
)
def test_wrong_groups_are_named(factors: list[str], groups: dict[str, list[str]] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VariableSpace([Continuous(name) for name in factors], groups)


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"a variable name must be one of .*; got 'positon'; did you mean 'position'"):
        SPACE.factor_columns("positon")


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0)])
def test_an_empty_range_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="the range of factor 'x' must be low < high"):
        Continuous("x", low, high)


def test_one_category_is_refused() -> None:
    with pytest.raises(ValueError, match="num_categories of factor 'c' must be an integer of at least 2; got 1"):
        Categorical("c", 1)


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="the kind of a factor must be one of continuous, angle, categorical"):
        VariableSpace.from_json({"factors": [{"kind": "angel", "name": "a"}], "groups": {"a": ["a"]}})
    with pytest.raises(TypeError, match="a Factor is one of"):
        Factor("x").check(np.zeros(1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Continuous("x", "a", "b"), "the range of factor 'x' must be two numbers"),
        (lambda: Continuous("x", 0, 10**400), "the range of factor 'x' must be two numbers"),
        (lambda: Categorical("x", 10**9), "num_categories of factor 'x' must be at most 10000"),
        (lambda: VariableSpace([]), "the factors of a VariableSpace must be at least one; got none"),
        (lambda: VariableSpace([Continuous("x")], ["x"]), "the groups of a VariableSpace must be a mapping"),
        (lambda: VariableSpace.from_json({}), "stored variables must be an object with 'factors' and 'groups'"),
        (
            lambda: VariableSpace.from_json({"factors": [3], "groups": {}}),
            "a stored factor must be an object with texts",
        ),
        (
            lambda: VariableSpace.from_json({"factors": [{"kind": "categorical", "name": "x"}], "groups": {}}),
            "num_categories of factor 'x' must be an integer of at least 2; got None",
        ),
        (
            lambda: VariableSpace.from_json({"factors": [{}] * 10**6, "groups": {}}),
            "the stored factors must be at most 1000; got 1000000",
        ),
        (
            lambda: VariableSpace.from_json({"factors": [{"kind": "angle", "name": "x"}], "groups": {"x": 5}}),
            "the factors of variable 'x' must be a list of names; got 5",
        ),
    ],
)
def test_what_is_no_space_is_refused(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("factors", [["x"], [Factor("x")], "x", 5])
def test_factors_have_a_kind(factors) -> None:
    with pytest.raises(TypeError, match="VariableSpace must be a"):
        VariableSpace(factors)


def test_ends_of_a_range_are_plain_numbers() -> None:
    factor = Continuous("x", np.float64(0), np.float64(2))
    assert type(factor.low) is type(factor.high) is float
