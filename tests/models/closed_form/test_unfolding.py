"""Further directions of a variable whose directions leave its value open, on latents of a known making."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.unfolding import Moves, unfolded

NAMES = ("a", "b")
SETTINGS = ClosedFormSettings(num_features=100)


class Made(NamedTuple):
    """Latents (frames, 6), values of a and b, and targets of the transitions."""

    z: np.ndarray
    values: np.ndarray
    targets: np.ndarray

    def identified(self, settings: ClosedFormSettings = SETTINGS) -> Identification:
        return identify(self.z[:-1], self.z[1:], self.targets, settings, NAMES)


def made(seed: int, *, folded: bool, frames: int = 8000) -> Made:
    """Six latents, rotated: b, a nuisance, noise; and of a its square and a + sin(4 b), or a curve of a if not folded.

    No direction shows a alone: that of its square is clean, and a itself comes with a function of b.
    """
    rng = np.random.default_rng(seed)
    targets = rng.random((frames, 2)) < 0.1
    c, slow = np.zeros((frames, 2)), np.zeros(frames)
    for t in range(1, frames):
        c[t] = np.where(targets[t], rng.uniform(-1, 1, 2), 0.95 * c[t - 1] + 0.03 * rng.normal(size=2))
        slow[t] = 0.9 * slow[t - 1] + 0.4 * rng.normal()
    a, b = c.T
    of_a = [1.5 * a**2, a + np.sin(4 * b)] if folded else [a, 0.5 * a**2 + 0.2 * a**3]
    parts = np.column_stack([*of_a, b, slow, np.zeros((frames, 2))]) + 0.02 * rng.normal(size=(frames, 6))
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    return Made((parts @ rotation).astype(np.float32), c, targets[1:])


def own_r2(world: Made, found: Identification, variable: int) -> float:
    """R2 of a variable from products of up to three latents of its slot."""
    s = found.transform(world.z)[:, found.slots == variable]
    s = s / s.std(axis=0)
    products = [np.ones(len(s)), *s.T]
    products += [s[:, i] * s[:, j] for i in range(s.shape[1]) for j in range(i, s.shape[1])]
    x = np.column_stack([*products, *(s.T**3)])
    y = world.values[:, variable]
    return float(1 - (y - x @ np.linalg.lstsq(x, y, rcond=None)[0]).var() / y.var())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_folded_variable_gets_the_direction_that_tells_its_sign(seed: int) -> None:
    world = made(seed, folded=True)
    folded, whole = world.identified(replace(SETTINGS, unfold=0.0)), world.identified()
    assert (folded.slots == 0).sum() == 1 and own_r2(world, folded, 0) < 0.2
    assert (whole.slots == 0).sum() == 2 and own_r2(world, whole, 0) > 0.5
    assert (whole.slots == 1).sum() == 1 and own_r2(world, whole, 1) > 0.98


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_curved_code_gets_no_further_direction(seed: int) -> None:
    world = made(seed, folded=False)
    assert np.array_equal(world.identified().matrix, world.identified(replace(SETTINGS, unfold=0.0)).matrix)


def test_little_is_added_to_small_recordings_and_nothing_without_a_noise_slot() -> None:
    world, rng = made(0, folded=True, frames=400), np.random.default_rng(0)
    moves = Moves(world.z[:-1], world.z[1:], world.targets)
    blocks = [np.eye(6)[:, :1], np.eye(6)[:, 1:2]]
    assert [each.shape for each in unfolded(blocks, moves, 4.0, rng)] == [(6, 1), (6, 1)]  # too few interventions
    full = [np.eye(6)[:, :3], np.eye(6)[:, 3:]]
    assert [each.shape for each in unfolded(full, moves, 0.0, rng)] == [(6, 3), (6, 3)]
    none = Moves(moves.before[:0], moves.after[:0], moves.targets[:0])
    assert [each.shape for each in unfolded(blocks, none, 4.0, rng)] == [(6, 1), (6, 1)]
