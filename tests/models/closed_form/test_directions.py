"""Directions of the largest divergence, compared with closed forms, numerical integrals and brute force."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from trisect.models.closed_form.directions import Contrast, contrasts, directions_of, number_by_gap
from trisect.models.closed_form.effects import NUM_GROUPS, EffectSums
from trisect.models.closed_form.measuring import measure

seeds = st.integers(0, 10_000)


def drawn(size: int, seed: int, least: float = 1e-3) -> Contrast:
    """A contrast in which noise grows along some directions and shrinks along others, by at most 99 %."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(size, size)))[0]
    growth = np.where(rng.random(size) < 0.5, rng.uniform(-0.99, 0.0, size), rng.exponential(3.0, size))
    mean = rng.normal(size=(size, 2)) * rng.exponential(0.5)
    return Contrast(np.eye(size), (turn * growth) @ turn.T, mean @ mean.T, least)


def gaussian_divergence(variance: float, shift: float) -> float:
    """Divergence of N(shift, variance) from N(0, 1) by numerical integration."""
    moved, still = stats.norm(shift, np.sqrt(variance)), stats.norm(0, 1)

    def integrand(x: float) -> float:
        return float(moved.pdf(x) * (moved.logpdf(x) - still.logpdf(x)))

    reach = 12 * np.sqrt(variance)
    return float(integrate.quad(integrand, shift - reach, shift + reach, limit=200)[0])


@given(variance=st.floats(0.01, 30), shift=st.floats(-4, 4), length=st.floats(0.1, 10))
@settings(max_examples=25, deadline=None)
def test_the_divergence_is_twice_that_of_two_gaussians(variance: float, shift: float, length: float) -> None:
    own = np.array([0.6, -0.8])
    contrast = Contrast(np.eye(2), (variance - 1) * np.outer(own, own), shift**2 * np.outer(own, own), 1e-3)
    expected = 2 * gaussian_divergence(variance, shift)
    assert contrast.divergence(length * own) == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert contrast.divergence(np.array([0.8, 0.6])) == pytest.approx(0, abs=1e-12)


def test_below_the_least_ratio_that_noise_permits_the_divergence_is_a_straight_line() -> None:
    """At -.2 it is what the tangent at .1 says, whose slope is 1 - 1 / .1."""
    own = np.array([1.0, 0.0])
    contrast = Contrast(np.eye(2), -1.2 * np.outer(own, own), np.zeros((2, 2)), 0.1)
    assert contrast.divergence(own) == pytest.approx(0.1 - 1 - np.log(0.1) + (1 - 10) * (-0.2 - 0.1))


@given(size=st.integers(1, 6), seed=seeds)
@settings(max_examples=25, deadline=None)
def test_the_length_of_a_direction_makes_no_difference(size: int, seed: int) -> None:
    contrast, u = drawn(size, seed), np.random.default_rng(seed + 1).normal(size=size)
    assert contrast.divergence(3 * u) == pytest.approx(contrast.divergence(u))


def circle(num: int) -> np.ndarray:
    angle = np.linspace(0, np.pi, num)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def sphere(num: int) -> np.ndarray:
    """About even points of the sphere (Fibonacci)."""
    height = np.linspace(-1, 1, num)
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(num)
    radius = np.sqrt(1 - height**2)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])


@pytest.mark.parametrize("points", [circle(2000), sphere(8000)], ids=["two dimensions", "three dimensions"])
@pytest.mark.parametrize("seed", range(12))
def test_the_best_direction_is_no_worse_than_any_of_a_fine_grid(points: np.ndarray, seed: int) -> None:
    contrast = drawn(points.shape[1], seed)
    searched = max(contrast.divergence(u) for u in points)
    best = contrast.best()
    assert np.linalg.norm(best) == pytest.approx(1)
    assert contrast.divergence(best) >= searched * (1 - 1e-9)


@pytest.mark.parametrize(
    ("divergences", "number"),
    [
        ([3.0], 1),
        ([0.0], 1),
        ([22.0, 13.9, 0.22, 0.11], 2),
        ([451.0, 4.9, 1.6, 1.2], 1),
        ([30.0, 28.0, 25.0, 0.3, 0.2], 3),
        ([0.05, 0.01, 1e-6], 1),  # all are negligible
        ([5.0, 4.0, 0.05, 1e-9], 2),  # a fall below what is negligible is none
        ([5.0, 4.0, 3.0], 2),  # there is always a largest fall
    ],
)
def test_the_number_of_directions_by_the_gap(divergences: list[float], number: int) -> None:
    assert number_by_gap(np.array(divergences)) == number


def summed(residual: np.ndarray, targets: np.ndarray) -> EffectSums:
    past = np.random.default_rng(9).normal(size=residual.shape)
    return measure(residual, targets, past, np.ones(len(targets), dtype=bool))


NOISE_ROOT = np.eye(4) + 0.8 * np.tri(4, k=-1)
MOVED = np.array([[1.0, 0.5, 0.0, 0.0], [-0.3, 1.0, 0.4, 0.0]])


def over_shared_noise(
    moves: Callable[[np.random.Generator, int], np.ndarray], seed: int, root: np.ndarray, moved: np.ndarray
) -> EffectSums:
    """Residuals of shared noise, to which each of two interventions adds something along its own direction."""
    rng, num = np.random.default_rng(seed), 40_000
    targets = rng.random((num, 2)) < 0.2
    return summed(rng.normal(size=(num, len(root))) @ root.T + (targets * moves(rng, num)) @ moved, targets)


MOVES: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "grow": lambda rng, num: 3 * rng.normal(size=(num, 2)),
    "shift": lambda rng, num: np.full((num, 2), 3.0),
}


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return abs(float(first @ second / np.linalg.norm(first) / np.linalg.norm(second)))


@pytest.mark.parametrize("kind", list(MOVES))
@pytest.mark.parametrize("seed", [0, 1])
def test_a_direction_avoids_what_other_interventions_move(kind: str, seed: int) -> None:
    """Each adds 9 m m' to covariance or mean square; so the best direction is v ~ (C + 9 w m_j m_j')^-1 m_i, w = 1/2.

    The weight is 1/2 as the effect is more than fourfold, 9 m_j' C^-1 m_j > 4. The divergence is, with
    s = 9 m_i' (C + 9 w m_j m_j')^-1 m_i, that of the ratio 1 + s, or of the shift s.
    """
    noise = NOISE_ROOT @ NOISE_ROOT.T
    for variable, contrast in enumerate(contrasts(over_shared_noise(MOVES[kind], seed, NOISE_ROOT, MOVED))):
        own, other = MOVED[variable], MOVED[1 - variable]
        expected = np.linalg.solve(noise + 9 * 0.5 * np.outer(other, other), own)
        strength = 9 * own @ expected
        found = directions_of(contrast, 4)
        v = found.vectors[:, 0]
        assert cosine(v, expected) > 0.9995
        assert abs(v @ other) < 0.05 * abs(v @ own)  # v ~ C^-1 m_i would give .30 and .21
        divergence = strength - np.log(1 + strength) if kind == "grow" else strength
        assert found.divergences[0] == pytest.approx(divergence, rel=0.15 if kind == "grow" else 0.06)
        assert found.divergences[1] < 0.05 and number_by_gap(found.divergences) == 1


@pytest.mark.parametrize("kind", list(MOVES))
@pytest.mark.parametrize("seed", [0, 1])
def test_of_two_latents_a_direction_avoids_the_other_one_as_well(kind: str, seed: int) -> None:
    """As above, where the effect along one direction is half of all eigenvalues."""
    root, moved = NOISE_ROOT[:2, :2], np.eye(2)
    for variable, contrast in enumerate(contrasts(over_shared_noise(MOVES[kind], seed, root, moved))):
        own, other = moved[variable], moved[1 - variable]
        expected = np.linalg.solve(root @ root.T + 9 * 0.5 * np.outer(other, other), own)
        v = directions_of(contrast, 1).vectors[:, 0]
        assert cosine(v, expected) > 0.999
        assert abs(v @ other) < 0.2 * abs(v @ own)  # v ~ C^-1 m_i would give .49 and .80


def test_directions_are_uncorrelated_and_fall() -> None:
    rng = np.random.default_rng(0)
    contrast = drawn(5, 3)
    mixing = rng.normal(size=(5, 5))
    contrast = Contrast(mixing, contrast.covariance, contrast.mean, contrast.least)
    found = directions_of(contrast, 7)
    inner = np.linalg.solve(mixing, found.vectors)
    assert np.allclose(inner.T @ inner, np.eye(5))
    assert found.vectors.shape == (5, 5) and (np.diff(found.divergences) < 1e-9).all()
    assert np.array_equal(found.first(2).vectors, found.vectors[:, :2]) and len(found.first(2).divergences) == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_search_from_known_directions_finds_them_again(seed: int) -> None:
    contrast = drawn(5, seed)
    found = directions_of(contrast, 2)
    near = found.vectors + 0.05 * np.random.default_rng(seed).normal(size=(5, 2))
    again = directions_of(contrast, 2, near)
    assert np.allclose(again.divergences, found.divergences, rtol=1e-6)
    assert all(cosine(*pair) > 1 - 1e-6 for pair in zip(again.vectors.T, found.vectors.T))


def test_units_and_mixing_of_the_latents_do_not_matter() -> None:
    rng, num = np.random.default_rng(0), 4000
    targets = rng.random((num, 2)) < 0.2
    residual = rng.normal(size=(num, 4)) + (targets * 3 * rng.normal(size=(num, 2))) @ MOVED
    mixing = rng.normal(size=(4, 4)) * 1e3
    past, keep = rng.normal(size=(num, 4)), np.ones(num, dtype=bool)
    plain = contrasts(measure(residual, targets, past, keep))
    mixed = contrasts(measure(residual @ mixing, targets, past, keep))
    for one, other in zip(plain, mixed):
        first, second = directions_of(one, 1), directions_of(other, 1)
        assert cosine(first.vectors[:, 0], mixing @ second.vectors[:, 0]) > 0.999


def test_steadiness_prefers_a_direction_that_varies_less_for_other_reasons() -> None:
    """Axis 1 has a tenth of the noise of axis 0, but nearly the same ratio: it is preferred only without steadiness."""
    rng, num = np.random.default_rng(0), 40_000
    targets = rng.random((num, 1)) < 0.3
    spread = np.array([0.3, 0.01])
    residual = spread * rng.normal(size=(num, 2)) * np.where(targets, np.array([3.0, 3.3]), 1.0)
    sums = summed(residual, targets)
    loud, steady = (directions_of(contrasts(sums, weight * np.eye(2))[0], 1).vectors[:, 0] for weight in (0.0, 0.1))
    assert cosine(loud, np.array([0.0, 1.0])) > 0.999
    assert cosine(steady * spread, np.array([1.0, 0.0])) > 0.99


def test_a_constant_latent_gives_finite_directions() -> None:
    rng = np.random.default_rng(0)
    targets = rng.random((500, 1)) < 0.3
    residual = np.column_stack([rng.normal(size=(500, 2)) * (1 + 2 * targets), np.zeros(500)])
    found = directions_of(contrasts(summed(residual, targets))[0], 3)
    assert np.isfinite(found.vectors).all() and found.divergences[0] > 1


def exact(base: np.ndarray, changes: np.ndarray, means: np.ndarray, count: float = 1e4) -> EffectSums:
    """Sums that give these estimates: base (L,) and changes (2, K, L) of the halves, diagonal; means (2, K, P, L)."""
    half, num = np.arange(NUM_GROUPS) % 2, means.shape[1]
    gram = (np.tile(np.eye(means.shape[2]), (NUM_GROUPS, 1, 1)),) * num
    return EffectSums(
        base=np.tile(np.diag(base), (NUM_GROUPS, 1, 1)),
        base_power=np.ones(NUM_GROUPS),
        change=np.stack([[np.diag(each) for each in changes[which]] for which in half]),
        change_power=np.ones((NUM_GROUPS, num)),
        cross=tuple(means[half, variable] for variable in range(num)),
        gram=gram,
        inputs=tuple(each * count / NUM_GROUPS for each in gram),
        counts=np.full((NUM_GROUPS, num), count / NUM_GROUPS),
        confounded=np.zeros(num, dtype=bool),
    )


NO_CHANGES, NO_MEANS = np.zeros((2, 2, 5)), np.zeros((2, 2, 5, 5))


def beside_the_second(sums: EffectSums) -> np.ndarray:
    """The diagonal of D, of the first variable."""
    basis = contrasts(sums)[0].basis
    d = np.linalg.inv(basis @ basis.T)
    assert d == pytest.approx(np.diag(np.diag(d)), abs=1e-9)
    return np.asarray(np.diag(d))


@pytest.mark.parametrize(
    ("effect", "weighed"), [(0.5, 0.5), (1.0, 1.0), (2.0, np.sqrt(2)), (4.0, 2.0), (9.0, 4.5), (-0.5, 0.5)]
)
def test_effects_of_another_variable_weigh_fully_if_small_and_a_half_if_large(effect: float, weighed: float) -> None:
    changes, means = NO_CHANGES.copy(), NO_MEANS.copy()
    changes[:, 1, 0] = effect
    assert beside_the_second(exact(np.ones(5), changes, means)) == pytest.approx([1 + weighed, 1, 1, 1, 1])
    if effect > 0:
        means[:, 1, 0, 0] = np.sqrt(effect)
        assert beside_the_second(exact(np.ones(5), NO_CHANGES, means)) == pytest.approx([1 + weighed, 1, 1, 1, 1])


def test_effects_that_differ_between_the_halves_as_much_count_as_noise() -> None:
    """Noise of .1 in the changes and of .09 in the mean's effect: 2.5 times that is taken off every eigenvalue."""
    changes, means = NO_CHANGES.copy(), NO_MEANS.copy()
    changes[:, 1] = np.array([9.0, 0.2, -0.2, 0.2, -0.2])
    changes[:, 1] += np.array([[0.1], [-0.1]])
    assert beside_the_second(exact(np.ones(5), changes, means))[0] == pytest.approx(1 + (9 - 0.25) / 2)
    means[0, 1], means[1, 1] = np.diag([3, 0.3, 0.3, 0.3, 0.3]), np.diag([3, -0.3, 0.3, -0.3, 0.3])
    expected = [1 + (9 - 2.5 * 0.09) / 2, 1, 1, 1, 1]
    assert beside_the_second(exact(np.ones(5), NO_CHANGES, means)) == pytest.approx(expected)


def test_the_effect_on_the_mean_takes_one_factor_from_each_half() -> None:
    means = np.zeros((2, 1, 1, 5))
    means[:, 0, 0, 0], means[:, 0, 0, 1] = 3.0, (0.1, -0.1)
    (contrast,) = contrasts(exact(np.ones(5), np.zeros((2, 1, 5)), means))
    assert contrast.mean == pytest.approx(np.diag([9.0, -0.01, 0, 0, 0]))


@pytest.mark.parametrize(("count", "least"), [(1e6, 1e-3), (50.0, 0.1), (2.0, 0.9)])
def test_few_interventions_and_flat_noise_bound_what_counts_as_shrinking(count: float, least: float) -> None:
    contrast, _ = contrasts(exact(np.array([1.0, 1e-8, 1, 1, 1]), NO_CHANGES, NO_MEANS, count))
    assert contrast.least == pytest.approx(least)
    assert np.linalg.norm(contrast.basis[1]) == pytest.approx(100)  # 1e-8 counts as 1e-4


@pytest.mark.parametrize(
    ("growth", "shift", "best"), [([10, -0.9, 0], 0.0, 0), ([10, -0.9, 0], 8.0, 2), ([0.5, -0.99, 0], 0.0, 1)]
)
def test_the_search_starts_from_growth_from_shrinking_and_from_the_mean(
    growth: list[float], shift: float, best: int
) -> None:
    """Divergences: 7.6 for growth by 10, 1.4 and 3.6 for shrinking to .1 and .01, and the shift's own."""
    contrast = Contrast(np.eye(3), np.diag(growth), np.diag([0, 0, shift]), 1e-3)
    assert abs(contrast.best()[best]) == pytest.approx(1)
