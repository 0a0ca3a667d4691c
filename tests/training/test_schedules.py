from __future__ import annotations

import itertools
import math

import pytest

from trisect.training.schedules import is_due, warm_up_cosine


@pytest.mark.parametrize(
    ("progress", "expected"),
    [(0.0, 0.0), (0.05, 0.5), (0.1, 1.0), (0.55, 0.05 + 0.95 * 0.5), (0.4, 0.05 + 0.95 * 0.75), (1.0, 0.05)],
)
def test_warm_up_cosine_equals_its_closed_form(progress: float, expected: float) -> None:
    assert math.isclose(warm_up_cosine(progress, 0.1, 0.05), expected)


def test_warm_up_cosine_at_the_ends_of_the_warm_up() -> None:
    assert warm_up_cosine(0.0, 0.0, 0.3) == 1.0
    assert warm_up_cosine(0.25, 1.0, 0.3) == 0.25
    assert warm_up_cosine(1.0, 1.0, 0.3) == 1.0


def test_learning_rate_is_continuous_and_falls_after_the_warm_up() -> None:
    values = [warm_up_cosine(k / 1000, 0.2, 0.1) for k in range(1001)]
    assert max(abs(a - b) for a, b in itertools.pairwise(values)) < 0.0051
    assert values[200:] == sorted(values[200:], reverse=True)


def test_the_last_step_is_always_due() -> None:
    assert [k for k in range(1, 11) if is_due(k, 4, 10)] == [4, 8, 10]
