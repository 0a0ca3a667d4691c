"""Directions that tell something new, and those that only bend the ones before them."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form import identify
from trisect.models.contrast import complete, jumping, news, trimmed

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
        ([V, np.zeros(4000)], [0]),
        ([np.zeros(4000)], [0]),
    ],
)
def test_curves_of_directions_before_are_no_news(columns: list[np.ndarray], kept: list[int]) -> None:
    assert news(np.column_stack(columns)) == kept


def bent(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents v, its square, a bystander u; interventions draw v anew."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num, 2)) < 0.15
    v, u = np.zeros(num), np.zeros(num)
    for t in range(1, num):
        v[t] = 2 * rng.normal() if targets[t, 0] else 0.98 * v[t - 1] + 0.05 * rng.normal()
        u[t] = 2 * rng.normal() if targets[t, 1] else 0.9 * u[t - 1] + 0.05 * rng.normal()
    return np.column_stack([v, v**2 / 2 + 0.02 * rng.normal(size=num), u]), targets


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_square_of_a_variable_is_left_to_the_noise_slot(seed: int) -> None:
    z, targets = bent(4000, seed)
    found = identify(z[:-1], z[1:], targets[1:])
    assert found.ratios[0][1] > 4  # the intervention does move the square
    assert np.bincount(found.slots).tolist() == [1, 1, 1]
    new = found.transform(z)
    assert abs(np.corrcoef(new[:, found.slots == 0][:, 0], z[:, 0])[0, 1]) > 0.97
    assert abs(np.corrcoef(new[:, found.slots == 1][:, 0], z[:, 2])[0, 1]) > 0.99


def test_jumps_are_those_that_no_intervention_explains() -> None:
    residual = RNG.normal(size=(1000, 2))
    residual[:5, 0] = 50
    targets = np.zeros((1000, 2), dtype=bool)
    targets[0, 0] = targets[1, 1] = True
    jumps = jumping(residual, targets, [np.eye(2)[:, :1], np.eye(2)[:, 1:]], 6.0)
    assert np.flatnonzero(jumps).tolist() == [1, 2, 3, 4]


def test_a_contrast_that_would_lose_its_interventions_keeps_everything() -> None:
    targets = np.zeros((100, 2), dtype=bool)
    targets[:20, 0], targets[50:90, 1] = True, True
    jumps = np.zeros(100, dtype=bool)
    jumps[:15] = True
    keep = trimmed(targets, jumps, enough=10)
    assert keep[:, 0].all() and np.array_equal(keep[:, 1], ~jumps)


def test_all_directions_are_independent_and_dependent_ones_are_left_out() -> None:
    first = np.array([[1.0], [0], [0], [0]])
    matrix, slots = complete([first, np.array([[2.0, 0], [0, 3], [0, 0], [0, 0]])])
    assert np.linalg.matrix_rank(matrix) == 4 and slots.tolist() == [0, 1, 2, 2]
