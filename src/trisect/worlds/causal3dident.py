"""Temporal Causal3DIdent: one lit object in a room, whose position, rotation and colours drive each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from trisect import checks
from trisect.interventions import IndependentTargets, Intervention, TargetPolicy
from trisect.variables import Angle, Categorical, Continuous, Factor, VariableSpace
from trisect.worlds import causal3dident_dynamics as dynamics
from trisect.worlds.base import World
from trisect.worlds.causal3dident_dynamics import GAMMA, GROUPS, LIMIT, MATERIAL, NAMES, NUM_SHAPES, SHAPE, SPOT, Rules
from trisect.worlds.scene3d.sampling import rays_across
from trisect.worlds.scene3d.shapes import SHAPES

NUM_MATERIALS = 2


class Causal3DIdent(World):
    """Frames of 64x64x3: an object on a coloured ground under a coloured spotlight that circles above it.

    | variable | values | goal without intervention | intervention |
    |---|---|---|---|
    | x, y, z | [-2, 2] | 1.5 sin beta, 1.5 sin alpha, 1.5 cos alpha | perfect: U(-2, 2) |
    | alpha, beta | Euler angles of the object | hue_background, hue_object | perfect: U(0, 2 pi) |
    | gamma | its third Euler angle, if it is a variable | 0 | perfect: U(0, 2 pi) |
    | spot_rotation | angle of the spotlight | atan2(x, y) | perfect: U(0, 2 pi) |
    | hue_object | angle on the colour circle | by shape, see below | perfect: U(0, 2 pi) |
    | hue_spot | the same | 2 pi - hue_background | perfect: U(0, 2 pi) |
    | hue_background | the same | itself | perfect: U(0, 2 pi) |
    | shape | place 0 ... 6 in the list of shapes | redrawn with probability 0.05 | perfect: redrawn uniformly |
    | material | 0, if it is a variable | stays | none |

    A step moves every factor halfway to its goal, angles the shorter way round, and adds noise: 0.1 n for positions,
    redrawn until they are in their range, and 0.15 n for angles, with n standard normal. Goals depend on the variables
    before the step; in an *instantaneous* world, they depend on the variables after it, in the order shape, background,
    spot hue, object hue, alpha, beta, x, y, z, spot angle, so that effects of interventions spread within the step;
    there, gamma is 0 after every step and has no intervention. The object's hue goes to 0, 1/5, 2/5, 3/5, 4/5 of a turn
    for the shapes at places 0, 1, 3, 5, 6, to the circular mean of hue_spot and hue_background at place 2, and to its
    opposite at place 4; with a single shape, the hue is its own goal and the shape has no intervention.

    Targets are independent, each with probability ``intervention_probability``. Episodes begin with values drawn
    uniformly and independently, like those of independent frames; there is no burn-in, and a few steps lead to the
    usual states. Rules: Lippe et al., "CITRIS", ICML 2022 and "iCITRIS", ICLR 2023, Temporal Causal3DIdent; six of the
    shapes differ from the published ones.

    Args:
        instantaneous: whether there are effects within a step.
        shapes: names of the shapes, or their number, counted from the start of the list; 1 is only the teapot. For
            held-out shapes, make a second world with other shapes and the same rules.
        grouped: whether x, y, z are one variable, ``pos``, and alpha, beta (and gamma) another, ``rot``.
        third_rotation: whether gamma is a variable; otherwise it is 0.
        material: whether the constant material is a variable, the last one, as in the published files.
        resolution: height and width of the frames in pixels, at least 1.
        rays_per_pixel: 1, 4, 9, 16 or another square; more rays are smoother and slower.
        meshes: folder of meshes to draw instead of the generated shapes, or None.
        intervention_probability: probability of an intervention on each variable in each step, in [0, 1]. None is the
            published value: 1 / (K + 1) with K variables that have an intervention, 1 / K in a grouped world. The
            larger it is, the less the colours predict the object's rotation.

    Raises:
        ValueError: an argument is out of its range.

    Example:
        >>> world, rng = Causal3DIdent(shapes=7), np.random.default_rng(0)
        >>> world.step(world.reset(2, rng), world.targets(2, rng), rng).shape
        (2, 10)
    """

    name: ClassVar[str] = "causal3dident"
    version: ClassVar[int] = 1

    def __init__(
        self,
        *,
        instantaneous: bool = False,
        shapes: int | str | Sequence[str] = 1,
        grouped: bool = False,
        third_rotation: bool = False,
        material: bool = False,
        resolution: int = 64,
        rays_per_pixel: int = 16,
        meshes: str | Path | None = None,
        intervention_probability: float | None = None,
    ):
        self.instantaneous = _flag(instantaneous, "instantaneous")
        self.grouped = _flag(grouped, "grouped")
        self.third_rotation = _flag(third_rotation, "third_rotation")
        self.material = _flag(material, "material")
        self.resolution = checks.positive_int(resolution, "the resolution of a Causal3DIdent world")
        rays_across(rays_per_pixel, "rays_per_pixel of a Causal3DIdent world")
        self.rays_per_pixel = int(rays_per_pixel)
        self.meshes = _folder(meshes)
        self.intervention_probability = _probability(intervention_probability)
        self.shapes, self._places = _find_shapes(shapes)
        self._rules = Rules(self.instantaneous, hue_by_shape=len(self.shapes) > 1)
        self.observation_shape = (self.resolution, self.resolution, 3)
        self._declare_variables()
        self._declare_graphs()

    def _declare_variables(self) -> None:
        left_out = {GAMMA: not self.third_rotation, MATERIAL: not self.material}
        self._rows = [row for row in range(len(NAMES)) if not left_out.get(row, False)]
        factors = [_factor(row) for row in self._rows]
        self.variables = VariableSpace(factors, _group([f.name for f in factors]) if self.grouped else None)
        owners = {factor: position for position, group in enumerate(self.variables.groups.values()) for factor in group}
        self._owners = [owners[factor.name] for factor in factors]

    def _declare_graphs(self) -> None:
        fixed = {"material"} | ({"gamma"} if self.instantaneous else set())
        fixed |= {"shape"} if len(self.shapes) == 1 else set()
        kinds = [Intervention.NONE if name in fixed else Intervention.PERFECT for name in self.variables.names]
        self.interventions = dict(zip(self.variables.names, kinds))
        temporal, instantaneous = dynamics.graphs(
            self.variables.factor_names, self._places.tolist(), self.instantaneous
        )
        self.temporal_graph, self.instantaneous_graph = self._by_variable(temporal), self._by_variable(instantaneous)

    def _by_variable(self, graph: np.ndarray) -> np.ndarray:
        """A graph (K, K) over variables from one (D, D) over factors."""
        members = np.arange(len(self.variables))[:, None] == self._owners
        return (members.astype(int) @ graph.astype(int) @ members.T.astype(int)) > 0

    def policy(self) -> TargetPolicy:
        num = len(self.interventable)
        published = 1 / (num if self.grouped else num + 1)
        probability = self.intervention_probability
        return IndependentTargets((published if probability is None else probability,) * num)

    def reset(self, num: int, rng: np.random.Generator) -> np.ndarray:
        return self.independent(num, rng)

    def independent(self, num: int, rng: np.random.Generator) -> np.ndarray:
        state = np.zeros((len(NAMES), num))
        state[:MATERIAL] = dynamics.sample_fresh(num, self._places, rng)
        if self.instantaneous:
            state[GAMMA] = 0.0
        return self._pack(state)

    def step(self, factors: np.ndarray, targets: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        by_factor = np.zeros((len(NAMES), len(factors)), dtype=bool)
        by_factor[self._rows] = targets.T[self._owners]
        draws = dynamics.sample_draws(len(factors), self._places, rng)
        return self._pack(dynamics.advance(self._unpack(factors), by_factor, draws, self._rules))

    def render(self, factors: np.ndarray) -> np.ndarray:
        state = self._unpack(factors)
        columns = (state[rows].T for rows in (slice(0, 3), slice(3, 6), slice(7, 10)))
        positions, rotations, hues = (np.ascontiguousarray(array) for array in columns)
        scene = _scene(self.shapes, self.resolution, self.rays_per_pixel, self.meshes)
        return scene.render(positions, rotations, state[SPOT], hues, self._scene_shapes(state[SHAPE]))

    def settings(self) -> dict[str, Any]:
        return {
            "instantaneous": self.instantaneous,
            "shapes": list(self.shapes),
            "grouped": self.grouped,
            "third_rotation": self.third_rotation,
            "material": self.material,
            "resolution": self.resolution,
            "rays_per_pixel": self.rays_per_pixel,
            "meshes": self.meshes,
            "intervention_probability": self.intervention_probability,
        }

    def _unpack(self, factors: np.ndarray) -> np.ndarray:
        """All twelve factors (12, num) from factors (num, D), with zeros for those that this world leaves out."""
        state = np.zeros((len(NAMES), len(factors)))
        state[self._rows] = factors.T
        return state

    def _pack(self, state: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(state[self._rows].T)

    def _scene_shapes(self, places: np.ndarray) -> np.ndarray:
        """Indices (num,) into `shapes` of shapes given by their places in the list of all shapes."""
        unknown = ~np.isin(places, self._places)
        if unknown.any():
            row = int(np.argmax(unknown))
            must = f"one of {self._places.tolist()} ({', '.join(self.shapes)})"
            raise ValueError(
                checks.sentence(
                    "a shape that causal3dident draws", must, f"{places[row]:g} in row {row}", "add it to shapes"
                )
            )
        return np.searchsorted(self._places, places.astype(np.int64))


@lru_cache(maxsize=4)
def _scene(shapes: tuple[str, ...], resolution: int, rays_per_pixel: int, meshes: str | None) -> Any:
    """The scene of some settings; it is cached because it is costly to build.

    The world itself does not contain it, so that a world stays small when it is sent to another process, and its
    dynamics load no renderer.
    """
    from trisect.worlds.scene3d.scene import Scene

    folder = None if meshes is None else Path(meshes)
    return Scene(shapes, resolution=resolution, rays_per_pixel=rays_per_pixel, meshes=folder)


def _factor(row: int) -> Factor:
    name = NAMES[row]
    if name in dynamics.POSITION:
        return Continuous(name, -LIMIT, LIMIT)
    if row < SHAPE:
        return Angle(name)
    return Categorical(name, NUM_SHAPES if row == SHAPE else NUM_MATERIALS)


def _group(names: Sequence[str]) -> dict[str, list[str]]:
    """Group factors into variables; a group takes the position of its first member."""
    owners = {member: group for group, members in GROUPS.items() for member in members}
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(owners.get(name, name), []).append(name)
    return groups


def _find_shapes(shapes: int | str | Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of shapes in the order of the list of all shapes, and their places in it."""
    what = "the shapes of a Causal3DIdent world"
    if isinstance(shapes, int) or not isinstance(shapes, str | Sequence):
        count = checks.positive_int(shapes, f"{what}, given by their number,")
        checks.require(count <= NUM_SHAPES, what, f"at most {NUM_SHAPES}", count)
        names: Sequence[str] = SHAPES[:count]
    else:
        names = checks.unique_names([shapes] if isinstance(shapes, str) else list(shapes), what)
    checks.require(len(names) > 0, what, "at least one", "none")
    for name in names:
        checks.one_of(name, SHAPES, "the name of a shape of a Causal3DIdent world")
    places = np.array(sorted(SHAPES.index(name) for name in names))
    return tuple(SHAPES[place] for place in places), places


def _flag(value: object, name: str) -> bool:
    checks.require(isinstance(value, bool | np.bool_), f"{name} of a Causal3DIdent world", "true or false", repr(value))
    return bool(value)


def _probability(probability: float | None) -> float | None:
    what = "intervention_probability of a Causal3DIdent world"
    return None if probability is None else checks.in_range(probability, what, 0.0, 1.0)


def _folder(meshes: object) -> str | None:
    is_path = meshes is None or (isinstance(meshes, str | Path) and str(meshes) != "")
    checks.require(is_path, "meshes of a Causal3DIdent world", "a folder, or None", repr(meshes))
    return None if meshes is None else str(meshes)
