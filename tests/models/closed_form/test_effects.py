"""Effects on mean and covariance, compared with the truth and with least squares on all rows at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from trisect.interventions import binary_code_groups
from trisect.models.closed_form import measuring
from trisect.models.closed_form.effects import NUM_GROUPS, Effects, EffectSums
from trisect.models.closed_form.measuring import MOST_INPUTS, ROWS_PER_INPUT, measure

LATENTS = 4


@dataclass
class Moved:
    """Residuals of known effects of three variables: noise grows; it shrinks and shifts; another rule."""

    residual: np.ndarray
    targets: np.ndarray
    past: np.ndarray
    base: np.ndarray
    covariance: np.ndarray
    mean: list[np.ndarray]

    @property
    def sums(self) -> EffectSums:
        return measure(self.residual, self.targets, self.past, np.ones(len(self.targets), dtype=bool))


def policy(name: str, num: int, rng: np.random.Generator) -> np.ndarray:
    """Targets (num, 3) bool."""
    if name == "single":
        return np.eye(4, dtype=bool)[rng.choice(4, num, p=[0.1, 0.1, 0.1, 0.7])][:, :3]
    if name == "independent":
        return rng.random((num, 3)) < 0.2
    if name == "grouped":
        return ~np.eye(4, dtype=bool)[rng.integers(0, 4, num)][:, :3] & (rng.random(num) < 0.7)[:, None]
    switches = rng.random((num, 3)) < 0.03
    return np.asarray(switches.cumsum(axis=0) % 2 == 1)


def moved(name: str = "independent", num: int = 40_000, seed: int = 0) -> Moved:
    rng = np.random.default_rng(seed)
    targets, past = policy(name, num, rng), rng.normal(size=(num, LATENTS))
    root = np.eye(LATENTS) + 0.4 * np.tri(LATENTS, k=-1)
    grows, shrinks = (root @ v for v in np.linalg.qr(rng.normal(size=(LATENTS, 2)))[0].T)
    rule, shift = 0.5 * rng.normal(size=(2, LATENTS))
    mean = [np.zeros((1 + LATENTS, LATENTS)) for _ in range(3)]
    mean[1][0], mean[2][2] = shift, rule
    noise = rng.normal(size=(num, LATENTS)) @ root.T
    noise += targets[:, :1] * 2 * rng.normal(size=(num, 1)) * grows
    inside = np.linalg.solve(root, shrinks)  # the noise has a part n inside' of unit variance, of which .2 is left
    noise -= targets[:, 1:2] * (1 - np.sqrt(0.2)) * (noise @ np.linalg.solve(root.T, inside))[:, None] * shrinks
    phi = np.column_stack([np.ones(num), past])
    residual = 0.3 + noise + sum(targets[:, [i]] * (phi @ mean[i]) for i in range(3))
    covariance = np.stack([4 * np.outer(grows, grows), -0.8 * np.outer(shrinks, shrinks), np.zeros((LATENTS, LATENTS))])
    return Moved(residual, targets, past, root @ root.T, covariance, mean)


@pytest.mark.parametrize("name", ["single", "independent", "grouped", "held"])
@pytest.mark.parametrize("seed", [0, 1])
def test_estimates_converge_whatever_the_policy(name: str, seed: int) -> None:
    world = moved(name, 60_000, seed)
    found = world.sums.whole
    assert not world.sums.confounded.any()
    assert np.abs(found.base - world.base).max() < 0.07
    assert np.abs(found.covariance - world.covariance).max() < 0.2
    for estimate, truth in zip(found.mean, world.mean):
        assert np.abs(estimate - truth).max() < 0.1


def by_least_squares(world: Moved, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """C, A_i and G_i of two regressions on all rows at once."""
    on, r = world.targets[keep], world.residual[keep]
    phi = np.column_stack([np.ones(len(on)), world.past[keep]])
    inputs = np.column_stack([phi, *(on[:, [i]] * phi for i in range(3))])
    weights = np.linalg.lstsq(inputs, r, rcond=None)[0]
    e = r - inputs @ weights
    squares = (e[:, :, None] * e[:, None, :]).reshape(len(e), -1)
    moments = np.linalg.lstsq(np.column_stack([np.ones(len(on)), on]), squares, rcond=None)[0]
    _, *changes = moments.reshape(4, LATENTS, LATENTS)
    quiet = ~on.any(axis=1)
    root = np.where(quiet | (quiet.mean() < 0.2), 1.0, 0.1)[:, None]  # C: rows with interventions weigh a hundredth
    design = np.column_stack([np.ones(len(on)), on])
    base = np.linalg.lstsq(root * design, root * squares, rcond=None)[0][0].reshape(LATENTS, LATENTS)
    quiet_taken = (1 + LATENTS) / (quiet.sum() if quiet.mean() >= 0.2 else len(on))
    taken = (1 + LATENTS) / on.sum(axis=0)  # share of the noise that a regression's weights take up
    base /= 1 - quiet_taken
    restored = np.stack([(a + (h - quiet_taken) * base) / (1 - h) for a, h in zip(changes, taken)])
    return base, restored, np.split(weights[1 + LATENTS :], 3)


@pytest.mark.parametrize("count", [24, 60])
def test_an_intervention_that_changes_nothing_does_not_seem_to_shrink_the_noise(count: int) -> None:
    """The five weights of its rows take up 5 / 24 or 5 / 60 of their noise, which is put back."""
    traces = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        targets = rng.permutation(np.arange(1000) < count)[:, None]
        residual, past = rng.normal(size=(2, 1000, LATENTS))
        whole = measure(residual, targets, past, np.ones(1000, dtype=bool)).whole
        assert len(whole.mean[0]) == 1 + LATENTS
        traces.append(np.trace(whole.covariance[0]) / LATENTS)
    assert abs(np.mean(traces)) < 0.06


@pytest.mark.parametrize("name", ["single", "independent", "grouped", "held"])
def test_all_groups_together_equal_least_squares(name: str) -> None:
    world, keep = moved(name, 900), np.random.default_rng(1).random(900) < 0.9
    found = measure(world.residual, world.targets, world.past, keep).whole
    base, covariance, mean = by_least_squares(world, keep)
    assert np.allclose(found.base, base) and np.allclose(found.covariance, covariance)
    assert all(np.allclose(*pair) for pair in zip(found.mean, mean))
    phi = np.column_stack([np.ones(900), world.past])
    for variable, inputs in enumerate(found.inputs):
        rows = phi[keep & world.targets[:, variable]]
        assert np.allclose(inputs, rows.T @ rows / len(rows))


def test_a_residual_without_noise_gives_the_effect_on_the_mean_and_no_covariance() -> None:
    world = moved(num=2000)
    phi = np.column_stack([np.ones(2000), world.past])
    world.residual = 0.7 + sum(world.targets[:, [i]] * (phi @ world.mean[i]) for i in range(3))
    found = world.sums.whole
    assert all(np.allclose(*pair, atol=1e-9) for pair in zip(found.mean, world.mean))
    assert np.allclose(found.covariance, 0, atol=1e-9) and np.allclose(found.base, 0, atol=1e-9)


def test_the_whole_is_the_mean_of_the_halves_by_their_power() -> None:
    sums = moved(num=3000).sums
    even, odd = sums.halves
    weight = sums.change_power[::2].sum(axis=0) / sums.change_power.sum(axis=0)
    joined = weight[:, None, None] * even.covariance + (1 - weight)[:, None, None] * odd.covariance
    assert np.allclose(joined, sums.whole.covariance)
    assert np.abs(even.covariance - odd.covariance).max() > 0.1  # they come from different rows
    for one, other, gram, whole in zip(even.mean, odd.mean, sums.gram, sums.whole.mean):
        products = gram[::2].sum(axis=0) @ one + gram[1::2].sum(axis=0) @ other
        assert np.allclose(np.linalg.solve(gram.sum(axis=0), products), whole)


def test_the_shares_of_all_groups_add_up_to_the_whole() -> None:
    sums = moved(num=3000).sums
    for variable in range(3):
        changes, means = zip(*(sums.share(variable, group) for group in range(NUM_GROUPS)))
        assert np.allclose(sum(changes), sums.whole.covariance[variable])
        assert np.allclose(sum(means), sums.whole.mean[variable])


@pytest.mark.parametrize("group", [0, 7])
def test_sums_without_a_group_are_those_of_the_other_groups(group: int) -> None:
    sums = moved(num=3000).sums
    rest, others = sums.without(group), np.arange(NUM_GROUPS) != group
    assert same(rest.whole, sums.of(others))
    assert all(same(*pair) for pair in zip(rest.halves, (sums.of(others & even) for even in evens())))
    assert rest.counts[group].sum() == 0 and (sums.counts[group] > 0).all()  # and the sums themselves are unchanged


def test_what_a_group_leaves_is_estimated_once_and_is_that_group_s() -> None:
    sums = moved(num=3000).sums
    first, seventh = sums.without(0), sums.without(7)
    assert sums.without(0) is first and sums.without(7) is seventh and sums.whole is sums.whole
    assert not same(first.whole, seventh.whole) and not same(first.whole, sums.whole)


def evens() -> tuple[np.ndarray, np.ndarray]:
    even = np.arange(NUM_GROUPS) % 2 == 0
    return even, ~even


def same(first: Effects, second: Effects) -> bool:
    pairs = [(first.base, second.base), (first.covariance, second.covariance), *zip(first.mean, second.mean)]
    return all(np.allclose(*pair) for pair in (*pairs, *zip(first.inputs, second.inputs)))


def test_groups_are_consecutive_transitions() -> None:
    """What is large in the first twentieth of the rows is in the first group alone."""
    world = moved(num=2000)
    early = np.arange(2000) < 100
    world.residual[early] *= 1000
    change = np.abs(world.sums.change).max(axis=(1, 2, 3))
    assert change[0] > 100 * change[1:].max()
    assert np.array_equal(world.sums.counts[0], world.targets[early].sum(axis=0))


@pytest.mark.parametrize("seed", range(4))
def test_noise_that_grows_thousandfold_does_not_hide_that_without_interventions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets, num = rng.random((3000, 2)) < 0.15, 3000
    residual = rng.normal(size=(num, 3))
    residual[:, :2] *= np.where(targets, 30.0, 1.0)
    base = measure(residual, targets, rng.normal(size=(num, 3)), np.ones(num, dtype=bool)).whole.base
    assert np.abs(base - np.eye(3)).max() < 0.3


def confounded(targets: np.ndarray) -> list[bool]:
    rng = np.random.default_rng(0)
    r, past = rng.normal(size=(2, len(targets), 3))
    return [bool(each) for each in measure(r, targets, past, np.ones(len(targets), dtype=bool)).confounded]


def test_targets_that_follow_from_the_others_are_confounded() -> None:
    rng = np.random.default_rng(0)
    a, b, c, d = rng.random((4, 4000)) < 0.2
    b &= ~a
    assert confounded(np.column_stack([a, b, a | b, c])) == [True, True, True, False]
    assert confounded(np.column_stack([a, c, ~a, d])) == [True, False, True, False]
    assert confounded(np.column_stack([a, c, a & c, d])) == [False] * 4  # a product is no linear function
    twin = c ^ (rng.random(4000) < 0.01)
    assert confounded(np.column_stack([c, twin, a, d])) == [False] * 4
    assert confounded(np.column_stack([np.arange(4000) >= 3, c])) == [False] * 2  # of hardly any variance, all its own


@pytest.mark.parametrize(("num_variables", "expected"), [(2, False), (3, True), (5, True)])
def test_groups_by_binary_code_confound_all_variables_from_three_on(num_variables: int, expected: bool) -> None:
    targets = binary_code_groups(num_variables).sample(4000, np.random.default_rng(0))
    assert confounded(targets) == [expected] * num_variables


def test_a_target_in_every_row_that_no_other_has_is_confounded() -> None:
    assert confounded(np.eye(3, dtype=bool)[np.random.default_rng(0).integers(0, 3, 3000)]) == [True] * 3


def test_a_confounded_target_is_compared_alone() -> None:
    """Its effect on the covariance is the difference of the second moments with and without it."""
    world = moved(num=3000)
    world.targets[:, 2] = world.targets[:, 0]
    on = world.targets[:, 0]
    sums = world.sums
    phi = np.column_stack([np.ones(3000), world.past])
    inputs = np.column_stack([phi, *(world.targets[:, [i]] * phi for i in range(2))])
    e = world.residual - inputs @ np.linalg.lstsq(inputs, world.residual, rcond=None)[0]
    difference = e[on].T @ e[on] / on.sum() - e[~on].T @ e[~on] / (~on).sum()
    assert sums.confounded.tolist() == [True, False, True]
    taken, quiet_taken = (1 + LATENTS) / on.sum(), (1 + LATENTS) / (~world.targets.any(axis=1)).sum()
    expected = (difference + (taken - quiet_taken) * sums.whole.base) / (1 - taken)
    assert np.allclose(sums.whole.covariance[0], expected) and np.allclose(sums.whole.covariance[2], expected)


@pytest.mark.parametrize(("count", "size"), [(ROWS_PER_INPUT * 5, 5), (ROWS_PER_INPUT * 5 - 1, 1)])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_effect_depends_on_the_state_only_where_there_are_enough_rows(
    count: int, size: int, inverted: bool
) -> None:
    """Enough with an intervention, and enough without."""
    rng = np.random.default_rng(0)
    targets = np.column_stack([np.arange(2000) < count, rng.random(2000) < 0.3])
    targets[:, 0] = rng.permutation(targets[:, 0]) ^ inverted
    r, past = rng.normal(size=(2, 2000, LATENTS))
    whole = measure(r, targets, past, np.ones(2000, dtype=bool)).whole
    assert [len(each) for each in whole.mean] == [size, 5]
    assert [each.shape for each in whole.inputs] == [(size, size), (5, 5)]


def test_too_many_products_of_targets_and_latents_fall_back_to_the_targets() -> None:
    rng = np.random.default_rng(0)
    targets, num = rng.random((400, 6)) < 0.4, 400
    r, past = rng.normal(size=(2, num, 20))
    whole = measure(r, targets, past, np.ones(num, dtype=bool)).whole  # 6 * 21 inputs for 100
    assert [len(each) for each in whole.mean] == [1] * 6
    assert MOST_INPUTS >= 6 * 21
    whole = measure(r, targets[:, :4], past, np.ones(num, dtype=bool)).whole  # 4 * 21 inputs
    assert [len(each) for each in whole.mean] == [21] * 4


def test_products_beyond_the_most_inputs_fall_back_to_the_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    targets, (r, past) = rng.random((400, 2)) < 0.4, rng.normal(size=(2, 400, LATENTS))
    for most, size in ((10, 5), (9, 1)):  # there are 2 * 5 products
        monkeypatch.setattr(measuring, "MOST_INPUTS", most)
        whole = measure(r, targets, past, np.ones(400, dtype=bool)).whole
        assert [len(each) for each in whole.mean] == [size] * 2


@pytest.mark.parametrize("left", [0, 1])
def test_a_target_of_which_trimming_leaves_hardly_a_row_has_finite_effects(left: int) -> None:
    rng = np.random.default_rng(0)
    targets, (r, past) = rng.random((400, 2)) < 0.4, rng.normal(size=(2, 400, LATENTS))
    keep = ~targets[:, 0] | (targets[:, 0].cumsum() <= left)
    whole = measure(r, targets, past, keep).whole
    assert all(np.isfinite(each).all() for each in (whole.base, whole.covariance, *whole.mean, *whole.inputs))
    assert np.abs(whole.base - np.eye(LATENTS)).max() < 0.4 and np.abs(whole.covariance[1]).max() < 0.5


@pytest.mark.parametrize("num", [5, 6, 15])
def test_a_handful_of_rows_gives_finite_sums(num: int) -> None:
    rng = np.random.default_rng(0)
    targets = np.arange(num)[:, None] % np.array([[2, 3]]) == 0
    sums = measure(rng.normal(size=(num, 5)), targets, rng.normal(size=(num, 5)), np.ones(num, dtype=bool))
    for effects in (sums.whole, *sums.halves, sums.without(0).whole):
        assert all(np.isfinite(each).all() for each in (effects.base, effects.covariance, *effects.mean))
