"""Nonlinear codes: the latent of one variable holds a curve of another variable."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from trisect.models.closed_form.as_flow import CurveCoupling, identification_flow
from trisect.models.closed_form.identification import Identification, blank_identification
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.leakage import NUM_KNOTS, Curves, LeakageSettings, blank_curves, remove_leakage
from trisect.models.closed_form.ridge import ridge_on

SETTINGS = ClosedFormSettings(num_features=40)


@dataclass
class World:
    """Two variables, a and b, seen through a code of three latents."""

    latents: np.ndarray
    variables: np.ndarray
    targets: np.ndarray

    @property
    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.latents[:-1], self.latents[1:], self.targets[1:]


def world(bend: float = 0.0, stretch: float = 0.0, past: float = 0.0, num: int = 12_000, seed: int = 0) -> World:
    """b's latent is b exp(stretch sin 2a) + bend cos 2a; b follows a's past by ``past``; both are redrawn at times."""
    rng = np.random.default_rng(seed)
    targets, values = rng.random((num, 2)) < 0.15, np.zeros((num, 2))
    for t in range(1, num):
        a, b = values[t - 1]
        expected = np.array([0.7 * a, 0.7 * b + past * np.tanh(2 * a)])
        values[t] = np.where(targets[t], rng.normal(size=2), expected + 0.15 * rng.normal(size=2))
    a, b = values.T
    shown = b * np.exp(stretch * np.sin(2 * a)) + bend * np.cos(2 * a)
    spare = 0.3 * rng.normal(size=num)
    return World(np.stack([a, shown, spare], axis=1), values, targets)


def identified(data: World, sweeps: int = 2) -> Identification:
    return identify(*data.pairs, replace(SETTINGS, leakage=LeakageSettings(sweeps=sweeps)))


def explained(inputs: np.ndarray, truth: np.ndarray) -> float:
    """R2 of a regression on polynomials of one latent, fitted to one half and scored on the other."""
    z = (inputs - inputs.mean()) / inputs.std()
    features = np.stack([z**power for power in range(8)], axis=1)
    half = len(z) // 2
    weights = np.linalg.lstsq(features[:half], truth[:half], rcond=None)[0]
    return 1 - float(((truth[half:] - features[half:] @ weights) ** 2).mean() / truth[half:].var())


def scores(identification: Identification, data: World) -> tuple[float, float]:
    """R2 of b, and of a's curve, predicted from b's latent."""
    (latent,) = np.flatnonzero(identification.slots == 1)
    z = identification.transform(data.latents)[:, latent]
    a, b = data.variables.T
    return explained(z, b), explained(z, np.cos(2 * a))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_bend_is_removed(seed: int) -> None:
    data = world(bend=0.5, seed=seed)
    unchanged, corrected = (scores(identified(data, sweeps), data) for sweeps in (0, 2))
    assert unchanged[0] < 0.9 and unchanged[1] > 0.08
    assert corrected[0] > 0.985 and corrected[1] < 0.01


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_latents_are_shifted_and_not_stretched(seed: int) -> None:
    """A stretch of half a variable's own range is left as it is; the bend beside it is removed."""
    data = world(bend=0.5, stretch=0.4, seed=seed)
    unchanged, corrected = (identified(data, sweeps) for sweeps in (0, 2))
    assert corrected.curves and not any(
        curves.stretches.any() or curves.stretch_bias.any() for curves in corrected.curves
    )
    assert scores(corrected, data)[0] > scores(unchanged, data)[0] + 0.05
    assert scores(corrected, data)[1] < 0.02


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_linear_code_is_not_changed(seed: int) -> None:
    assert identified(world(seed=seed)).curves == ()


@pytest.mark.parametrize("seed", [0, 1])
def test_effects_of_the_past_are_not_removed(seed: int) -> None:
    data = world(past=0.6, seed=seed)
    assert identified(data).curves == ()
    assert scores(identified(data), data)[0] > 0.99


def test_few_interventions_give_no_curves() -> None:
    data = world(bend=0.5, num=1200)
    assert data.targets.sum(axis=0).max() < 20 * NUM_KNOTS
    assert identified(data).curves == ()


def test_constant_latents_are_kept() -> None:
    data = world(bend=0.5)
    data.latents[:, 2] = 1.0
    assert np.isfinite(identified(data).transform(data.latents)).all()


def some_curves(source: int = 1) -> Curves:
    rng = np.random.default_rng(0)
    others = np.arange(4) != source
    shifts, stretches = rng.normal(size=(2, NUM_KNOTS, 4)) * 0.3 * others
    biases = rng.normal(size=(2, 4)) * others
    return Curves(source, 1.7, rng.normal(size=NUM_KNOTS), shifts, biases[0], stretches, biases[1])


def test_curves_read_their_source_alone_and_do_not_change_it() -> None:
    z = np.random.default_rng(1).normal(size=(6, 4))
    changed = some_curves()(z)
    assert np.array_equal(changed[:, 1], z[:, 1])
    differences = some_curves()(z + np.array([1.0, 0.0, 2.0, 3.0])) - changed
    steps = np.tanh(1.7 * z[:, 1:2] + some_curves().offsets)
    scale = np.exp(-some_curves().stretch_bias - steps @ some_curves().stretches)
    assert np.allclose(differences, scale * np.array([1.0, 0.0, 2.0, 3.0]))


@pytest.mark.parametrize("latent", [0, 1])
def test_curves_of_a_scaled_latent_are_the_same_map(latent: int) -> None:
    z, by = np.random.default_rng(1).normal(size=(6, 4)), np.ones(4)
    by[latent] = 2.5
    assert np.allclose(some_curves().of_scaled(latent, 2.5)(z / by) * by, some_curves()(z))


def test_the_layer_equals_the_curves_and_its_determinant_the_jacobian() -> None:
    z = np.random.default_rng(1).normal(size=(5, 4))
    layer = CurveCoupling(some_curves()).double()
    x = torch.from_numpy(z)
    y, log_det = layer(x)
    assert np.allclose(y.numpy(), some_curves()(z), atol=1e-6)
    assert torch.allclose(layer.inverse(y), x)
    for row in range(5):
        jacobian = torch.autograd.functional.jacobian(lambda v: layer(v[None])[0][0], x[row])
        assert torch.allclose(torch.linalg.slogdet(jacobian)[1], log_det[row])


def test_a_flow_of_an_identification_with_curves_is_the_same_map() -> None:
    data = world(bend=0.5, stretch=0.3)
    identification = identified(data)
    assert identification.curves
    z, _ = identification_flow(identification)(torch.from_numpy(data.latents).float())
    assert np.allclose(z.detach().numpy(), identification.transform(data.latents), atol=1e-3)


def test_blank_curves_change_nothing_and_have_the_usual_sizes() -> None:
    z = np.random.default_rng(0).normal(size=(5, 4))
    assert np.array_equal(blank_curves(4)(z), z)
    blank = blank_identification(4, 2, num_curves=1)
    assert np.array_equal(blank.transform(z), z)
    shapes = [{k: v.shape for k, v in CurveCoupling(c).state_dict().items()} for c in (*blank.curves, some_curves())]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("field", "value"),
    [("sweeps", -1), ("min_share", 1.5), ("deviations", 0.0), ("ridge", float("nan"))],
)
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} of the leakage removal"):
        LeakageSettings(**{field: value})  # type: ignore[arg-type]


def removed_curves(
    before: np.ndarray, after: np.ndarray, targets: np.ndarray, slots: tuple[int, ...] = (0, 1)
) -> list[Curves]:
    """The curves removed from latents of these slots, with linear dynamics."""
    inputs = np.column_stack([np.ones(len(before)), before])
    past = ridge_on(lambda rows: inputs[rows], ~targets.any(axis=1), 3.0)
    latents = LatentPairs(before.copy(), after.copy(), np.array(slots), np.ones(len(slots)), past)
    remove_leakage(latents, targets, LeakageSettings())
    curves = [change for change in latents.changes if isinstance(change, Curves)]
    assert len(curves) == len(latents.changes)
    return curves


def pairs_of_two(num: int = 12_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents a and b before and after; both are multiplied by 0.7, or redrawn by interventions."""
    rng = np.random.default_rng(seed)
    targets, before = rng.random((num, 2)) < 0.15, rng.normal(size=(num, 2))
    after = np.where(targets, rng.normal(size=(num, 2)), 0.7 * before + 0.15 * rng.normal(size=(num, 2)))
    return before, after, targets


@pytest.mark.parametrize(("spread", "shift", "bent"), [(0.6, 0.0, True), (0.15, 0.5, False), (0.02, 0.0, False)])
def test_only_interventions_that_spread_the_values_show_a_curve(spread: float, shift: float, bent: bool) -> None:
    """b' contains a curve of a'; interventions make the noise of a' grow from .15 to .6, shift a', or quieten it."""
    before, after, targets = pairs_of_two()
    noise = np.random.default_rng(2).normal(size=len(targets))
    after[:, 0] = np.where(targets[:, 0], 0.7 * before[:, 0] + shift + spread * noise, after[:, 0])
    after[:, 1] += 0.5 * np.sin(2 * after[:, 0])
    assert any(curves.shifts[:, 1].any() for curves in removed_curves(before, after, targets)) == bent


def test_levels_that_are_always_held_together_show_no_curve() -> None:
    before, after, targets = pairs_of_two()
    after[:, 1] += 0.5 * np.sign(after[:, 0])
    targets[:, 1] = targets[:, 0]
    assert removed_curves(before, after, targets) == []


@pytest.mark.parametrize(("share", "jump", "bent"), [(1.0, 0.5, True), (0.15, 4.0, False)])
def test_a_curve_that_only_jumps_follow_is_not_removed(share: float, jump: float, bent: bool) -> None:
    """b' contains a curve of a' in all transitions, or jumps along it in some, as in a restart."""
    before, after, targets = pairs_of_two()
    alone = targets[:, 0] & ~targets[:, 1] & (np.random.default_rng(1).random(len(targets)) < share)
    after[alone, 1] += jump * np.sign(after[alone, 0])
    assert any(curves.shifts[:, 1].any() for curves in removed_curves(before, after, targets)) == bent


def test_a_variable_of_two_latents_gives_no_curves() -> None:
    before, after, targets = pairs_of_two()
    after[:, 1] += 0.5 * np.sin(2 * after[:, 0])
    spare = np.random.default_rng(3).normal(size=(2, len(targets), 1)) * np.where(targets[:, :1], 1.0, 0.3)
    before, after = np.hstack([before, spare[0]]), np.hstack([after, spare[1]])
    assert any(curves.source == 0 for curves in removed_curves(before, after, targets, (0, 1, 2)))
    assert not any(curves.source in (0, 2) for curves in removed_curves(before, after, targets, (0, 1, 0)))


def test_what_is_removed_has_mean_zero() -> None:
    before, after, targets = pairs_of_two()
    after[:, 1] += 0.5 * np.cos(2 * after[:, 0])
    curves = next(each for each in removed_curves(before, after, targets) if each.shifts[:, 1].any())
    at = after / np.concatenate([before, after]).std(axis=0)  # removal ends with unit variance
    removed = curves.features(at) @ curves.shifts[:, 1] + curves.shift_bias[1]
    assert removed.std() > 0.2 and abs(removed.mean()) < 1e-9


@pytest.mark.parametrize("always", [False, True])
def test_without_single_interventions_or_rows_without_any_there_are_no_curves(always: bool) -> None:
    """b' is a curve of a'. Every row has one intervention, or rows with any have both."""
    before, after, targets = pairs_of_two()
    after[:, 1] += np.sin(2 * after[:, 0])
    assert removed_curves(before, after, targets)
    if always:
        targets[:] = np.arange(len(targets))[:, None] % 2 == np.arange(2)
    else:
        targets[:] = targets[:, :1]
    inputs = np.column_stack([np.ones(len(before)), before])
    past = ridge_on(lambda rows: inputs[rows], np.ones(len(before), dtype=bool), 3.0)
    latents = LatentPairs(before, after, np.array([0, 1]), np.ones(2), past)
    remove_leakage(latents, targets, LeakageSettings())
    assert latents.changes == []
