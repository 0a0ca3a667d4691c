"""Suggested patterns, applied: nothing stays inseparable, and fewer patterns are not enough."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from trisect.data.inspect.identifiability import inseparable
from trisect.data.inspect.suggestions import Suggestion, suggest
from trisect.interventions import GroupedTargets, SingleTargets, binary_code_groups

NAMES = tuple("abcdefghijkl")


def independent(seed, num_columns, rate=0.3):
    return np.random.default_rng(seed).random((1500, num_columns)) < rate


def equal(seed):
    targets = independent(seed, 5)
    targets[:, 3] = targets[:, 1]
    return targets


def three_equal(seed):
    targets = independent(seed, 5)
    targets[:, 3] = targets[:, 1] = targets[:, 0]
    return targets


def opposite(seed):
    targets = independent(seed, 4)
    targets[:, 3] = ~targets[:, 1]
    return targets


def any_of_two(seed):
    targets = independent(seed, 5)
    targets[:, 3] = targets[:, 1] | targets[:, 0]
    return targets


def odd_number(seed):
    targets = independent(seed, 4)
    targets[:, 3] = targets[:, 1] ^ targets[:, 0]
    return targets


def one_of_four(seed):
    return SingleTargets(4, 0.0).sample(1500, np.random.default_rng(seed))


def two_groups(seed):
    targets = independent(seed, 6)
    targets[:, 1], targets[:, 4] = targets[:, 0], ~targets[:, 5]
    return targets


def equal_within_a_third(seed):
    """a and b are targets only together and only with c; steps with a alone would leave b = a and c."""
    return GroupedTargets(((0, 1, 2), (2,), ()), 3).sample(1500, np.random.default_rng(seed))


def binary_code(seed):
    return binary_code_groups(4).sample(1500, np.random.default_rng(seed))


FAULTS = [
    equal,
    three_equal,
    opposite,
    any_of_two,
    odd_number,
    one_of_four,
    two_groups,
    equal_within_a_third,
    binary_code,
]


def applied(targets, suggestions, names):
    return np.concatenate([targets, *(each.rows(names) for each in suggestions)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fault", FAULTS)
def test_with_the_suggested_steps_nothing_is_inseparable_any_more(fault, seed):
    targets = fault(seed)
    names = NAMES[: targets.shape[1]]
    suggestions = suggest(targets, names)
    assert [each.group for each in suggestions] == inseparable(targets, names) != []
    assert inseparable(applied(targets, suggestions, names), names) == []
    for each in suggestions:
        assert each.steps == 50 and len(each.patterns) >= 1
        assert {name for pattern in each.patterns for name in pattern} <= set(each.group)


@pytest.mark.parametrize("fault", FAULTS)
def test_fewer_patterns_are_not_enough(fault):
    targets = fault(0)
    names = NAMES[: targets.shape[1]]
    for each in suggest(targets, names):
        every = [
            tuple(name for name, on in zip(each.group, bits) if on) for bits in product([0, 1], repeat=len(each.group))
        ]
        for fewer in combinations(every, len(each.patterns) - 1):
            rows = applied(targets, [Suggestion(each.group, fewer, each.steps)] if fewer else [], names)
            still = {name for group in inseparable(rows, names) for name in group}
            assert still & set(each.group), f"{fewer} is enough for {each.group}"


def test_known_suggestions():
    assert suggest(one_of_four(0), NAMES[:4]) == [Suggestion(("a", "b", "c", "d"), ((),), 50)]
    assert suggest(equal(0), NAMES[:5]) == [Suggestion(("b", "d"), (("b",),), 50)]
    assert suggest(opposite(0), NAMES[:4]) == [Suggestion(("b", "d"), ((),), 50)]


@pytest.mark.parametrize("seed", range(3))
def test_large_groups_get_no_intervention_or_single_ones(seed):
    one_of_each = SingleTargets(12, 0.0).sample(3000, np.random.default_rng(seed))
    assert [each.patterns for each in suggest(one_of_each, NAMES)] == [((),)]
    same = independent(seed, 8)
    same[:, :7] = same[:, :1]
    (suggestion,) = suggest(same, NAMES[:8])
    assert suggestion.group == NAMES[:7]
    assert all(len(pattern) <= 1 for pattern in suggestion.patterns) and len(suggestion.patterns) <= 7
    assert inseparable(applied(same, [suggestion], NAMES[:8]), NAMES[:8]) == []


def test_a_large_group_gets_all_of_these_if_its_variables_never_rest_alone():
    """Seven equal columns are 0 only where another is 1: steps without any intervention are needed as well."""
    same = tuple(range(7))
    policy = GroupedTargets((same, (*same, 7), (7,), (7, 8), (8,)), 9)
    targets = policy.sample(3000, np.random.default_rng(0))
    (suggestion,) = suggest(targets, NAMES[:9])
    assert suggestion.group == NAMES[:7]
    assert set(suggestion.patterns) == {(), *((name,) for name in NAMES[:7])}
    assert inseparable(applied(targets, [suggestion], NAMES[:9]), NAMES[:9]) == []
    fewer = Suggestion(suggestion.group, suggestion.patterns[1:], suggestion.steps)
    assert inseparable(applied(targets, [fewer], NAMES[:9]), NAMES[:9]) != []


def test_sound_targets_need_nothing():
    assert suggest(independent(0, 6), NAMES[:6]) == []
    assert suggest(np.zeros((50, 2), bool), ["a", "b"]) == []


def test_suggestions_read_as_a_sentence():
    text = str(Suggestion(("a", "b", "c"), ((), ("a",), ("a", "c")), 50))
    assert text == (
        "to separate a, b, c: record at least 50 steps without interventions, and 50 steps that intervene on a only, "
        "and 50 steps that intervene on a and c only"
    )
    assert "at least 50 steps that intervene on a only" in str(Suggestion(("a", "b"), (("a",),), 50))


def test_the_rows_of_a_suggestion_leave_other_variables_alone():
    rows = Suggestion(("a", "c"), (("a",), ()), 2).rows(["a", "b", "c"])
    assert rows.dtype == bool
    assert rows.astype(int).tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_bad_input_is_one_sentence():
    with pytest.raises(ValueError, match="the targets must be 0 or 1; got 3 at row 0, column 0"):
        suggest(np.full((4, 2), 3), ["a", "b"])
