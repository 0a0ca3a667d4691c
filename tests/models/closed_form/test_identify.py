from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass, replace

import numpy as np
import pytest

from trisect.linear_algebra import whiten
from trisect.models.closed_form import splitting
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.leakage import LeakageSettings
from trisect.models.closed_form.splitting import SplittingSettings

SETTINGS = ClosedFormSettings(num_features=20)
LINEAR = replace(SETTINGS, leakage=LeakageSettings(sweeps=0), splitting=SplittingSettings(enabled=False))
"""Neither splits nor curves: the map is linear."""


@dataclass
class Linear:
    """Factors [a1, a2 (moved together), b, e (never moved)], x' = .7 x + .2 n, or 1.5 n, seen through a rotation."""

    before: np.ndarray
    after: np.ndarray
    targets: np.ndarray
    truth: np.ndarray


def linear(num: int = 3000, seed: int = 0) -> Linear:
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    before = 0.3 * rng.normal(size=(num, 4))
    targets = rng.random((num, 2)) < 0.15
    moved = np.stack([targets[:, 0], targets[:, 0], targets[:, 1], np.zeros(num, bool)], axis=1)
    after = np.where(moved, 1.5 * rng.normal(size=(num, 4)), 0.7 * before + 0.2 * rng.normal(size=(num, 4)))
    return Linear(before @ rotation.T, after @ rotation.T, targets, after)


WORLD = linear()


def identified(**changes: np.ndarray):
    arguments = {"z_prev": WORLD.before, "z_next": WORLD.after, "targets": WORLD.targets} | changes
    return identify(arguments["z_prev"], arguments["z_next"], arguments["targets"], SETTINGS)


def fit(latents: np.ndarray, truth: np.ndarray) -> float:
    """R2 of the linear regression of a factor on some latents."""
    inputs = np.column_stack([latents, np.ones(len(latents))])
    rest = truth - inputs @ np.linalg.lstsq(inputs, truth, rcond=None)[0]
    return 1 - rest.var() / truth.var()


def test_a_slot_has_as_many_latents_as_its_variable_has_factors() -> None:
    assert identified().slots.tolist() == [0, 0, 1, 2]
    expected = [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert identified().assignment().astype(int).tolist() == expected


def test_every_factor_lies_in_its_slot() -> None:
    identification = identified()
    z = identification.transform(WORLD.after)
    slot_of_factor = {0: 0, 1: 0, 2: 1, 3: 2}
    for factor, slot in slot_of_factor.items():
        for other in range(3):
            score = fit(z[:, identification.slots == other], WORLD.truth[:, factor])
            assert (score > 0.98) if other == slot else (score < 0.05), (factor, other)


def test_the_map_is_invertible_and_of_unit_variance() -> None:
    identification = identify(WORLD.before, WORLD.after, WORLD.targets, LINEAR)
    z = identification.transform(np.concatenate([WORLD.before, WORLD.after]))
    assert np.allclose(z.mean(axis=0), 0, atol=1e-8)
    assert np.allclose(z.std(axis=0), 1, atol=1e-3)
    back = z @ np.linalg.inv(identification.matrix) + identification.mean
    assert np.allclose(back, np.concatenate([WORLD.before, WORLD.after]), atol=1e-8)


def test_divergences_equal_those_of_the_gaussians() -> None:
    """Without an intervention .2^2, with one l = 1.5^2 / .2^2 and no effect of the past, q = (.7 * .3)^2 / .2^2."""
    ratio, shift = (1.5 / 0.2) ** 2, (0.7 * 0.3 / 0.2) ** 2
    for divergences, size in zip(identified().divergences, (2, 1)):
        assert (np.diff(divergences) <= 1e-9).all()
        assert divergences[:size] == pytest.approx(ratio - 1 - np.log(ratio) + shift, rel=0.3)
        assert (divergences[size:] < 0.1).all()


def test_variables_are_in_the_order_of_the_columns() -> None:
    swapped = identified(targets=WORLD.targets[:, ::-1])
    assert swapped.slots.tolist() == [0, 1, 1, 2]
    assert fit(swapped.transform(WORLD.after)[:, :1], WORLD.truth[:, 2]) > 0.98


def test_the_result_repeats_and_ignores_the_units() -> None:
    one, again = identified(), identified()
    assert np.array_equal(one.matrix, again.matrix)
    scaled = identified(z_prev=1e4 * WORLD.before + 5, z_next=1e4 * WORLD.after + 5)
    assert scaled.slots.tolist() == one.slots.tolist()
    z = scaled.transform(1e4 * WORLD.after + 5)
    assert np.allclose(np.abs(z[:, 2]), np.abs(one.transform(WORLD.after)[:, 2]), atol=1e-2)


def test_a_constant_latent_is_finite_and_noise() -> None:
    constant = np.full((len(WORLD.before), 1), 3.0)
    identification = identified(z_prev=np.hstack([WORLD.before, constant]), z_next=np.hstack([WORLD.after, constant]))
    assert np.isfinite(identification.matrix).all()
    assert identification.slots.tolist() == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(("value", "what"), [(False, "the interventions"), (True, "the steps without an intervention")])
def test_a_constant_target_is_refused(value: bool, what: str) -> None:
    targets = WORLD.targets.copy()
    targets[:, 1] = value
    with pytest.raises(ValueError, match=f"{what} on 'column 1' must be at least 5 of 3000 steps; got 0; record more"):
        identified(targets=targets)


def test_too_few_interventions_are_refused() -> None:
    targets = np.zeros_like(WORLD.targets)
    targets[::10, 0] = targets[:4, 1] = True
    with pytest.raises(ValueError, match="interventions on 'fan' must be at least 5 of 3000 steps; got 4; record more"):
        identify(WORLD.before, WORLD.after, targets, SETTINGS, ("lamp", "fan"))


def test_latents_that_never_change_are_refused() -> None:
    same = np.ones_like(WORLD.before)
    with pytest.raises(ValueError, match="the latents must be different in some frames; got the same in all; check"):
        identified(z_prev=same, z_next=same)


@pytest.mark.parametrize("num_latents", [4, 16])
def test_five_interventions_suffice_whatever_the_number_of_latents(num_latents: int) -> None:
    rng = np.random.default_rng(2)
    targets, spare = WORLD.targets.copy(), rng.normal(size=(2, len(WORLD.before), num_latents - 4))
    targets[np.flatnonzero(targets[:, 1])[5:], 1] = False
    kept = ~WORLD.targets[:, 1] | targets[:, 1]
    before, after = np.hstack([WORLD.before, spare[0]]), np.hstack([WORLD.after, spare[1]])
    found = identify(before[kept], after[kept], targets[kept], SETTINGS)
    assert fit(found.transform(after)[:, found.slots == 1], WORLD.truth[:, 2]) > 0.6


@pytest.mark.parametrize("rate", [0.3, 0.9])
@pytest.mark.parametrize(("num", "num_latents"), [(12, 1), (12, 3), (12, 14), (30, 3), (100, 1), (100, 8)])
def test_the_smallest_recordings_give_finite_maps(num: int, num_latents: int, rate: float) -> None:
    """Fewer transitions than latents, or interventions in nearly all of them, are poor but no reason to fail."""
    rng = np.random.default_rng(0)
    targets = rng.random((num, 1)) < rate
    targets[:5], targets[5:10] = True, False
    before = rng.normal(size=(num, num_latents))
    after = np.where(targets, rng.normal(size=before.shape), 0.9 * before)
    found = identify(before, after, targets, SETTINGS)
    assert np.isfinite(found.transform(after)).all()
    assert np.isfinite([found.statements[0].effect, found.statements[0].p_value]).all()


def test_long_recordings_are_thinned_evenly_and_say_so(monkeypatch, caplog) -> None:
    module = importlib.import_module("trisect.models.closed_form.identify")
    monkeypatch.setattr(module, "MOST_PAIRS", 2000)
    targets = WORLD.targets.copy()
    targets[np.flatnonzero(targets[:, 1])[20:], 1] = False
    rows = module._part(targets)
    assert 1000 <= len(rows) <= 2000 and (np.diff(rows) > 0).all()
    assert targets[rows, 1].sum() == 20 and np.diff(rows).max() <= 4
    with caplog.at_level(logging.INFO, "trisect"):
        thinned = identified()
    assert any(
        "the closed form uses" in record.message and "of 3000 transitions" in record.message
        for record in caplog.records
    )
    assert np.array_equal(thinned.matrix, identified().matrix)
    assert thinned.slots.tolist() == [0, 0, 1, 2]
    assert fit(thinned.transform(WORLD.after)[:, 2:3], WORLD.truth[:, 2]) > 0.98


def test_fewer_latents_than_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="the number of latents must be at least the number of targets, 2; got 1"):
        identified(z_prev=WORLD.before[:, :1], z_next=WORLD.after[:, :1])


def test_no_targets_are_refused() -> None:
    with pytest.raises(ValueError, match="the number of targets must be at least 1; got 0"):
        identified(targets=WORLD.targets[:, :0])


def test_names_that_are_too_few_or_equal_are_refused() -> None:
    with pytest.raises(ValueError, match="the number of names must be that of the targets, 2; got 1"):
        identify(WORLD.before, WORLD.after, WORLD.targets, SETTINGS, ("lamp",))
    with pytest.raises(ValueError, match="the names of the variables must be all different; got lamp more than once"):
        identify(WORLD.before, WORLD.after, WORLD.targets, SETTINGS, ("lamp", "lamp"))


@pytest.mark.parametrize("kind", [complex, object, str])
def test_latents_that_are_no_real_numbers_are_refused(kind: type) -> None:
    with pytest.raises(ValueError, match="the latents after must be real numbers; got values of type"):
        identified(z_next=WORLD.after.astype(kind))


def test_latents_whose_squares_overflow_are_refused() -> None:
    with pytest.raises(ValueError, match=r"the latents before must be at most 1e\+100 in size; got .*e\+200; change"):
        identified(z_prev=WORLD.before * 1e200)


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_latents_of_less_precision_give_about_the_same_map(kind: type) -> None:
    rough = identified(z_prev=WORLD.before.astype(kind), z_next=WORLD.after.astype(kind), targets=WORLD.targets * 1)
    assert rough.matrix.dtype == np.float64
    assert rough.slots.tolist() == [0, 0, 1, 2]
    assert fit(rough.transform(WORLD.after)[:, 2:3], WORLD.truth[:, 2]) > 0.98


@pytest.mark.parametrize("name", ["z_prev", "z_next"])
def test_values_that_are_not_finite_are_refused(name: str) -> None:
    spoilt = (WORLD.before if name == "z_prev" else WORLD.after).copy()
    spoilt[7, 1] = np.nan
    with pytest.raises(ValueError, match=r"must be finite; got .* in row 7"):
        identified(**{name: spoilt})


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="the shape of the targets must be"):
        identified(targets=WORLD.targets[:-1])
    with pytest.raises(ValueError, match="the shape of the latents after must be"):
        identified(z_next=WORLD.after[:, :3])


def test_whitening() -> None:
    data = np.random.default_rng(1).normal(size=(400, 3)) @ np.array([[2.0, 1, 0], [0, 1, 3], [0, 0, 0.1]]) + 4
    mean, matrix = whiten(data)
    assert np.allclose(np.cov((data - mean) @ matrix, rowvar=False), np.eye(3), atol=1e-8)


@pytest.mark.parametrize(
    "settings", [{"num_features": -1}, {"ridge": 0.0}, {"trim_rounds": -1}, {"trim_deviations": 0.0}]
)
def test_settings_are_checked(settings: dict) -> None:
    with pytest.raises(ValueError, match="of the closed form must be"):
        ClosedFormSettings(**settings)


def test_shared_noise_is_not_cancelled_by_reading_another_variable() -> None:
    """A contrast alone would read a - .4 b here: without interventions, b predicts a's noise.

    With the weight 1/2 on b's effects, (C + F / 2)^-1 reads a - .07 b, whose R2 of b is .005.
    """
    rng, num = np.random.default_rng(0), 20_000
    targets = np.eye(3, dtype=bool)[rng.choice(3, num, p=[0.1, 0.1, 0.8])][:, :2]
    before = 0.3 * rng.normal(size=(num, 3))
    noise = 0.2 * rng.normal(size=(num, 1)) + 0.06 * rng.normal(size=(num, 2))
    after = 0.3 * rng.normal(size=(num, 3))
    after[:, :2] = np.where(targets, 0.8 * rng.normal(size=(num, 2)), 0.5 * before[:, :2] + noise)
    identification = identify(before, after, targets, SETTINGS)
    assert identification.slots.tolist() == [0, 1, 2]
    read = identification.matrix[:2, :2] / np.diag(identification.matrix)[:2]
    assert np.abs(read[[0, 1], [1, 0]]).max() < 0.09


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_refits_reduce_the_leakage_of_nonlinear_dynamics(seed: int) -> None:
    """Two followers of one leader, x' = x + clip(y - x, -1, 1), among irrelevant latents.

    A smooth regression misses part of the clipping, and misses it for both followers at once.
    """
    rng, num = np.random.default_rng(seed), 30_000
    targets = np.eye(4, dtype=bool)[rng.choice(4, num, p=[0.1, 0.1, 0.1, 0.7])][:, :3]
    leader = rng.uniform(-8, 8, num)
    behind = 2.5 * rng.normal(size=(num, 1)) + 0.5 * rng.normal(size=(num, 2))
    before = np.column_stack([leader[:, None] - behind, leader, rng.normal(size=(num, 9))])
    step, jump = np.clip(leader[:, None] - before[:, :2], -1, 1), rng.choice([-1.0, 1.0], (num, 2))
    after = before + 0.2 * rng.normal(size=before.shape)
    after[:, :2] += np.where(targets[:, :2], jump, step)
    after[:, 2] = np.where(targets[:, 2], rng.uniform(-8, 8, num), after[:, 2])
    leaks = []
    for refits in (0, 2):
        settings = replace(SETTINGS, num_features=100, refits=refits)
        identification = identify(before, after, targets, settings)
        read = identification.matrix[:2, :2] / np.diag(identification.matrix)[:2]
        leaks.append(np.abs(read[[0, 1], [1, 0]]).max())
    assert leaks[1] < min(0.02, 0.8 * leaks[0]), leaks


@pytest.mark.parametrize("refits", [0, 1])
def test_refitted_dynamics_use_neither_restarts_nor_interventions(refits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first fit cannot distinguish restarts, which no intervention explains, from the dynamics."""
    restarts, after = np.arange(len(WORLD.after)) % 50 == 0, WORLD.after.copy()
    after[restarts] = 2.0 * np.random.default_rng(0).choice([-1, 1], (restarts.sum(), 4))
    fitted = []
    monkeypatch.setattr(splitting, "split_directions", lambda latents, *_: fitted.append(latents.past.fitted))
    settings = ClosedFormSettings(num_features=60, refits=refits)
    identify(WORLD.before, after, WORLD.targets, settings)
    quiet = ~WORLD.targets.any(axis=1)
    assert not fitted[0][~quiet].any()
    assert fitted[0][quiet & restarts].mean() == pytest.approx(0.0 if refits else 1.0, abs=0.1)
    assert fitted[0][quiet & ~restarts].mean() > 0.9


@pytest.mark.parametrize(("second", "slots"), [(0.8, [0, 0, 1, 2]), (0.1, [0, 1, 2, 2])])
def test_the_directions_of_a_variable_end_at_the_largest_fall_of_the_divergence(
    second: float, slots: list[int]
) -> None:
    """Along a1 the divergence is 393, along a2 12 or .6: the fall to nothing is largest after a2, or before it."""
    rng, num = np.random.default_rng(0), 6000
    rotation, targets = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.random((num, 2)) < 0.15
    before = np.zeros((num, 4))
    moved = np.stack([targets[:, 0], targets[:, 0], targets[:, 1], np.zeros(num, bool)], axis=1)
    spread = np.array([4.0, second, 4.0, 0.0])
    after = np.where(moved, spread, 0.2) * rng.normal(size=(num, 4))
    found = identify(before @ rotation.T, after @ rotation.T, targets, SETTINGS)
    assert found.slots.tolist() == slots
    ratios = np.array([4.0, second]) ** 2 / 0.04
    assert found.divergences[0][:2] == pytest.approx(ratios - 1 - np.log(ratios), rel=0.3)


def bent(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents v, its square and a bystander u; interventions redraw v and u."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num, 2)) < 0.15
    v, u = np.zeros(num), np.zeros(num)
    for t in range(1, num):
        v[t] = 2 * rng.normal() if targets[t, 0] else 0.98 * v[t - 1] + 0.05 * rng.normal()
        u[t] = 2 * rng.normal() if targets[t, 1] else 0.9 * u[t - 1] + 0.05 * rng.normal()
    return np.column_stack([v, v**2 / 2 + 0.02 * rng.normal(size=num), u]), targets


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_square_of_a_variable_is_in_no_other_variable_s_slot(seed: int) -> None:
    z, targets = bent(4000, seed)
    found = identify(z[:-1], z[1:], targets[1:], LINEAR)
    new = found.transform(z)
    assert np.bincount(found.slots)[:2].tolist() in ([1, 1], [2, 1])
    assert fit(new[:, found.slots == 0], z[:, 0]) > 0.9
    assert fit(new[:, found.slots == 1], z[:, 2]) > 0.95
    assert fit(new[:, found.slots == 1], z[:, 1]) < 0.05


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
    found = identify(z[0], z[1], targets, LINEAR)
    assert np.bincount(found.slots).tolist() == [2, 2, 4]
    test = rng.uniform(0, 2 * np.pi, (num, 2))
    latents, truth = found.transform(turned(test) @ mixing), turned(test)
    for slot, own in enumerate(((0, 1), (2, 3))):
        z_own = latents[:, found.slots == slot]
        rest = z_own - truth[:, own] @ np.linalg.lstsq(truth[:, own], z_own, rcond=None)[0]
        assert rest.var() < 0.02 * z_own.var(), slot


def swinging(num: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two pendulums of which a frame shows the angle alone, seen through a rotation beside noise; the targets shift."""
    rng = np.random.default_rng(seed)
    targets, x = rng.random((num, 2)) < 0.1, np.zeros((num, 2))
    for t in range(2, num):
        x[t] = 1.9 * x[t - 1] - 0.95 * x[t - 2] + 0.1 * rng.normal(size=2) + 0.2 * targets[t]
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]
    return np.column_stack([x, rng.normal(size=(num, 2))]) @ rotation, targets


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_earlier_frame_shows_what_one_frame_hides(seed: int) -> None:
    """A shift of .2 stands out of noise of .1 (q = 4), but hardly of a movement that one frame does not show."""
    z, targets = swinging(2000, seed)
    one = identify(z[1:-1], z[2:], targets[2:], replace(LINEAR, history=1))
    two = identify(z[1:-1], z[2:], targets[2:], replace(LINEAR, history=2), earlier=z[:-2])
    assert [each.verdict for each in two.statements] == ["found", "found"]
    assert min(each.low for each in two.statements) > 0.98 > max(each.low for each in one.statements)
    assert min(each[0] for each in two.divergences) > 4 * max(each[0] for each in one.divergences)


def test_earlier_frames_are_checked_and_their_units_do_not_matter() -> None:
    z, targets = swinging(600, 0)
    arguments = z[1:-1], z[2:], targets[2:], LINEAR
    one, other = (identify(*arguments, earlier=by * z[:-2] + 7) for by in (1.0, 1e4))
    assert np.allclose(one.matrix, other.matrix, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="the shape of the earlier latents must be"):
        identify(*arguments, earlier=z[:-3])
    with pytest.raises(ValueError, match="the earlier latents must be real numbers"):
        identify(*arguments, earlier=z[:-2].astype(object))
    with pytest.raises(ValueError, match="the earlier latents must be finite"):
        identify(*arguments, earlier=np.where(np.arange(598)[:, None] == 3, np.nan, z[:-2]))


def test_earlier_frames_of_long_recordings_are_thinned_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    z, targets = swinging(2000, 0)
    monkeypatch.setattr(importlib.import_module("trisect.models.closed_form.identify"), "MOST_PAIRS", 1000)
    found = identify(z[1:-1], z[2:], targets[2:], LINEAR, earlier=z[:-2])
    assert min(each.low for each in found.statements) > 0.95
