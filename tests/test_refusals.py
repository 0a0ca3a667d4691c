"""Recorded targets that identify nothing are refused, each with its own sentence."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.refusals import refusals, require_identifiable, shortages


def columns(*counts: int, num_steps: int = 40) -> np.ndarray:
    """Targets with so many interventions per column, at other steps in every column."""
    steps = np.arange(num_steps)
    return np.column_stack([np.isin((steps + 3 * k) % num_steps, steps[:count]) for k, count in enumerate(counts)])


def test_shortages_are_counts_below_five_on_either_side() -> None:
    found = shortages(columns(0, 1, 4, 5, 35, 36, 40), list("abcdefg"))
    assert [(each.variable, each.is_of_interventions, each.count) for each in found] == [
        ("b", True, 1),
        ("c", True, 4),
        ("f", False, 4),
        ("g", False, 0),
    ]
    assert str(found[1].refusal) == (
        "the interventions on 'c' must be at least 5 of 40 steps; got 4; "
        "record more steps that intervene on it, or set its targets to 0 to leave it in the noise slot"
    )
    assert str(found[3].refusal) == (
        "the steps without an intervention on 'g' must be at least 5 of 40 steps; got 0; "
        "record more steps that do not intervene on it"
    )


@pytest.mark.parametrize("targets", [columns(5, 35, 20), columns(5), columns(10, 11, num_steps=20)])
def test_enough_steps_of_both_kinds_are_identifiable(targets: np.ndarray) -> None:
    names = list("abc")[: targets.shape[1]]
    assert shortages(targets, names) == []
    require_identifiable(targets, names)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (
            columns(4, 20),
            "the interventions on 'a' must be at least 5 of 40 steps; got 4; record more steps that inter",
        ),
        (columns(20, 0), "the interventions on 'b' must be at least 5 of 40 steps; got 0"),
        (columns(20, 37), "the steps without an intervention on 'b' must be at least 5 of 40 steps; got 3"),
        (columns(2, 3, num_steps=7), "the steps of the training recording must be at least 10; got 7"),
        (
            columns(20)[:, [0, 0]],
            "of 'a' and 'b' must be neither always equal nor always opposite; got 0 of 40 steps in",
        ),
        (
            np.column_stack([columns(20)[:, 0], ~columns(20)[:, 0]]),
            "of 'a' and 'b' must be neither always equal nor always opposite; got 40 of 40 steps in",
        ),
    ],
)
def test_targets_that_identify_nothing_are_refused_by_name(targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        require_identifiable(targets, ["a", "b"])


def test_a_recording_that_is_too_short_is_called_so() -> None:
    with pytest.raises(ValueError, match="the steps of the training recording must be at least 10; got 1; record more"):
        require_identifiable(np.ones((1, 1), bool), ["b"])


def test_of_few_rows_their_number_is_refused_and_not_a_variable_without_interventions() -> None:
    never = np.zeros((3, 1), dtype=bool)
    assert shortages(never, ["a"]) == []
    with pytest.raises(ValueError, match="the steps of the training recording must be at least 10; got 3; record more"):
        require_identifiable(never, ["a"])


def test_every_pair_of_three_equal_columns_is_refused_but_none_with_a_shortage() -> None:
    targets = columns(20, 4)[:, [0, 0, 1, 1, 0]]
    found = refusals(targets, list("abcde"))
    assert [each.variables for each in found] == [("c",), ("d",), ("a", "b"), ("a", "e"), ("b", "e")]
