"""The rules of Causal3DIdent: against published steps, by brute force, and with a scene that only keeps books."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from trisect.cli import main
from trisect.data import load, verify
from trisect.data.convert import causal3dident as files
from trisect.data.convert import grouping, kinds
from trisect.data.generate import generate
from trisect.interventions import IndependentTargets, Intervention
from trisect.worlds import causal3dident, make
from trisect.worlds import causal3dident_dynamics as dynamics
from trisect.worlds.causal3dident_dynamics import Draws, Rules
from trisect.worlds.checker import check_world
from trisect.worlds.scene3d.shapes import SHAPES

TURN = 2 * math.pi
FINE = tuple(name for name in files.NAMES if name not in ("gamma", "material"))
EVERYTHING = {"shapes": 7, "third_rotation": True, "material": True}
VARIANTS = [
    {},
    {"shapes": 7},
    {"instantaneous": True},
    {"instantaneous": True, "shapes": 7},
    {"shapes": 7, "grouped": True},
    {"instantaneous": True, "shapes": 7, "grouped": True},
    {**EVERYTHING, "grouped": True},
    {**EVERYTHING, "instantaneous": True},
    {"shapes": [SHAPES[2], SHAPES[5]], "instantaneous": True},
    {"shapes": [SHAPES[0], SHAPES[6]]},
    {"shapes": SHAPES[4]},
]


class BookkeepingScene:
    """Draws frames of one colour, made of all that it is given, and keeps what it was given last."""

    built = 0

    def __init__(self, shapes, resolution=64, rays_per_pixel=16, meshes=None):
        type(self).built += 1
        self.shapes, self.resolution, self.rays_per_pixel, self.meshes = shapes, resolution, rays_per_pixel, meshes
        self.given = ()

    def render(self, positions, rotations, spot_angles, hues, shapes):
        self.given = positions, rotations, spot_angles, hues, shapes
        assert positions.shape == rotations.shape == hues.shape == (len(shapes), 3)
        assert spot_angles.shape == shapes.shape and np.issubdtype(shapes.dtype, np.integer)
        assert shapes.min() >= 0 and shapes.max() < len(self.shapes)
        columns = np.concatenate([positions, rotations, hues, spot_angles[:, None], shapes[:, None]], axis=1)
        colours = np.sin(columns @ np.linspace(0.1, 1.0, 33).reshape(11, 3))
        frames = np.round(127.5 * (1 + colours)).astype(np.uint8)[:, None, None]
        return np.tile(frames, (1, self.resolution, self.resolution, 1))


@pytest.fixture(autouse=True)
def bookkeeping(monkeypatch):
    """The scene that worlds draw with, without a renderer."""
    module = ModuleType("trisect.worlds.scene3d.scene")
    module.Scene = BookkeepingScene
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(BookkeepingScene, "built", 0)
    causal3dident._scene.cache_clear()
    yield
    causal3dident._scene.cache_clear()


def scene_of(world):
    return causal3dident._scene(world.shapes, world.resolution, world.rays_per_pixel, world.meshes)


def apart(ours, theirs):
    """Differences (rows, num), the first three rows positions, the rest angles, these the shorter way round."""
    difference = ours - theirs
    difference[3:] = (difference[3:] + math.pi) % TURN - math.pi
    return np.abs(difference)


def padded(rows, num, dtype=np.float64):
    """Rows 0 to 9 or 10 of twelve, the rest zeros."""
    whole = np.zeros((12, num), dtype)
    for row, values in zip(whole, rows):
        row[:] = values
    return whole


# --- the contract


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_keeps_the_contract_of_worlds(settings):
    check_world(make("causal3dident", **settings), seed=5)


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_settings_build_the_same_world(settings):
    world = make("causal3dident", **settings)
    again = make("causal3dident", **world.settings())
    assert again.settings() == world.settings() and again.variables == world.variables
    assert np.array_equal(again.temporal_graph, world.temporal_graph)


def test_variables_are_those_of_converted_files():
    theirs = kinds.variable_space(kinds.CAUSAL3DIDENT, files.NAMES, files.NAMES)
    assert make("causal3dident", **EVERYTHING).variables == theirs
    assert make("causal3dident", **EVERYTHING, grouped=True).variables == grouping.join(theirs, files.GROUPS)
    ours = make("causal3dident").variables
    assert ours.names == FINE and {*ours.factors} < {*theirs.factors}


# --- published steps


@pytest.mark.parametrize("instantaneous", [False, True], ids=["temporal", "instantaneous"])
@pytest.mark.parametrize("shapes", ["teapot", "7shapes"])
def test_steps_equal_the_published_ones(shared, instantaneous, shapes):
    """With their noise and values of interventions; interventions of the temporal variant are not in the file."""
    with np.load(shared / "golden" / "causal3dident_step.npz") as golden:
        assert tuple(golden["names"]) == files.NAMES[:10]
        theirs = golden[f"{'instantaneous' if instantaneous else 'temporal'}_{shapes}"].T
        shape = golden["shape"].astype(np.float64)
        num = len(shape)
        state = padded([*golden["latents"].T, shape], num)
        fresh = np.stack([*golden["intervention_values"].T, shape])
        draws = Draws(golden["noise"].T, fresh, np.zeros(num, bool))
        targets = padded(golden["interventions"].T == 1 if instantaneous else [], num, bool)
    for add, tolerance in ((np.add, 1e-9), (dynamics.add_within, 1e-5)):
        ours = dynamics.advance(state, targets, draws, Rules(instantaneous, shapes == "7shapes"), add)
        assert apart(ours[:10], theirs).max() < tolerance
        assert np.array_equal(ours[dynamics.SHAPE], shape)


# --- positions that stay in their range


@pytest.mark.parametrize("mean", [-2.0, -1.85, 0.3, 1.75, 1.95])
def test_positions_have_the_law_of_redrawing(mean):
    rng = np.random.default_rng(3)
    ours = dynamics.add_within(np.full(20_000, mean), 0.1 * rng.standard_normal(20_000))
    redrawn = mean + 0.1 * rng.standard_normal(60_000)
    redrawn = redrawn[np.abs(redrawn) <= 2][:20_000]
    assert np.abs(ours).max() <= 2 and ks_2samp(ours, redrawn).pvalue > 1e-3


def test_away_from_the_ends_the_noise_is_kept_as_it_is():
    noise = np.linspace(-0.4, 0.4, 101)
    for mean in (-1.2, 0.0, 1.2):
        assert np.abs(dynamics.add_within(np.full(101, mean), noise) - mean - noise).max() < 1e-9


def test_extreme_noise_ends_at_an_end():
    ends = dynamics.add_within(np.array([2.0, 2.0, -2.0, 0.0]), np.array([50.0, -50.0, -50.0, 50.0]))
    assert ends[[0, 2, 3]].tolist() == [2, -2, 2] and np.isfinite(ends).all()


# --- goals, by hand


def settled(settings, steps=40, **values):
    """Where noise-free steps lead from some values, by name; values given as targets are held."""
    world = make("causal3dident", **settings)
    state, targets = padded([], 1), padded([], 1, bool)
    for name, value in values.items():
        state[files.NAMES.index(name)] = value
        targets[files.NAMES.index(name)] = True
    for _ in range(steps):
        draws = Draws(np.zeros((10, 1)), state[:11].copy(), np.zeros(1, bool))
        state = dynamics.advance(state, targets, draws, Rules(world.instantaneous, len(world.shapes) > 1), np.add)
    return dict(zip(files.NAMES, state[:, 0]))


@pytest.mark.parametrize("instantaneous", [False, True])
def test_without_noise_a_world_settles_at_its_goals(instantaneous):
    found = settled({"instantaneous": instantaneous}, hue_background=1.0, hue_object=2.0)
    assert found["alpha"] == pytest.approx(1.0) and found["beta"] == pytest.approx(2.0)
    assert found["hue_spot"] == pytest.approx(TURN - 1.0)
    assert found["x"] == pytest.approx(1.5 * math.sin(2.0)) and found["y"] == pytest.approx(1.5 * math.sin(1.0))
    assert found["z"] == pytest.approx(1.5 * math.cos(1.0))
    assert found["spot_rotation"] == pytest.approx(math.atan2(found["x"], found["y"]) % TURN)


@pytest.mark.parametrize(
    ("place", "hue"),
    [(0, 0.0), (1, 0.2 * TURN), (2, 1.1), (3, 0.4 * TURN), (4, 1.1 + math.pi), (5, 0.6 * TURN), (6, 0.8 * TURN)],
)
def test_the_object_s_hue_follows_its_shape(place, hue):
    found = settled({"shapes": 7}, shape=place, hue_spot=0.2, hue_background=2.0)
    assert (found["hue_object"] - hue + 1) % TURN == pytest.approx(1.0)


def test_steps_lead_halfway_the_shorter_way_round():
    state, targets = padded([], 1), padded([], 1, bool)
    state[dynamics.ALPHA], state[dynamics.HUE_BACKGROUND], state[dynamics.X] = 6.0, 0.5, 2.0
    draws = Draws(np.zeros((10, 1)), np.zeros((11, 1)), np.zeros(1, bool))
    after = dynamics.advance(state, targets, draws, Rules(), np.add)
    assert after[dynamics.ALPHA, 0] == pytest.approx(6.0 + (0.5 + TURN - 6.0) / 2 - TURN)
    assert after[dynamics.X, 0] == pytest.approx(1.0)


def test_noise_has_the_published_size():
    world, num = make("causal3dident", third_rotation=True), 20_000
    state = np.zeros((num, 11))
    state[:, 2] = 1.5  # where z stays
    after = world.step(state, np.zeros((num, 11), bool), np.random.default_rng(0))
    assert after[:, :3].std(axis=0) == pytest.approx([0.1] * 3, rel=0.02)
    turned = (after[:, 3:10] + math.pi) % TURN - math.pi
    assert turned.std(axis=0) == pytest.approx([0.15] * 7, rel=0.02)


def test_shapes_change_by_themselves_and_may_stay():
    world, num = make("causal3dident", shapes=7), 40_000
    state = world.independent(num, np.random.default_rng(0))
    after = world.step(state, np.zeros((num, 10), bool), np.random.default_rng(1))
    changed = after[:, -1] != state[:, -1]
    assert changed.mean() == pytest.approx(0.05 * 6 / 7, abs=0.005)
    assert np.bincount(after[changed, -1].astype(int), minlength=7) / changed.sum() == pytest.approx(
        [1 / 7] * 7, abs=0.04
    )


def test_the_third_rotation_of_an_instantaneous_world_is_nothing():
    world, rng = make("causal3dident", instantaneous=True, third_rotation=True), np.random.default_rng(0)
    gamma = world.variables.index("gamma")
    state = world.reset(100, rng)
    assert not state[:, gamma].any() and world.interventions["gamma"] is Intervention.NONE
    assert not world.step(state, np.ones((100, 11), bool), rng)[:, gamma].any()
    turning = make("causal3dident", third_rotation=True)
    assert turning.interventions["gamma"] is Intervention.PERFECT and turning.reset(100, rng)[:, gamma].std() > 1


# --- graphs, by brute force


def stepped(world, state, targets, seed=2):
    return world.step(state, targets, np.random.default_rng(seed))


def variables_that_differ(world, first, second):
    columns = [list(world.variables.factor_columns(name)) for name in world.variables.names]
    return np.array([(first[:, column] != second[:, column]).any() for column in columns])


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_temporal_graphs_hold_every_effect_and_no_more(settings):
    """A variable's past is changed, all but one variable are intervened on: only direct effects are left."""
    world, num = make("causal3dident", **settings), 300
    names = world.variables.names
    state, other = (world.independent(num, np.random.default_rng(seed)) for seed in range(2))
    found = np.zeros((len(names), len(names)), bool)
    for i, name in enumerate(names):
        changed = state.copy()
        columns = list(world.variables.factor_columns(name))
        changed[:, columns] = other[:, columns]
        for j in range(len(names)):
            targets = np.ones((num, len(names)), bool)
            targets[:, j] = False
            found[i, j] = variables_that_differ(
                world, stepped(world, changed, targets), stepped(world, state, targets)
            )[j]
    expected = world.temporal_graph.copy()
    for name in names:  # what never varies cannot show its effect on itself
        i = names.index(name)
        expected[i, i] &= name != "material" and not (name == "shape" and len(world.shapes) == 1)
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_instantaneous_graphs_hold_every_effect_and_no_more(settings):
    """All but one variable are intervened on, one of them with another value: only direct effects are left."""
    world, num = make("causal3dident", **settings), 300
    factors, rules = world.variables.factor_names, Rules(world.instantaneous, len(world.shapes) > 1)
    state = world._unpack(world.independent(num, np.random.default_rng(0)))
    draws = dynamics.sample_draws(num, world._places, np.random.default_rng(1))
    other = dynamics.sample_fresh(num, world._places, np.random.default_rng(2))
    found = np.zeros((len(world.variables), len(world.variables)), bool)
    for i, name in enumerate(factors[:-1] if world.material else factors):
        fresh = draws.fresh.copy()
        fresh[files.NAMES.index(name)] = other[files.NAMES.index(name)]
        for j, child in enumerate(factors):
            targets = np.ones((12, num), bool)
            row = files.NAMES.index(child)
            targets[row] = False
            first = dynamics.advance(state, targets, draws, rules)
            second = dynamics.advance(state, targets, Draws(draws.noise, fresh, draws.changes), rules)
            if i != j and (first[row] != second[row]).any():
                found[world._owners[i], world._owners[j]] = True
    assert np.array_equal(found, world.instantaneous_graph)


def test_edges_of_the_object_s_hue_are_those_of_the_shapes():
    def parents(**settings):
        world = make("causal3dident", **settings)
        graph = world.instantaneous_graph if world.instantaneous else world.temporal_graph
        return {
            name for name, edge in zip(world.variables.names, graph[:, world.variables.index("hue_object")]) if edge
        }

    assert parents() == {"hue_object"} and parents(instantaneous=True) == set()
    assert parents(shapes=7) == {"hue_object", "hue_spot", "hue_background", "shape"}
    assert parents(shapes=2) == {"hue_object", "shape"}
    assert parents(shapes=[SHAPES[4], SHAPES[0]], instantaneous=True) == {"hue_spot", "hue_background", "shape"}


# --- interventions


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_values_of_interventions_know_nothing_of_the_past(settings):
    world = make("causal3dident", **settings)
    pasts = [world.independent(50, np.random.default_rng(seed)) for seed in range(2)]
    for name in world.interventable:
        targets = np.zeros((50, len(world.variables)), bool)
        targets[:, world.variables.index(name)] = True
        columns = list(world.variables.factor_columns(name))
        first, second = (stepped(world, past, targets)[:, columns] for past in pasts)
        assert np.array_equal(first, second)


@pytest.mark.parametrize("settings", [{}, {"shapes": 7}, {"shapes": 7, "grouped": True}], ids=str)
def test_interventions_of_a_temporal_world_touch_nothing_else(settings):
    world = make("causal3dident", **settings)
    state = world.independent(400, np.random.default_rng(0))
    targets = world.targets(400, np.random.default_rng(1))
    plain, acted = stepped(world, state, np.zeros_like(targets)), stepped(world, state, targets)
    by_factor = targets[:, world._owners]
    assert np.array_equal(acted[~by_factor], plain[~by_factor])
    continuous = by_factor.copy()
    continuous[:, world.variables.factor_names.index("shape")] = False
    assert (acted[continuous] != plain[continuous]).all()


@pytest.mark.parametrize("settings", [{}, {"instantaneous": True, "shapes": 7}], ids=str)
def test_how_much_is_drawn_depends_on_nothing_but_the_number(settings):
    world = make("causal3dident", **settings)
    following = set()
    for seed in range(3):
        state = world.independent(100, np.random.default_rng(seed))
        for targets in (np.zeros((100, 10), bool), np.ones((100, 10), bool)):
            rng = np.random.default_rng(9)
            world.step(state, targets, rng)
            following.add(rng.random())
    assert len(following) == 1


def test_interventions_are_uniform_over_the_ranges():
    world, num = make("causal3dident", shapes=7), 5000
    after = stepped(world, world.reset(num, np.random.default_rng(0)), np.ones((num, 10), bool))
    for column in range(9):
        low, width = (-2, 4) if column < 3 else (0, TURN)
        assert kstest(after[:, column], "uniform", (low, width)).pvalue > 1e-4
    assert np.bincount(after[:, 9].astype(int)) / num == pytest.approx([1 / 7] * 7, abs=0.02)


@pytest.mark.parametrize(
    ("settings", "num", "probability"),
    [
        ({}, 9, 1 / 10),
        ({"shapes": 7}, 10, 1 / 11),
        ({"shapes": 7, "third_rotation": True, "material": True}, 11, 1 / 12),
        ({"shapes": 7, "third_rotation": True, "instantaneous": True}, 10, 1 / 11),
        ({"grouped": True}, 6, 1 / 6),
        ({"shapes": 7, "grouped": True}, 7, 1 / 7),
    ],
    ids=str,
)
def test_targets_are_independent_and_as_frequent_as_published(settings, num, probability):
    world = make("causal3dident", **settings)
    assert world.policy() == IndependentTargets((probability,) * num)
    targets = world.targets(20_000, np.random.default_rng(0))
    active = [world.variables.index(name) for name in world.interventable]
    assert targets[:, active].mean(axis=0) == pytest.approx([probability] * num, abs=0.012)
    assert not np.delete(targets, active, axis=1).any()
    both = targets[:, active[0]] & targets[:, active[1]]
    assert both.mean() == pytest.approx(probability**2, abs=0.006)


def test_a_grouped_world_is_the_fine_one_intervened_on_together():
    fine, coarse = make("causal3dident", **EVERYTHING), make("causal3dident", **EVERYTHING, grouped=True)
    assert coarse.variables.names[:3] == ("pos", "rot", "spot_rotation")
    assert coarse.variables.groups["rot"] == ("alpha", "beta", "gamma")
    state = fine.independent(200, np.random.default_rng(0))
    assert np.array_equal(state, coarse.independent(200, np.random.default_rng(0)))
    targets = coarse.targets(200, np.random.default_rng(1))
    assert np.array_equal(stepped(coarse, state, targets), stepped(fine, state, targets[:, coarse._owners]))


# --- shapes, and what is drawn


def test_held_out_shapes_keep_their_places():
    seen, unseen = make("causal3dident", shapes=SHAPES[:5]), make("causal3dident", shapes=[SHAPES[6], SHAPES[5]])
    assert seen.variables == unseen.variables and unseen.shapes == SHAPES[5:]
    factors = unseen.independent(200, np.random.default_rng(0))
    assert {*factors[:, -1]} == {5, 6}
    after = stepped(unseen, factors, np.ones((200, 10), bool))
    assert {*after[:, -1]} == {5, 6}
    unseen.render(factors)
    assert np.array_equal(scene_of(unseen).given[4], factors[:, -1] - 5)
    with pytest.raises(ValueError, match=r"a shape that causal3dident draws must be one of \[0, 1, 2, 3, 4\]"):
        seen.render(factors)


def test_shapes_by_number_by_name_and_in_any_order():
    assert make("causal3dident").shapes == ("teapot",) == make("causal3dident", shapes="teapot").shapes
    assert make("causal3dident", shapes=7).shapes == SHAPES
    assert make("causal3dident", shapes=SHAPES[::-1]).settings()["shapes"] == list(SHAPES)


def test_a_single_shape_stays():
    world, num = make("causal3dident", shapes=SHAPES[3]), 100
    assert world.interventions["shape"] is Intervention.NONE
    after = stepped(world, world.reset(num, np.random.default_rng(0)), np.ones((num, 10), bool))
    assert (after[:, -1] == 3).all()


def test_the_scene_gets_the_factors_by_their_names():
    world = make("causal3dident", **EVERYTHING, resolution=8, rays_per_pixel=3, meshes="some/meshes")
    factors = world.independent(5, np.random.default_rng(0))
    frames = world.render(factors)
    scene = scene_of(world)
    assert frames.shape == (5, 8, 8, 3) and frames.dtype == np.uint8
    assert (scene.resolution, scene.rays_per_pixel, scene.meshes.as_posix()) == (8, 3, "some/meshes")
    by_name = dict(zip(files.NAMES, factors.T))
    for given, names in zip(scene.given[:4], (files.POSITION, files.ROTATION, ("spot_rotation",), files.HUES)):
        assert np.array_equal(given.reshape(5, -1), np.stack([by_name[name] for name in names], axis=1))
    assert np.array_equal(scene.given[4], by_name["shape"])


def test_without_a_third_rotation_it_is_drawn_as_nothing():
    world = make("causal3dident")
    world.render(world.independent(4, np.random.default_rng(0)))
    positions, rotations, *_ = scene_of(world).given
    assert not rotations[:, 2].any() and rotations[:, :2].all() and positions.all()


def test_a_scene_is_built_once_and_does_not_travel_with_the_world():
    world = make("causal3dident", resolution=4)
    size = len(pickle.dumps(world))
    factors = world.independent(3, np.random.default_rng(0))
    frames = world.render(factors)
    assert np.array_equal(pickle.loads(pickle.dumps(world)).render(factors), frames)  # noqa: S301
    assert BookkeepingScene.built == 1 and len(pickle.dumps(world)) == size


def test_dynamics_load_no_renderer():
    code = (
        "import sys, numpy as np\nfrom trisect.worlds import make\n"
        "world, rng = make('causal3dident', shapes=7), np.random.default_rng(0)\n"
        "world.step(world.reset(3, rng), world.targets(3, rng), rng)\n"
        "assert not {'numba', 'torch', 'trisect.worlds.scene3d.scene'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("settings", [{"shapes": 7}, {"grouped": True, "instantaneous": True}], ids=str)
def test_data_sets_are_generated(tmp_path, settings):
    world = make("causal3dident", **settings, resolution=4)
    data = generate(world, tmp_path / "out", num_frames=400, seed=0, episode_length=40)
    verify(tmp_path / "out")
    train, triplets = data.recording("train"), data.triplets("test_triplets")
    assert train.observations.shape == (400, 4, 4, 3) and train.variables == world.variables
    assert data.targeted == world.interventable and data.source["world"]["name"] == "causal3dident"
    assert make("causal3dident", **data.source["world"]["settings"]).settings() == world.settings()
    assert len(triplets) == 40 and not train.targets[train.starts].any()


def test_the_command_line_makes_a_world_from_its_settings(tmp_path, capsys):
    settings = [("shapes", f'["teapot", "{SHAPES[2]}"]'), ("instantaneous", "true"), ("resolution", "4")]
    flags = [text for name, value in settings for text in ("--set", f"{name}={value}")]
    assert main(["generate", "causal3dident", "--frames", "40", *flags, "--out", str(tmp_path / "out")]) == 0
    found = make("causal3dident", **load(tmp_path / "out").source["world"]["settings"])
    assert found.shapes == ("teapot", SHAPES[2]) and found.instantaneous and found.resolution == 4
    assert main(["generate", "causal3dident", "--set", "shapes=tepot", "--out", str(tmp_path / "other")]) == 2
    assert "did you mean 'teapot'" in capsys.readouterr().err


# --- wrong settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"instantaneous": 1}, "instantaneous of a Causal3DIdent world must be true or false; got 1"),
        ({"grouped": "coarse"}, "grouped of a Causal3DIdent world must be true or false; got 'coarse'"),
        ({"third_rotation": None}, "third_rotation of a Causal3DIdent world"),
        ({"material": "rubber"}, "material of a Causal3DIdent world"),
        ({"shapes": 0}, "shapes of a Causal3DIdent world, given by their number, must be an integer of at least 1"),
        ({"shapes": 8}, "shapes of a Causal3DIdent world must be at most 7; got 8"),
        ({"shapes": True}, "given by their number, must be an integer"),
        ({"shapes": 2.0}, "given by their number, must be an integer"),
        ({"shapes": []}, "shapes of a Causal3DIdent world must be at least one; got none"),
        ({"shapes": ["teapot", "teapot"]}, "all different; got teapot more than once"),
        ({"shapes": ["tea pot"]}, "did you mean 'teapot'"),
        ({"shapes": [1, 2]}, "non-empty strings"),
        ({"resolution": 0}, "resolution of a Causal3DIdent world must be an integer of at least 1"),
        ({"rays_per_pixel": 1.5}, "rays_per_pixel of a Causal3DIdent world"),
        ({"meshes": 3}, "meshes of a Causal3DIdent world must be a folder, or None"),
        ({"meshes": ""}, "meshes of a Causal3DIdent world must be a folder, or None"),
        ({"instant": True}, "did you mean 'instantaneous'"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make("causal3dident", **settings)
