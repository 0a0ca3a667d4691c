"""The world Causal3DIdent: its contract, graphs and interventions, drawn by a scene that records its arguments."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import kstest

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
    {"intervention_probability": 0.5},
]


class BookkeepingScene:
    """Draws frames of one colour, computed from all its arguments, and keeps the last arguments."""

    built = 0

    def __init__(self, shapes, resolution=64, rays_per_pixel=16, meshes=None):
        type(self).built += 1
        self.shapes, self.resolution, self.rays_per_pixel, self.meshes = shapes, resolution, rays_per_pixel, meshes
        self.arguments = ()

    def render(self, positions, rotations, spot_angles, hues, shapes):
        self.arguments = positions, rotations, spot_angles, hues, shapes
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


# --- steps


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


def test_the_third_rotation_of_an_instantaneous_world_is_0():
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
def test_temporal_graphs_are_the_direct_effects(settings):
    """A variable's past is changed, and all but one variable are intervened on: only direct effects remain."""
    world, num = make("causal3dident", **settings), 300
    names = world.variables.names
    state, other = (world.independent(num, np.random.default_rng(seed)) for seed in range(2))
    graph = np.zeros((len(names), len(names)), bool)
    for i, name in enumerate(names):
        changed = state.copy()
        columns = list(world.variables.factor_columns(name))
        changed[:, columns] = other[:, columns]
        for j in range(len(names)):
            targets = np.ones((num, len(names)), bool)
            targets[:, j] = False
            graph[i, j] = variables_that_differ(
                world, stepped(world, changed, targets), stepped(world, state, targets)
            )[j]
    expected = world.temporal_graph.copy()
    for name in names:  # a variable that never varies cannot show its effect on itself
        i = names.index(name)
        expected[i, i] &= name != "material" and not (name == "shape" and len(world.shapes) == 1)
    assert np.array_equal(graph, expected)


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_instantaneous_graphs_are_the_direct_effects(settings):
    """All but one variable are intervened on, one of them with another value: only direct effects remain."""
    world, num = make("causal3dident", **settings), 300
    factors, rules = world.variables.factor_names, Rules(world.instantaneous, len(world.shapes) > 1)
    state = world._unpack(world.independent(num, np.random.default_rng(0)))
    draws = dynamics.sample_draws(num, world._places, np.random.default_rng(1))
    other = dynamics.sample_fresh(num, world._places, np.random.default_rng(2))
    graph = np.zeros((len(world.variables), len(world.variables)), bool)
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
                graph[world._owners[i], world._owners[j]] = True
    assert np.array_equal(graph, world.instantaneous_graph)


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
def test_values_of_interventions_ignore_the_past(settings):
    world = make("causal3dident", **settings)
    pasts = [world.independent(50, np.random.default_rng(seed)) for seed in range(2)]
    for name in world.interventable:
        targets = np.zeros((50, len(world.variables)), bool)
        targets[:, world.variables.index(name)] = True
        columns = list(world.variables.factor_columns(name))
        first, second = (stepped(world, past, targets)[:, columns] for past in pasts)
        assert np.array_equal(first, second)


@pytest.mark.parametrize("settings", [{}, {"shapes": 7}, {"shapes": 7, "grouped": True}], ids=str)
def test_interventions_of_a_temporal_world_change_only_their_variable(settings):
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
def test_the_amount_of_random_numbers_depends_only_on_num(settings):
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
        ({"intervention_probability": 0.5}, 9, 0.5),
        ({"grouped": True, "intervention_probability": 0}, 6, 0.0),
    ],
    ids=str,
)
def test_targets_are_independent_and_as_frequent_as_the_settings_say(settings, num, probability):
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


def test_the_real_scene_draws_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "trisect.worlds.scene3d.scene")
    pytest.importorskip("trisect.worlds.scene3d.scene")
    check_world(make("causal3dident", shapes=7, resolution=8, rays_per_pixel=1))


def test_held_out_shapes_keep_their_places():
    seen, unseen = make("causal3dident", shapes=SHAPES[:5]), make("causal3dident", shapes=[SHAPES[6], SHAPES[5]])
    assert seen.variables == unseen.variables and unseen.shapes == SHAPES[5:]
    factors = unseen.independent(200, np.random.default_rng(0))
    assert {*factors[:, -1]} == {5, 6}
    after = stepped(unseen, factors, np.ones((200, 10), bool))
    assert {*after[:, -1]} == {5, 6}
    unseen.render(factors)
    assert np.array_equal(scene_of(unseen).arguments[4], factors[:, -1] - 5)
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
    world = make("causal3dident", **EVERYTHING, resolution=8, rays_per_pixel=9, meshes="some/meshes")
    factors = world.independent(5, np.random.default_rng(0))
    frames = world.render(factors)
    scene = scene_of(world)
    assert frames.shape == (5, 8, 8, 3) and frames.dtype == np.uint8
    assert (scene.resolution, scene.rays_per_pixel, scene.meshes.as_posix()) == (8, 9, "some/meshes")
    by_name = dict(zip(files.NAMES, factors.T))
    hues = ("hue_object", "hue_spot", "hue_background")
    columns = (("x", "y", "z"), ("alpha", "beta", "gamma"), ("spot_rotation",), hues)
    for argument, names in zip(scene.arguments[:4], columns):
        assert np.array_equal(argument.reshape(5, -1), np.stack([by_name[name] for name in names], axis=1))
    assert np.array_equal(scene.arguments[4], by_name["shape"])


def test_without_a_third_rotation_gamma_is_drawn_as_0():
    world = make("causal3dident")
    world.render(world.independent(4, np.random.default_rng(0)))
    positions, rotations, *_ = scene_of(world).arguments
    assert not rotations[:, 2].any() and rotations[:, :2].all() and positions.all()


def test_a_scene_is_built_once_and_is_not_pickled_with_the_world():
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


def test_the_command_line_builds_a_world_from_its_settings(tmp_path, capsys):
    settings = [("shapes", f'["teapot", "{SHAPES[2]}"]'), ("instantaneous", "true"), ("resolution", "4")]
    flags = [text for name, value in settings for text in ("--set", f"{name}={value}")]
    assert main(["generate", "causal3dident", "--frames", "40", *flags, "--out", str(tmp_path / "out")]) == 0
    world = make("causal3dident", **load(tmp_path / "out").source["world"]["settings"])
    assert world.shapes == ("teapot", SHAPES[2]) and world.instantaneous and world.resolution == 4
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
        ({"rays_per_pixel": 8}, "rays_per_pixel of a Causal3DIdent world must be a square such as 4 or 16; got 8"),
        ({"meshes": 3}, "meshes of a Causal3DIdent world must be a folder, or None"),
        ({"meshes": ""}, "meshes of a Causal3DIdent world must be a folder, or None"),
        (
            {"intervention_probability": 1.5},
            r"intervention_probability of a Causal3DIdent world must be a number in",
        ),
        ({"intervention_probability": True}, "intervention_probability of a Causal3DIdent world"),
        ({"instant": True}, "did you mean 'instantaneous'"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make("causal3dident", **settings)
