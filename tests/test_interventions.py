from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from trisect.interventions import (
    GroupedTargets,
    IndependentTargets,
    SingleTargets,
    TargetPolicy,
    binary_code_groups,
    targeted,
)

NUM_STEPS = 20_000

POLICIES = {
    "independent": IndependentTargets((0.0, 0.15, 0.5, 1.0)),
    "single": SingleTargets(5, 0.64),
    "grouped": GroupedTargets(((0, 1), (1, 2), ()), 4),
    "binary": binary_code_groups(6),
}


def exact(policy: TargetPolicy) -> dict[tuple[bool, ...], float]:
    """The probability of every set of targets."""
    if isinstance(policy, IndependentTargets):
        sets = itertools.product((False, True), repeat=policy.num_variables)
        chances = policy.probabilities
        return {s: float(np.prod([p if hit else 1 - p for hit, p in zip(s, chances)])) for s in sets}
    if isinstance(policy, SingleTargets):
        share = (1 - policy.none_probability) / policy.num_variables
        rows = {tuple(bool(i == j) for j in range(policy.num_variables)): share for i in range(policy.num_variables)}
        return {**rows, (False,) * policy.num_variables: policy.none_probability}
    assert isinstance(policy, GroupedTargets)
    share = 1 / len(policy.groups)
    return {tuple(i in group for i in range(policy.num_variables)): share for group in policy.groups}


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_sets_of_targets_have_their_probabilities(policy: TargetPolicy) -> None:
    targets = policy.sample(NUM_STEPS, np.random.default_rng(0))
    assert targets.shape == (NUM_STEPS, policy.num_variables)
    assert targets.dtype == bool
    seen, counts = np.unique(targets, axis=0, return_counts=True)
    shares = {tuple(bool(v) for v in row): count / NUM_STEPS for row, count in zip(seen, counts)}
    expected = exact(policy)
    assert all(expected.get(key, 0.0) > 0 for key in shares)
    for key, probability in expected.items():
        error = 5 * np.sqrt(probability * (1 - probability) / NUM_STEPS)
        assert abs(shares.get(key, 0.0) - probability) <= error


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_steps_are_independent(policy: TargetPolicy) -> None:
    targets = policy.sample(NUM_STEPS, np.random.default_rng(1)).astype(float)
    centred = targets - targets.mean(0)
    lagged = centred[1:].T @ centred[:-1] / NUM_STEPS
    assert np.abs(lagged).max() < 5 * 0.25 / np.sqrt(NUM_STEPS)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_same_seed_gives_the_same_targets(policy: TargetPolicy) -> None:
    first, second, other = (policy.sample(200, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("num_variables", range(1, 12))
def test_binary_codes_distinguish_all_variables(num_variables: int) -> None:
    policy = binary_code_groups(num_variables)
    codes = [tuple(i in group for group in policy.groups) for i in range(num_variables)]
    assert len(set(codes)) == num_variables
    assert all(any(code) for code in codes)
    assert () in policy.groups


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IndependentTargets((0.5, 1.5)), r"a target probability must be a number in \[0, 1\]; got 1.5"),
        (lambda: SingleTargets(0, 0.5), "num_variables of SingleTargets must be an integer of at least 1; got 0"),
        (lambda: SingleTargets(2, -0.5), "none_probability of SingleTargets"),
        (lambda: GroupedTargets((), 2), "the groups of GroupedTargets must be at least one group; got none"),
        (lambda: GroupedTargets(((0, 2),), 2), "a member of a group of GroupedTargets must be below 2; got 2"),
        (lambda: GroupedTargets(((-1,),), 2), "got -1"),
        (lambda: GroupedTargets(((),), 0), "num_variables of GroupedTargets must be an integer of at least 1"),
        (lambda: binary_code_groups(0), "num_variables of binary_code_groups must be an integer of at least 1"),
    ],
)
def test_wrong_policies_are_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_targeted_are_the_columns_with_an_intervention() -> None:
    targets = np.array([[0, 1, 0], [0, 0, 0], [0, 1, 1]], dtype=bool)
    assert targeted(targets, ["a", "b", "c"]) == ("b", "c")
    assert targeted(targets[1:2], ["a", "b", "c"]) == ()
    with pytest.raises(ValueError, match=r"the shape of targets must be \(any, 2\); got \(3, 3\)"):
        targeted(targets, ["a", "b"])
