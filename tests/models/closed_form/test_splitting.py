"""Splitting, in worlds where one direction holds a stepwise variable and a place that no intervention moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from trisect.models.closed_form.as_flow import TanhCoupling, identification_flow
from trisect.models.closed_form.identification import Identification, blank_identification
from trisect.models.closed_form.identify import ClosedFormSettings, identify
from trisect.models.closed_form.latent_pairs import LatentPairs
from trisect.models.closed_form.ridge import ridge_on
from trisect.models.closed_form.splitting import SIZES, Coupling, SplittingSettings, split_directions
from trisect.models.closed_form.tanh_function import with_knots, with_random_features, zero_function

SETTINGS = ClosedFormSettings(num_features=40)


@dataclass
class Rooms:
    """Per variable a room, 0 or 1, and a place in it; all rooms' positions seen through a rotation."""

    before: np.ndarray
    after: np.ndarray
    targets: np.ndarray
    rooms: np.ndarray
    places: np.ndarray


def walk(num: int, moves: np.ndarray, redraw: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Room and place of one variable: an intervention changes the room, and where ``redraw``, the place as well."""
    room, place = np.zeros(num), np.zeros(num)
    for t in range(1, num):
        room[t] = (1 - room[t - 1]) if moves[t] else room[t - 1]
        place[t] = rng.uniform(-1, 1) if redraw[t] else np.clip(place[t - 1] + 0.4 * rng.normal(), -1, 1)
    return room, place


def rooms(
    num_variables: int = 1, num_spare: int = 2, *, redraw: bool = False, drift: float = 0.0, seed: int = 0
) -> Rooms:
    """Each variable is seen as place + 4 room, the room with a deviation of ``drift`` in every frame."""
    rng, num = np.random.default_rng(seed), 6000
    targets = rng.random((num, num_variables)) < 0.15
    walks = [walk(num, targets[:, k], targets[:, k] & redraw, rng) for k in range(num_variables)]
    room, place = (np.stack(part, axis=1) for part in zip(*walks))
    spare = 0.1 * rng.normal(size=(num, num_spare)) + 0.3 * np.sin(3 * place[:, :1])
    shown = room + drift * rng.normal(size=room.shape) if drift else room
    z = np.concatenate([place + 4 * shown, spare], axis=1)
    z = z @ np.linalg.qr(rng.normal(size=(z.shape[1], z.shape[1])))[0]
    return Rooms(z[:-1], z[1:], targets[1:], room[1:], place[1:])


def identified(world: Rooms, **changes: object) -> Identification:
    settings = replace(SETTINGS, splitting=SplittingSettings(**changes))  # type: ignore[arg-type]
    return identify(world.before, world.after, world.targets, settings)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return abs(float(np.corrcoef(first, second)[0, 1]))


def explained(latents: np.ndarray, truth: np.ndarray) -> float:
    """R2 of a regression on polynomials of single latents."""
    inputs = np.column_stack([np.ones(len(latents)), *(latents**power for power in (1, 2, 3, 4, 5))])
    return 1 - float((truth - inputs @ np.linalg.lstsq(inputs, truth, rcond=None)[0]).var() / truth.var())


@pytest.mark.parametrize("num_variables", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_room_and_place_are_split(num_variables: int, seed: int) -> None:
    world = rooms(num_variables, num_spare=num_variables + 1, seed=seed)
    identification = identified(world)
    z = identification.transform(world.after)
    assert identification.num_splits == num_variables and len(identification.couplings) == len(SIZES) * num_variables
    rest = z[:, identification.slots == num_variables]
    for k in range(num_variables):
        own = z[:, identification.slots == k]
        room, place = world.rooms[:, k], world.places[:, k]
        assert own.shape[1] == 1 and correlation(own[:, 0], room) > 0.99
        for value in (0, 1):
            inside = room == value
            assert explained(own[inside], place[inside]) < 0.12
        assert max(correlation(rest[:, i], place) for i in range(rest.shape[1])) > 0.95
    assert np.allclose(z.std(axis=0), 1, atol=0.1)


def test_variables_are_split_alike_one_at_a_time_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    world = rooms(2, num_spare=3)
    together = identified(world).transform(world.after)
    monkeypatch.setattr("trisect.models.closed_form.splitting.MAX_VALUES", 1)
    assert np.allclose(identified(world).transform(world.after), together, atol=1e-6)


def test_without_splitting_the_direction_holds_both() -> None:
    world = rooms()
    identification = identified(world, enabled=False)
    own = identification.transform(world.after)[:, identification.slots == 0][:, 0]
    assert identification.couplings == () and identification.num_splits == 0
    inside = world.rooms[:, 0] == 1
    assert correlation(own[inside], world.places[inside, 0]) > 0.97


def test_a_place_that_moves_too_belongs_to_the_variable() -> None:
    assert identified(rooms(redraw=True)).num_splits == 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_step_that_drifts_is_not_split(seed: int) -> None:
    """Curves of a nonlinear code have gains of this size, too."""
    world = rooms(drift=0.13, seed=seed)
    assert identified(world).num_splits == 0
    assert identified(world, min_gain=5.0).num_splits == 1


def test_without_a_spare_latent_nothing_is_split() -> None:
    assert identified(rooms(num_spare=0)).num_splits == 0


def test_a_spare_latent_that_is_constant_gives_no_infinity() -> None:
    world = rooms()
    before, after = (np.column_stack([z, np.ones(len(z))]) for z in (world.before, world.after))
    identification = identify(before, after, world.targets, SETTINGS)
    z = identification.transform(after)
    assert identification.num_splits == 1 and np.isfinite(z).all()
    assert correlation(z[:, identification.slots == 0][:, 0], world.rooms[:, 0]) > 0.99


def test_a_continuous_variable_is_not_split() -> None:
    rng, num = np.random.default_rng(1), 4000
    targets = rng.random((num, 1)) < 0.2
    y = np.zeros(num)
    for t in range(1, num):
        y[t] = rng.uniform(-2, 2) if targets[t, 0] else np.clip(y[t - 1] + 0.2 * rng.normal(), -2, 2)
    z = np.column_stack([y, 0.3 * rng.normal(size=(num, 2))])
    assert identify(z[:-1], z[1:], targets[1:], SETTINGS).num_splits == 0


def test_targets_shuffled_over_time_split_nothing() -> None:
    world = rooms()
    shuffled = np.random.default_rng(5).permutation(world.targets)
    assert identify(world.before, world.after, shuffled, SETTINGS).num_splits == 0


def test_the_flow_equals_the_identification_and_inverts() -> None:
    world = rooms(2, 3)
    identification = identified(world)
    flow = identification_flow(identification).double()
    x = torch.from_numpy(world.after[:50])
    z, log_det = flow(x)
    assert np.allclose(z.detach().numpy(), identification.transform(world.after[:50]), atol=1e-4)
    assert torch.allclose(flow.inverse(z), x, atol=1e-9)
    jacobian = torch.autograd.functional.jacobian(lambda row: flow(row[None])[0][0], x[0])
    assert torch.allclose(torch.linalg.slogdet(jacobian)[1], log_det[0], atol=1e-9)


def test_a_coupling_changes_one_latent_alone() -> None:
    rng = np.random.default_rng(0)
    function = with_random_features(3, [0, 2], 7, rng).fitted(rng.normal(size=(9, 3)), rng.normal(size=9), [0, 2], 0.1)
    z = rng.normal(size=(5, 3))
    moved = Coupling(1, function)(z)
    assert np.array_equal(moved[:, [0, 2]], z[:, [0, 2]])
    assert np.allclose(moved[:, 1] - z[:, 1], function(z))
    assert np.allclose(function(z), function(z + np.array([0, 5, 0])))
    layer = TanhCoupling(Coupling(1, function)).double()
    assert np.allclose(layer(torch.from_numpy(z))[0].numpy(), moved, atol=1e-6)


def test_a_scaled_latent_gives_the_same_function() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(20, 3))
    function = with_knots(3, 1, np.linspace(-2, 2, 6)).fitted(z, z[:, 1] ** 2, [1], 1e-3)
    assert np.allclose(function(z), z[:, 1] ** 2, atol=0.3)
    by = np.array([1, 4, 1])
    assert np.allclose(function.of_scaled(1, 4.0)(z / by), function(z))
    assert np.allclose(function.scaled(-2.0)(z), -2 * function(z))
    target, reader = Coupling(0, function), Coupling(1, replace(function, directions=np.zeros((3, 6)), linear=by * 0))
    assert np.allclose(target.of_scaled(1, 4.0)(z / by) * by, target(z))
    assert np.allclose(reader.of_scaled(1, 4.0)(z / by) * by, reader(z))


def test_a_blank_identification_is_the_identity_with_the_usual_sizes() -> None:
    blank, z = blank_identification(4, 2, 1), np.random.default_rng(0).normal(size=(5, 4))
    assert np.array_equal(blank.transform(z), z)
    world = rooms(1, 3)
    split = replace(identified(world), curves=())
    shapes = [{k: v.shape for k, v in identification_flow(f).state_dict().items()} for f in (blank, split)]
    assert shapes[0] == shapes[1]
    assert zero_function(4, 3)(z).tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("field", "value"), [("min_gain", 0.5), ("amplitude", 0.0), ("ridge", -1.0), ("max_rest_ratio", float("nan"))]
)
def test_settings_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} of a splitting"):
        SplittingSettings(**{field: value})  # type: ignore[arg-type]


def slots_after_splitting(
    z: np.ndarray, target: np.ndarray, fitted_to: np.ndarray, settings: SplittingSettings | None = None
) -> list[int]:
    """Slots of latents after splitting; the first is the variable's. Linear dynamics are fitted to some frames."""
    before, after = z[:-1].copy(), z[1:].copy()
    inputs = np.column_stack([np.ones(len(before)), before])
    past = ridge_on(lambda rows: inputs[rows], fitted_to[1:], 3.0)
    slots = np.array([0] + [1] * (z.shape[1] - 1))
    latents = LatentPairs(before, after, slots, np.ones(z.shape[1]), past)
    split_directions(latents, target[1:, None], settings or SplittingSettings(), np.random.default_rng(0))
    assert (len(latents.changes) > 0) == (latents.slots[0] != 0)
    return [int(slot) for slot in latents.slots]


@pytest.mark.parametrize("seed", range(5))
def test_a_curve_that_fits_few_transitions_by_accident_is_not_used(seed: int) -> None:
    """With 25 weights and about 20 transitions without interventions, some curve of noise fits all of these.

    On the transitions that it was fitted to, its gain is in the hundreds or thousands; on others it is about 1.
    """
    rng = np.random.default_rng(seed)
    z, target = rng.normal(size=(81, 3)), rng.random(81) < 0.5
    assert slots_after_splitting(z, target, np.ones_like(target)) == [0, 1, 1]


def one_room(redraw: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Latents: place + 4 room, of about unit deviation, and two spare ones."""
    rng = np.random.default_rng(1)
    room, place = walk(len(target), target, redraw, rng)
    return np.column_stack([(place + 4 * room) / 2, 0.3 * rng.normal(size=(len(target), 2))])


ROWS = np.arange(4001)
MOVES = np.random.default_rng(0).random(len(ROWS)) < 0.15
EVERY_OTHER = ROWS[2::2]
"""Frames 2, 4, ...: those after the transitions that curves are not fitted to."""


def test_a_gain_on_the_fitted_transitions_alone_does_not_count() -> None:
    """The same latents; the targets are right for one half of the transitions and wrong for the other."""
    z = one_room(np.zeros_like(MOVES), MOVES)
    assert slots_after_splitting(z, MOVES, ~MOVES) != [0, 1, 1]
    wrong = MOVES.copy()
    wrong[EVERY_OTHER] = np.random.default_rng(1).permutation(MOVES[EVERY_OTHER])
    assert slots_after_splitting(z, wrong, ~MOVES) == [0, 1, 1]


@pytest.mark.parametrize(("first", "split"), [(0, False), (1, True)])
def test_whether_interventions_move_the_rest_is_tested_on_transitions_left_out_of_the_fit(
    first: int, split: bool
) -> None:
    """The place is redrawn with the room, but only on every other transition: the fit's ones if ``split``."""
    redraw = MOVES & (first == ROWS % 2)
    assert (slots_after_splitting(one_room(redraw, MOVES), MOVES, ~MOVES) != [0, 1, 1]) == split


@pytest.mark.parametrize(("spread", "split"), [(0.2, True), (0.05, False)])
def test_a_curve_that_leaves_almost_nothing_of_the_direction_is_not_used(spread: float, split: bool) -> None:
    """Room and jitter: without interventions the step does not move, but it leaves 1 or 0.06 % of the direction."""
    rng = np.random.default_rng(3)
    room, _ = walk(len(MOVES), MOVES, np.zeros_like(MOVES), rng)
    place = spread * rng.normal(size=len(MOVES))
    z = np.column_stack([(place + 4 * room) / 2, 0.3 * rng.normal(size=(len(MOVES), 2))])
    settings = SplittingSettings(min_gain=3.0)
    assert (slots_after_splitting(z, MOVES, ~MOVES, settings) != [0, 1, 1]) == split


@pytest.mark.parametrize("column", [1, 2])
def test_the_spare_latent_that_the_others_predict_best_takes_the_curve(column: int) -> None:
    """One spare latent is a curve of the direction plus a little noise; the other one is independent noise."""
    rng = np.random.default_rng(4)
    room, place = walk(len(MOVES), MOVES, np.zeros_like(MOVES), rng)
    direction = (place + 4 * room) / 2
    curve, free = np.tanh(direction) + 0.02 * rng.normal(size=len(MOVES)), rng.normal(size=len(MOVES))
    spare = [curve, free] if column == 1 else [free, curve]
    slots = slots_after_splitting(np.column_stack([direction, *spare]), MOVES, ~MOVES)
    assert slots == [int(latent != column) for latent in range(3)]
