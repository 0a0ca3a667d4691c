"""Slot functions and the reduction of a wide code, on an arm whose second joint is no direction of the latents."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from trisect.models.closed_form.identification import Identification
from trisect.models.closed_form.identify import identify
from trisect.models.representations.representation import VectorRepresentation
from trisect.models.representations.slot_functions import SlotFunctionSettings
from trisect.models.representations.slot_reduction import (
    SlotReducer,
    SlotReduction,
    fit_slot_reduction,
    reduced_number,
    slot_reduction_sizes,
    with_blank_slot_reduction,
)

FRAMES, NAMES = 9000, ("first", "second", "block")


class World(NamedTuple):
    """Latents, true values, targets, and the closed form."""

    z: np.ndarray
    values: np.ndarray
    targets: np.ndarray
    found: Identification


def world(seed: int, frames: int = FRAMES, *, turns: bool = True) -> World:
    """Two joints and a block, each autoregressive, with perfect interventions; latents are rotated.

    The picture shows the direction of the second link, the sum of both angles; if it does not turn, its own angle.
    """
    rng = np.random.default_rng(seed)
    targets = rng.random((frames - 1, 3)) < 0.1
    c = np.zeros((frames, 3))
    for t in range(1, frames):
        c[t] = np.where(targets[t - 1], rng.uniform(-1, 1, 3), 0.9 * c[t - 1] + 0.06 * rng.normal(size=3))
    first, second = 2.5 * c[:, 0], 2 * c[:, 1]
    if turns:
        shown = [np.cos(first), np.sin(first), np.cos(first + second), np.sin(first + second)]
    else:
        shown = [c[:, 0], c[:, 1]]
    parts = np.column_stack([*shown, c[:, 2], *0.3 * rng.normal(size=(5, frames))])
    z = (parts @ np.linalg.qr(rng.normal(size=(parts.shape[1],) * 2))[0]).astype(np.float32)
    return World(z, c, targets, identify(z[:-1], z[1:], targets, names=NAMES))


def fitted(made: World, steps: int = 1500, seed: int = 0) -> SlotReducer:
    before = np.arange(len(made.targets))
    return fit_slot_reduction(made.z, before, made.targets, made.found, SlotFunctionSettings(steps, seed=seed), NAMES)


@pytest.fixture(scope="module")
def arm() -> World:
    return world(1)


@pytest.fixture(scope="module")
def reducer(arm: World) -> SlotReducer:
    return fitted(arm)


@pytest.fixture(scope="module")
def latents(arm: World, reducer: SlotReducer) -> np.ndarray:
    return reducer.encode(torch.from_numpy(arm.z)).numpy()


def r2(x: np.ndarray, y: np.ndarray) -> float:
    """R2 of y on every second row, by a regression on random features of x on the others."""
    rng, x = np.random.default_rng(0), (x - x.mean(axis=0)) / x.std(axis=0)
    features = np.tanh(x @ rng.normal(size=(x.shape[1], 150)) * 2 + rng.uniform(-3, 3, 150))
    features = np.column_stack([np.ones(len(x)), x, features])
    even = np.arange(len(x)) % 2 == 0
    gram = features[even].T @ features[even] + np.eye(features.shape[1])
    error = y[~even] - features[~even] @ np.linalg.solve(gram, features[even].T @ y[even])
    return float(1 - error.var() / y[~even].var())


def test_a_joint_that_turns_with_another_becomes_one_latent(
    arm: World, reducer: SlotReducer, latents: np.ndarray
) -> None:
    """Of six worlds five: .93 to .99 by the function, .55 to .58 by the directions, which one world (2) keeps."""
    directions = arm.found.transform(arm.z.astype(np.float64))[:, arm.found.slots == 1]
    assert r2(directions, arm.values[:, 1]) < 0.7
    num_latents, num_directions, num_functions, _ = reducer.sizes
    assert (num_latents, num_functions) == (10, 1)
    second = latents[:, [num_directions]]
    assert r2(second, arm.values[:, 1]) > 0.9
    assert max(r2(second, arm.values[:, k]) for k in (0, 2)) < 0.05


def test_the_closed_form_finds_it_in_the_reduced_latents(arm: World, latents: np.ndarray) -> None:
    found = identify(latents[:-1], latents[1:], arm.targets, names=NAMES)
    slots = found.transform(latents.astype(np.float64))
    assert min(r2(slots[:, found.slots == k], arm.values[:, k]) for k in range(3)) > 0.93


def test_variables_that_are_directions_keep_them() -> None:
    straight = world(2, turns=False)
    reducer = fitted(straight, steps=600)
    assert reducer.sizes[2] == 0
    latents = reducer.encode(torch.from_numpy(straight.z)).numpy()
    for k in range(3):
        assert abs(np.corrcoef(latents[:, k], straight.values[:, k])[0, 1]) > 0.99


def test_other_latents_hold_nothing_that_values_predict(reducer: SlotReducer, latents: np.ndarray) -> None:
    values, others = latents[:, : reducer.num_values], latents[:, reducer.num_values :]
    assert others.shape[1] > 0
    assert max(r2(values, other) for other in others.T) < 0.02


def test_all_latents_are_of_unit_variance(latents: np.ndarray) -> None:
    np.testing.assert_allclose(latents.std(axis=0), 1, atol=0.1)
    np.testing.assert_allclose(latents.mean(axis=0), 0, atol=0.1)


def test_decoding_restores_the_code(arm: World, reducer: SlotReducer, latents: np.ndarray) -> None:
    back = reducer.decode(torch.from_numpy(latents)).numpy()
    error = ((back - arm.z) / arm.z.std(axis=0)) ** 2
    assert error.mean() < 0.003, "the share of the variance that may be lost is .002"


def test_the_seed_decides_everything() -> None:
    made = world(3, 1500)
    one, same, other = (fitted(made, steps=5, seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_a_blank_reduction_takes_the_weights(arm: World, reducer: SlotReducer, latents: np.ndarray) -> None:
    representation = SlotReduction(VectorRepresentation(10), reducer)
    make = slot_reduction_sizes(representation)
    assert reduced_number(make["slot_reduction"]) == representation.num_latents == latents.shape[1]
    blank = with_blank_slot_reduction(VectorRepresentation(10), make, Path("finished.json"))
    blank.load_state_dict(representation.state_dict())
    assert torch.equal(blank.eval().encode(torch.from_numpy(arm.z)), torch.from_numpy(latents))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dims": 11}, "'slot_reduction' in f must be of 10 dims"),
        ({"others": None}, "'others' of 'slot_reduction' in f must be an integer"),
        ({"functions": 10**9}, "'functions' of 'slot_reduction' in f must be at most"),
        ({"more": 1}, "'slot_reduction' in f must be an object with dims, directions, functions, others"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    sizes = {"dims": 10, "directions": 3, "functions": 1, "others": 4} | changes
    with pytest.raises(ValueError, match=message):
        with_blank_slot_reduction(VectorRepresentation(10), {"slot_reduction": sizes}, Path("f"))


def test_without_an_entry_nothing_is_reduced() -> None:
    plain = VectorRepresentation(10)
    assert with_blank_slot_reduction(plain, {}, Path("f")) is plain and slot_reduction_sizes(plain) == {}
