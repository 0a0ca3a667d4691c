"""The blocks of directions: curves dropped, dependent directions dropped, and the complement."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.blocks import complete, news, without_curves

RNG = np.random.default_rng(0)
V = RNG.uniform(-1, 1, 4000)
ANGLE = RNG.uniform(0, 2 * np.pi, 4000)
NOISE = RNG.normal(size=4000)


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ([V], [0]),
        ([V, V**2 + 0.1 * NOISE], [0]),
        ([V, V**3 - V], [0]),
        ([V, NOISE], [0, 1]),
        ([np.sin(ANGLE), np.cos(ANGLE)], [0, 1]),
        ([np.sin(ANGLE), np.sin(ANGLE) ** 2, np.cos(ANGLE)], [0, 2]),
        ([np.sin(ANGLE), np.cos(ANGLE), np.sin(2 * ANGLE) + 0.1 * NOISE], [0, 1]),
        ([V, np.zeros(4000)], [0]),
        ([np.zeros(4000)], [0]),
    ],
)
def test_a_curve_of_the_directions_before_is_dropped(columns: list[np.ndarray], kept: list[int]) -> None:
    assert news(np.column_stack(columns)) == kept


def test_a_curve_has_fewer_terms_if_there_are_few_rows_or_many_directions() -> None:
    rng = np.random.default_rng(0)
    assert news(rng.normal(size=(40, 6))) == list(range(6))  # 5 others to the fourth power would fit anything
    assert news(rng.normal(size=(5000, 24))) == list(range(24))


def test_a_block_loses_curves_of_its_own_directions_only() -> None:
    after = np.column_stack([V, V**2, NOISE])
    first, second = without_curves([np.eye(3)[:, [0, 1]], np.eye(3)[:, [1, 2]]], after)
    assert np.array_equal(first, np.eye(3)[:, [0]]) and np.array_equal(second, np.eye(3)[:, [1, 2]])


def test_all_directions_are_independent_and_dependent_ones_are_dropped() -> None:
    first = np.array([[1.0], [0], [0], [0]])
    matrix, slots = complete([first, np.array([[2.0, 0], [0, 3], [0, 0], [0, 0]])])
    assert np.linalg.matrix_rank(matrix) == 4 and slots.tolist() == [0, 1, 2, 2]


def test_directions_have_length_one_and_the_complement_is_orthogonal_to_them() -> None:
    blocks = [RNG.normal(size=(6, 2)), 5 * RNG.normal(size=(6, 1))]
    matrix, slots = complete(blocks)
    assert slots.tolist() == [0, 0, 1, 2, 2, 2]
    assert np.allclose(np.linalg.norm(matrix, axis=0), 1)
    assert np.allclose(matrix[:, :2] / matrix[0, :2], blocks[0] / blocks[0][0])
    assert np.allclose(matrix[:, 3:].T @ matrix[:, :3], 0) and np.allclose(matrix[:, 3:].T @ matrix[:, 3:], np.eye(3))
