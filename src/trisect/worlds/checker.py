"""One checker for all worlds: does a world keep the contract of `trisect.worlds.base`?

Most checks are exact, thanks to equal noise: two steps from equal generators may differ only because of a change made
between them. Whether an intervention is independent of the past is a statistical test.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from scipy.stats import ks_2samp

from trisect import checks, graph, worlds
from trisect.interventions import Intervention
from trisect.worlds.base import World

NUM = 64
STEPS = 50
PASTS = 8
SAMPLES = 500
SIGNIFICANCE = 1e-6


def check_world(world: World, seed: int = 0) -> None:
    """Raise `ValueError` unless a world keeps its contract; this takes about a second.

    It checks: declarations and graphs; same seed, same bytes; shapes, types and ranges; rendering is a pure function,
    frame by frame; an intervention changes only its variable and the instantaneous descendants, and only in its
    world; a variable depends only on its declared parents; perfect interventions are independent of the past
    (Kolmogorov-Smirnov tests between pairs of pasts), imperfect ones are not.

    Args:
        world: the world to check.
        seed: seed of the checker's draws.

    Raises:
        ValueError: the first fault, in one sentence.

    Example:
        >>> check_world(worlds.make("ball_in_boxes"))
    """
    for check in CHECKS:
        check(world, seed)


def _declarations(world: World, seed: int) -> None:
    names, num = list(world.variables.names), len(world.variables)
    what = f"the interventions of world '{world.name}'"
    checks.require(list(world.interventions) == names, what, f"for {names}", list(world.interventions))
    for kind in ("temporal", "instantaneous"):
        array = getattr(world, f"{kind}_graph")
        checks.shape(array, f"the {kind} graph of world '{world.name}'", num, num)
        graph.check_graph(array)
    acyclic = graph.is_acyclic(world.instantaneous_graph)
    checks.require(acyclic, f"the instantaneous graph of world '{world.name}'", "acyclic", "a cycle")


def _settings_rebuild(world: World, seed: int) -> None:
    if world.name not in worlds.WORLDS:
        return
    again = worlds.make(world.name, **world.settings())
    same = _bytes_of(again, seed) == _bytes_of(world, seed)
    checks.require(same, f"world '{world.name}' built again from its settings", "the same", "other bytes")


def _same_seed_same_bytes(world: World, seed: int) -> None:
    same = _bytes_of(world, seed) == _bytes_of(world, seed)
    what, todo = f"two runs of world '{world.name}' from one seed", "draw only from rng"
    checks.require(same, what, "equal byte by byte", "a difference", todo)


def _bytes_of(world: World, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    states = [world.reset(NUM, rng)]
    for _ in range(5):
        states.append(world.step(states[-1], world.targets(NUM, rng), rng))
    states.append(world.independent(NUM, rng))
    return b"".join([*(state.tobytes() for state in states), *(world.render(state).tobytes() for state in states)])


def _shapes_and_ranges(world: World, seed: int) -> None:
    rng = np.random.default_rng(seed)
    _check_state(world, world.independent(NUM, rng), "independent")
    state = world.reset(NUM, rng)
    _check_state(world, state, "reset")
    for _ in range(STEPS):
        before, targets = state.copy(), world.targets(NUM, rng)
        _check_targets(world, targets)
        following = world.step(state, targets, rng)
        unchanged = np.array_equal(state, before)
        checks.require(unchanged, f"the factors given to step of world '{world.name}'", "unchanged", "changes")
        state = following
        _check_state(world, state, "step")


def _check_state(world: World, state: np.ndarray, method: str) -> None:
    what = f"the factors from {method} of world '{world.name}'"
    checks.require(state.dtype == np.float64, what, "float64", state.dtype)
    world.variables.check_factors(checks.shape(state, what, NUM, len(world.variables.factors)), what)


def _check_targets(world: World, targets: np.ndarray) -> None:
    what = f"the targets of world '{world.name}'"
    checks.require(targets.dtype == bool, what, "bool", targets.dtype)
    checks.shape(targets, what, NUM, len(world.variables))
    fixed = [i for i, name in enumerate(world.variables.names) if name not in world.interventable]
    untouched = not targets[:, fixed].any()
    checks.require(untouched, what, "0 for variables without an intervention", "a target")


def _drawing_is_pure(world: World, seed: int) -> None:
    what = f"the observations of world '{world.name}'"
    state = world.independent(NUM, np.random.default_rng(seed))
    before, frames = state.copy(), world.render(state)
    shape = (NUM, *world.observation_shape)
    checks.require(frames.shape == shape, f"the shape of {what}", str(shape), frames.shape)
    checks.require(frames.dtype == world.observation_dtype, what, str(world.observation_dtype), frames.dtype)
    pure = np.array_equal(state, before) and np.array_equal(frames, world.render(state))
    checks.require(pure, what, "a pure function of the factors", "a difference between two calls")
    alone = np.concatenate([world.render(state[[row]]) for row in range(8)])
    close = np.allclose(alone.astype(np.float64), frames[:8].astype(np.float64), rtol=1e-5, atol=1e-5)
    checks.require(close, what, "drawn frame by frame", "a frame that depends on its neighbours")


def _past(world: World, seed: int) -> np.ndarray:
    """States (NUM, D) after many steps, spread out by interventions and noise."""
    rng = np.random.default_rng(seed)
    state = world.reset(NUM, rng)
    for _ in range(STEPS):
        state = world.step(state, world.targets(NUM, rng), rng)
    return state


def _stepped(world: World, state: np.ndarray, targets: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
    """Factors one step later, and the next random number, which shows how many numbers the step drew."""
    rng = np.random.default_rng(seed)
    return world.step(state, targets, rng), int(rng.integers(2**62))


def _interventions_stay_local(world: World, seed: int) -> None:
    state, none = _past(world, seed), np.zeros((NUM, len(world.variables)), dtype=bool)
    plain, next_number = _stepped(world, state, none, seed)
    descendants = graph.ancestors(world.instantaneous_graph) | np.eye(len(world.variables), dtype=bool)
    for name in world.interventable:
        what, position = f"an intervention on '{name}' of world '{world.name}'", world.variables.index(name)
        targets = none.copy()
        targets[::2, position] = True
        changed, number = _stepped(world, state, targets, seed)
        todo = "draw as many numbers whatever the targets are"
        checks.require(number == next_number, what, "followed by the same random numbers", "others", todo)
        differs = _variables_that_differ(world, changed, plain)
        checks.require(bool(differs[::2, position].any()), what, "one that changes it", "no change")
        checks.require(not differs[1::2].any(), what, "without effect on other worlds of the batch", "an effect")
        reached = differs.any(axis=0) & ~descendants[position]
        names = [world.variables.names[j] for j in np.flatnonzero(reached)]
        checks.require(
            not names,
            what,
            "without effect on variables other than its descendants in that step",
            f"an effect on {names}",
        )


def _variables_that_differ(world: World, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(num, K) bool, whether any factor of a variable differs."""
    by_factor = first != second
    columns = [list(world.variables.factor_columns(name)) for name in world.variables.names]
    return np.stack([by_factor[:, column].any(axis=1) for column in columns], axis=1)


def _parents_are_declared(world: World, seed: int) -> None:
    none = np.zeros((NUM, len(world.variables)), dtype=bool)
    state, other = (world.independent(NUM, np.random.default_rng((seed, part))) for part in range(2))
    plain, _ = _stepped(world, state, none, seed)
    at_once = graph.ancestors(world.instantaneous_graph) | np.eye(len(world.variables), dtype=bool)
    reachable = (world.temporal_graph.astype(int) @ at_once.astype(int)) > 0
    for position, name in enumerate(world.variables.names):
        columns = list(world.variables.factor_columns(name))
        changed = state.copy()
        changed[:, columns] = other[:, columns]
        reached = _variables_that_differ(world, _stepped(world, changed, none, seed)[0], plain).any(axis=0)
        extra = [world.variables.names[j] for j in np.flatnonzero(reached & ~reachable[position])]
        what = f"the temporal graph of world '{world.name}'"
        checks.require(not extra, what, f"complete: '{name}' has an effect on {extra}", "no such edge")


def _interventions_match_their_kind(world: World, seed: int) -> None:
    pasts = world.independent(PASTS, np.random.default_rng(seed))
    for name in world.interventable:
        smallest = _least_p_value(world, name, pasts, seed)
        what = f"the intervention on '{name}' of world '{world.name}'"
        got = f"p = {smallest:.2g} for the most different of {PASTS} pasts"
        if world.interventions[name] is Intervention.PERFECT:
            checks.require(smallest > SIGNIFICANCE, what, "independent of the past, because it is perfect", got)
        else:
            checks.require(smallest <= SIGNIFICANCE, what, "dependent on the past, because it is imperfect", got)


def _least_p_value(world: World, name: str, pasts: np.ndarray, seed: int) -> float:
    """The smallest p-value, over pairs of pasts and factors, of both pasts leading to the same distribution."""
    targets = np.zeros((SAMPLES, len(world.variables)), dtype=bool)
    targets[:, world.variables.index(name)] = True
    columns = list(world.variables.factor_columns(name))
    values = [
        world.step(np.repeat(past[None], SAMPLES, axis=0), targets, np.random.default_rng((seed, part)))[:, columns]
        for part, past in enumerate(pasts)
    ]
    pairs = combinations(values, 2)
    return min(
        float(ks_2samp(first[:, column], second[:, column], method="asymp").pvalue)
        for first, second in pairs
        for column in range(len(columns))
    )


CHECKS: tuple[Callable[[World, int], None], ...] = (
    _declarations,
    _same_seed_same_bytes,
    _shapes_and_ranges,
    _drawing_is_pure,
    _interventions_stay_local,
    _parents_are_declared,
    _interventions_match_their_kind,
    _settings_rebuild,
)
