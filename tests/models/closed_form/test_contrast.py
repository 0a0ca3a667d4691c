"""The directions of contrasts and beamformers, and the weights of transitions."""

from __future__ import annotations

import numpy as np
import pytest

from trisect.models.closed_form.beamformer import MAX_WEIGHT, beamformed, importance_weights
from trisect.models.closed_form.contrast import complete, exclusive, news
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.leakage import LeakageSettings
from trisect.models.closed_form.trimming import jumping, trimmed

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


def bent(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents v, its square and a bystander u; interventions redraw v and u."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num, 2)) < 0.15
    v, u = np.zeros(num), np.zeros(num)
    for t in range(1, num):
        v[t] = 2 * rng.normal() if targets[t, 0] else 0.98 * v[t - 1] + 0.05 * rng.normal()
        u[t] = 2 * rng.normal() if targets[t, 1] else 0.9 * u[t - 1] + 0.05 * rng.normal()
    return np.column_stack([v, v**2 / 2 + 0.02 * rng.normal(size=num), u]), targets


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_square_of_a_variable_goes_to_the_noise_slot(seed: int) -> None:
    z, targets = bent(4000, seed)
    identification = identify(z[:-1], z[1:], targets[1:])
    assert identification.ratios[0][1] > 4  # the intervention does move the square
    assert np.bincount(identification.slots).tolist() == [1, 1, 1]
    new = identification.transform(z)
    assert abs(np.corrcoef(new[:, identification.slots == 0][:, 0], z[:, 0])[0, 1]) > 0.97
    assert abs(np.corrcoef(new[:, identification.slots == 1][:, 0], z[:, 2])[0, 1]) > 0.99


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


def test_all_directions_are_independent_and_dependent_ones_are_dropped() -> None:
    first = np.array([[1.0], [0], [0], [0]])
    matrix, slots = complete([first, np.array([[2.0, 0], [0, 3], [0, 0], [0, 0]])])
    assert np.linalg.matrix_rank(matrix) == 4 and slots.tolist() == [0, 1, 2, 2]


def test_weights_make_correlated_variables_about_independent() -> None:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(20_000, 1))
    values = 0.7 * shared + 0.7 * rng.normal(size=(20_000, 2))
    turn = rng.uniform(0, 2 * np.pi, 20_000)
    angle = np.column_stack(
        [np.sin(turn), np.sin(turn) + 0.5 * np.cos(turn)]
    )  # directions of one variable may correlate
    weights = importance_weights([values[:, :1], values[:, 1:], angle])
    joint = np.cov(np.column_stack([values, angle]), rowvar=False, aweights=weights)
    correlation = joint / np.sqrt(np.outer(np.diag(joint), np.diag(joint)))
    assert np.corrcoef(values.T)[0, 1] > 0.4 and abs(correlation[0, 1]) < 0.1
    assert correlation[2, 3] > 0.7
    assert weights.max() <= MAX_WEIGHT * np.median(weights) * (1 + 1e-9) and weights.min() > 0


def test_weights_of_independent_variables_are_about_equal() -> None:
    values = np.random.default_rng(0).normal(size=(20_000, 3))
    assert importance_weights([values[:, :1], values[:, 1:]]).std() < 0.1


def read(v: np.ndarray) -> np.ndarray:
    """Latents of two variables: the first reads some of the second, but only where the two differ."""
    difference = v[:, 1] - v[:, 0]
    bend = np.sign(difference) * np.maximum(np.abs(difference) - 1.5, 0)
    return np.column_stack([v[:, 0] + 0.1 * bend, v[:, 1]])


def followers(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two variables that follow a third and are redrawn now and then; interventions move them by a little."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num, 2)) < 0.1
    v, goal = np.zeros((num, 2)), 0.0
    for t in range(1, num):
        goal = 0.97 * goal + 0.5 * rng.normal()
        follow = np.clip(goal - v[t - 1], -0.4, 0.4)
        v[t] = v[t - 1] + np.where(targets[t], rng.choice([-0.8, 0.8], 2), follow) + 0.1 * rng.normal(size=2)
        if rng.random() < 0.015:
            v[t] = rng.uniform(-4, 4, 2)
    return np.column_stack([read(v), 0.1 * rng.normal(size=num)]), targets


WITHOUT_LEAKAGE_REMOVAL = ClosedFormSettings(leakage=LeakageSettings(sweeps=0))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_importance_weights_reduce_the_leakage_of_a_bent_code(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    z, targets = followers(8000, seed)
    v = np.random.default_rng(seed).uniform(-4, 4, (8000, 2))
    test = np.column_stack([read(v), np.zeros(8000)])

    def leak() -> float:
        identification = identify(z[:-1], z[1:], targets[1:], WITHOUT_LEAKAGE_REMOVAL)
        first = identification.transform(test)[:, identification.slots == 0][:, 0]
        own, other = np.linalg.lstsq(np.column_stack([v, np.ones(8000)]), first, rcond=None)[0][:2]
        return abs(float(other / own))

    weighted = leak()
    monkeypatch.setattr(
        "trisect.models.closed_form.beamformer.importance_weights", lambda blocks: np.ones(len(blocks[0]))
    )
    assert weighted < 0.97 * leak()


def turned(angles: np.ndarray) -> np.ndarray:
    """The entries of the matrix of two turns, which depend on the first, on the second, or on both."""
    (sa, sb), (ca, cb) = np.sin(angles).T, np.cos(angles).T
    return np.column_stack([ca, sa, cb, sb, sa * sb, sa * cb, ca * sb, ca * cb])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_directions_that_two_variables_move_belong_to_neither(seed: int) -> None:
    rng, num = np.random.default_rng(seed), 8000
    targets = rng.random((num, 2)) < 0.15
    before = rng.uniform(0, 2 * np.pi, (num, 2))
    after = np.where(targets, rng.uniform(0, 2 * np.pi, (num, 2)), before + 0.15 * rng.normal(size=(num, 2)))
    mixing = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    z = [(turned(angles) + 0.02 * rng.normal(size=(num, 8))) @ mixing for angles in (before, after)]
    identification = identify(z[0], z[1], targets, WITHOUT_LEAKAGE_REMOVAL)
    assert np.bincount(identification.slots).tolist() == [2, 2, 4]
    test = rng.uniform(0, 2 * np.pi, (num, 2))
    latents, truth = identification.transform(turned(test) @ mixing), turned(test)
    for slot, own in enumerate(((0, 1), (2, 3))):
        z_own = latents[:, identification.slots == slot]
        rest = z_own - truth[:, own] @ np.linalg.lstsq(truth[:, own], z_own, rcond=None)[0]
        assert rest.var() < 0.02 * z_own.var(), slot


def moved_over_shared_noise(num: int = 40_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Residuals of shared noise, to which each of two interventions adds 3 n along its own direction.

    Returns the residuals (pairs, 4), the targets, the directions (2, 4) and the noise's covariance.
    """
    rng = np.random.default_rng(0)
    targets = rng.random((num, 2)) < 0.2
    directions = np.array([[1.0, 0.5, 0.0, 0.0], [-0.3, 1.0, 0.4, 0.0]])
    root = np.eye(4) + 0.8 * np.tri(4, k=-1)
    noise = rng.normal(size=(num, 4)) @ root.T
    return noise + (3 * rng.normal(size=(num, 2)) * targets) @ directions, targets, directions, root @ root.T


def test_a_beam_is_blind_to_what_other_interventions_add_not_to_the_noise_that_is_always_there() -> None:
    """An intervention alone gives noise + 9 m m'; what it adds lies along m only after subtracting the usual noise.

    Among all w with w . m_j = 0, the one that reads m_i with the least variance is Q^-1 M (M' Q^-1 M)^-1 e_i.
    """
    residual, targets, directions, noise = moved_over_shared_noise()
    start = [np.array([[1.0], [0.0], [0.0], [0.0]]), np.array([[0.0], [1.0], [0.0], [0.0]])]
    ones = np.ones(len(residual))
    blocks = beamformed(residual, targets, np.ones_like(targets), start, ones)
    read = np.linalg.solve(noise, directions.T)
    best = read @ np.linalg.inv(directions @ read)
    for own, other in ((0, 1), (1, 0)):
        w = blocks[own][:, 0]
        assert abs(w @ directions[other]) < 0.05 * abs(w @ directions[own])
        cosine = w @ best[:, own] / np.linalg.norm(w) / np.linalg.norm(best[:, own])
        assert abs(cosine) > 0.998


@pytest.mark.parametrize(("added", "size"), [(0.5, 2), (2.0, 1)])
def test_a_direction_stays_if_its_intervention_moves_it_more_than_the_noise_and_what_another_adds(
    added: float, size: int
) -> None:
    """Unit noise; the first intervention adds 9 on axis 0 and 1.4 on axis 1, where the second adds ``added``.

    Along axis 1 the ratio is about (1 + 1.4) / (1 + added), which counts as moved from 1.2 on.
    """
    rng, num = np.random.default_rng(0), 40_000
    targets = rng.random((num, 2)) < 0.15
    variances = np.array([[9.0, 1.4, 0.0], [0.0, added, 9.0]])
    residual = rng.normal(size=(num, 3))
    for target, variance in zip(targets.T, variances):
        residual += target[:, None] * np.sqrt(variance) * rng.normal(size=(num, 3))
    blocks = [np.eye(3)[:, :2], np.eye(3)[:, 2:]]
    first, second = exclusive(residual, targets, np.ones_like(targets), blocks, least=1.2)
    assert first.shape == (3, size) and np.array_equal(second, blocks[1])
    assert abs(first[0, 0]) > 0.99 * np.linalg.norm(first[:, 0])


@pytest.mark.parametrize(("weight_of_bent", "blind"), [(1e-3, True), (1.0, False)])
def test_the_patterns_that_a_beam_is_blind_to_weigh_the_transitions(weight_of_bent: float, blind: bool) -> None:
    """In half of the transitions the code bends: there the first intervention shows along (1, 0, 1), else (1, 1, 0)."""
    rng, num = np.random.default_rng(0), 40_000
    targets, bent = rng.random((num, 2)) < 0.2, rng.random(num) < 0.5
    straight, bend, second = np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    moved = 3 * rng.normal(size=(num, 2)) * targets
    residual = rng.normal(size=(num, 3)) + moved[:, :1] * np.where(bent[:, None], bend, straight)
    residual += moved[:, 1:] * second
    start = [np.array([[1.0], [0.0], [0.0]]), np.array([[0.0], [1.0], [0.0]])]
    weights = np.where(bent, weight_of_bent, 1.0)
    w = beamformed(residual, targets, np.ones_like(targets), start, weights)[1][:, 0]
    assert (abs(w @ straight) < 0.05 * abs(w @ second)) == blind
