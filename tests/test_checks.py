from __future__ import annotations

import re

import numpy as np
import pytest

from trisect import checks


def test_a_sentence_has_the_form_what_must_got_todo() -> None:
    assert checks.sentence("x of y", "z", 3) == "x of y must be z; got 3"
    assert checks.sentence("x of y", "z", 3, "do w") == "x of y must be z; got 3; do w"


def test_require_raises_only_when_it_fails() -> None:
    checks.require(True, "x", "y", "z")
    with pytest.raises(ValueError, match=r"^x must be y; got z$"):
        checks.require(False, "x", "y", "z")


def test_refuse_raises_its_sentence() -> None:
    with pytest.raises(ValueError, match=r"^--encoder cannot be used with causal-encoder$"):
        checks.refuse("--encoder cannot be used with causal-encoder")


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "3", None, np.float64(2), float("nan")])
def test_positive_int_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=re.escape(f"n must be an integer of at least 1; got {value!r}")):
        checks.positive_int(value, "n")


@pytest.mark.parametrize(("value", "minimum"), [(1, 1), (np.int64(7), 2), (0, 0), (np.uint8(255), 1)])
def test_positive_int_returns_a_plain_int(value: int, minimum: int) -> None:
    result = checks.positive_int(value, "n", minimum)
    assert type(result) is int
    assert result == value


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), "0.5", True, None])
def test_in_range_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"p must be a number in \[0, 1\]; got"):
        checks.in_range(value, "p", 0.0, 1.0)


def test_in_range_at_the_ends() -> None:
    assert checks.in_range(np.float32(0.5), "p", 0, 1) == 0.5
    assert [checks.in_range(end, "p", 0, 1) for end in (0, 1)] == [0.0, 1.0]
    with pytest.raises(ValueError, match=r"in \(0, 1\]; got 0"):
        checks.in_range(0, "p", 0, 1, open_low=True)
    with pytest.raises(ValueError, match="got inf"):
        checks.in_range(float("inf"), "p", 0, float("inf"))


def test_one_of_suggests_the_closest() -> None:
    assert checks.one_of("b", iter("abc"), "letter") == "b"
    with pytest.raises(ValueError, match=r"^name must be one of ball_x, ball_y; got 'bal_x'; did you mean 'ball_x'\?$"):
        checks.one_of("bal_x", ["ball_x", "ball_y"], "name")
    with pytest.raises(ValueError, match=r"got 'qqq'$"):
        checks.one_of("qqq", ["ball_x"], "name")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b", "a"], "names must be all different; got a more than once; rename one"),
        (["a", ""], "names must be non-empty strings; got ''"),
        (["a", 3], "names must be non-empty strings; got 3"),
        ("ab", "names must be a list of names; got 'ab'"),
    ],
)
def test_unique_names_refuses(names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checks.unique_names(names, "names")


def test_unique_names_keeps_the_order() -> None:
    assert checks.unique_names(["b", "a"], "names") == ("b", "a")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_finite_names_the_first_bad_row(bad: float) -> None:
    array = np.zeros((5, 2))
    array[3, 1] = array[4, 0] = bad
    with pytest.raises(ValueError, match=r"x must be finite; got \[.*\] in row 3; repair or drop that row"):
        checks.finite(array, "x")
    with pytest.raises(ValueError, match="row 0"):
        checks.finite(np.array(bad), "x")


def test_finite_returns_what_it_checked() -> None:
    for array in (np.zeros(3), np.arange(3), np.zeros((0, 2))):
        assert checks.finite(array, "x") is array


def test_shape_with_free_axes() -> None:
    array = np.zeros((4, 2))
    assert checks.shape(array, "x", None, 2) is array
    with pytest.raises(ValueError, match=r"the shape of x must be \(any, 3\); got \(4, 2\)"):
        checks.shape(array, "x", None, 3)
    with pytest.raises(ValueError, match=r"the shape of x must be \(any\); got \(4, 2\)"):
        checks.shape(array, "x", None)


@pytest.mark.parametrize("bad", [0.7, 2, -1, np.nan])
def test_indicator_names_the_position(bad: float) -> None:
    array = np.zeros((4, 3))
    array[2, 1] = bad
    with pytest.raises(ValueError, match=f"targets must be 0 or 1; got {float(bad)} at row 2, column 1"):
        checks.indicator(array, "targets")
    with pytest.raises(ValueError, match=r"at row 2$"):
        checks.indicator(array[:, 1], "targets")


def test_indicator_becomes_bool() -> None:
    assert checks.indicator(np.array([0.0, 1.0]), "x").tolist() == [False, True]
    already = np.array([True])
    assert checks.indicator(already, "x") is already


@pytest.mark.parametrize("value", [0, 2**14 + 1, 10**9, 10**5000, 1.0, True, "8", None], ids=range(8))
def test_sizes_of_models_are_bounded(value: object) -> None:
    with pytest.raises(ValueError, match="hidden of a prior must be a") as caught:
        checks.size(value, "hidden of a prior")
    assert len(str(caught.value)) < 200
    assert checks.size(2**14, "hidden of a prior") == 2**14 and checks.size(0, "refits", 0) == 0


@pytest.mark.parametrize("value", [-1, 2**63, 10**400, 0.5, True])
def test_seeds_are_bounded(value: object) -> None:
    with pytest.raises(ValueError, match="the seed of a recipe must be an integer"):
        checks.seed(value, "the seed of a recipe")
    assert checks.seed(2**63 - 1, "the seed of a recipe") == 2**63 - 1
