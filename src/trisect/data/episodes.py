"""Episodes of an environment with interventions, recorded in chunks.

In each step the environment acts first, then the interventions of this step follow, then the frame is rendered. So a
frame shows its own interventions and nothing that follows from them.

An episode's bytes depend on the environment, the seed, and the episode's position in its split, never on which process
records it, when, or how much of it is needed.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from trisect import checks
from trisect.data.chunks import CHUNK_FRAMES, SPLITS
from trisect.data.environments import Environment, Source, opened, rendered
from trisect.data.functions import calling
from trisect.data.recording import Recording
from trisect.data.resizing import resized
from trisect.interventions import TargetPolicy
from trisect.variables import VariableSpace

logger = logging.getLogger("trisect")

CHUNK_BYTES = 1 << 26
"""Largest size of a chunk of several episodes."""
GLIMPSE = 4
"""Number of frames by which an environment is known."""

Intervene: TypeAlias = Callable[[Any, np.random.Generator], object]
"""Changes the state of an unwrapped environment, with random numbers from the generator."""
Factors: TypeAlias = Callable[[Any], Mapping[str, float]]
"""Reads the factors of an unwrapped environment, name -> value."""
Agent: TypeAlias = Callable[[Any, np.random.Generator], Any]
"""Chooses an action from an observation, with random numbers from the generator."""


@dataclass(frozen=True)
class EpisodeSettings:
    """Everything that an episode depends on, apart from its seed.

    Attributes:
        source: the environment.
        interventions: variable name -> its intervention, in the order of the policy.
        policy: draws which interventions happen in a step.
        factors: reads the factors; None: none are kept.
        agent: chooses the actions; None: they are sampled from the environment's action space.
        size: (height, width) of frames in pixels; None: as rendered.
        episode_length: largest number of frames of an episode, at least 2.
    """

    source: Source
    interventions: Mapping[str, Intervene]
    policy: TargetPolicy
    factors: Factors | None
    agent: Agent | None
    size: tuple[int, int] | None
    episode_length: int


@dataclass(frozen=True)
class Form:
    """What an environment gives, found out by a look at it.

    Attributes:
        rendered: shape of its pictures, (height, width, channels).
        frame: shape of the recorded frames, (height, width, channels).
        num_actions: number of numbers in an action.
        factors: names of its factors; None: none are kept.
    """

    rendered: tuple[int, ...]
    frame: tuple[int, ...]
    num_actions: int
    factors: tuple[str, ...] | None


@dataclass(frozen=True)
class EpisodeChunk:
    """Some episodes of one split.

    Attributes:
        split: train, val or test.
        index: its position in the split, from 0.
        rows: number of rows that the split still needs; the chunk stops there.
    """

    split: str
    index: int
    rows: int


def episodes_per_chunk(settings: EpisodeSettings, form: Form) -> int:
    """Number of episodes that are recorded together: of at most 2,000 frames and 64 MB, but at least one."""
    frames = min(CHUNK_FRAMES, CHUNK_BYTES // math.prod(form.frame))
    return max(1, frames // settings.episode_length)


def form_of(settings: EpisodeSettings) -> Form:
    """Look at the first frames of an episode, twice; the log warns if they differ.

    Raises:
        TypeError, ValueError: it is no environment that can be recorded, or a function of the user fails.
    """
    _drawn(settings, np.random.default_rng(0))
    with opened(settings.source) as environment:
        pictures, action = _glimpse(environment, settings)
        again, _ = _glimpse(environment, settings)
        factors = _factors(settings, environment)
    if not np.array_equal(pictures, again):
        logger.warning("the environment draws other frames for the same seed, so no recording of it can be repeated")
    picture = pictures[0]
    frame = picture.shape if settings.size is None else (*settings.size, picture.shape[-1])
    return Form(picture.shape, frame, len(_numbers(action)), None if factors is None else tuple(factors))


def _glimpse(environment: Environment, settings: EpisodeSettings) -> tuple[np.ndarray, Any]:
    """The first pictures of an episode, (few, height, width, channels), and the last action."""
    seed = np.random.SeedSequence(0)
    observation = _first(environment, seed)
    actor, pictures, ended = _Actor(environment, settings.agent, seed), [np.array(rendered(environment))], False
    while len(pictures) < GLIMPSE and not ended:
        action = actor.action(observation)
        observation, ended = _next(environment, action)
        pictures.append(np.array(rendered(environment, pictures[0].shape)))
    return np.stack(pictures), action


def record_chunk(
    settings: EpisodeSettings, form: Form, variables: VariableSpace, seed: int, chunk: EpisodeChunk
) -> Recording:
    """Record a chunk; all of its arrays are checked.

    Args:
        settings: what an episode depends on.
        form: what the environment gives.
        variables: the variables of the recording.
        seed: seed of the whole data set; an episode's random stream is (seed, split, position).
        chunk: which episodes.
    """
    together, rows = episodes_per_chunk(settings, form), 0
    episodes: list[dict[str, np.ndarray]] = []
    with opened(settings.source) as environment:
        while rows < chunk.rows and len(episodes) < together:
            key = (SPLITS.index(chunk.split), chunk.index * together + len(episodes))
            stream = _Stream(settings, form, variables, np.random.SeedSequence(seed, spawn_key=key))
            episodes.append(_episode(environment, stream, chunk.rows - rows))
            rows += len(episodes[-1]["targets"])
    lengths = [len(episode["targets"]) for episode in episodes]
    arrays: dict[str, Any] = {name: np.concatenate([episode[name] for episode in episodes]) for name in episodes[0]}
    return Recording(**arrays, variables=variables, episode_starts=np.cumsum([0, *lengths[:-1]]))


@dataclass(frozen=True)
class _Stream:
    """The settings of an episode, with its random stream."""

    settings: EpisodeSettings
    form: Form
    variables: VariableSpace
    seed: np.random.SeedSequence


class _Actor:
    """Chooses the actions of an episode."""

    def __init__(self, environment: Any, agent: Agent | None, seed: np.random.SeedSequence):
        self._environment, self._agent, self._rng = environment, agent, np.random.default_rng(seed)
        if agent is None:
            todo = "pass agent=, a function of an observation and a generator"
            has_space = hasattr(environment, "action_space")
            checks.require(has_space, "the environment", "one with an action_space", "none", todo)
            environment.action_space.seed(_number(seed))

    def action(self, observation: Any) -> Any:
        if self._agent is None:
            return self._environment.action_space.sample()
        with calling("the agent"):
            return self._agent(observation, self._rng)


def _episode(environment: Environment, stream: _Stream, most: int) -> dict[str, np.ndarray]:
    """The arrays of one episode, which ends by itself, by its length, or after ``most`` frames."""
    settings, names = stream.settings, tuple(stream.settings.interventions)
    of_environment, of_actions, of_targets, of_interventions = stream.seed.spawn(4)
    drawn = _drawn(settings, np.random.default_rng(of_targets))
    rng = np.random.default_rng(of_interventions)
    observation = _first(environment, of_environment)
    actor = _Actor(environment, settings.agent, of_actions)
    rows = [_row(environment, stream, np.zeros(stream.form.num_actions, np.float32))]
    for targets in drawn[1 : min(most, len(drawn))]:
        action = actor.action(observation)
        observation, ended = _next(environment, action)
        for column in np.flatnonzero(targets):
            _intervene(settings, names[column], environment, rng)
        rows.append(_row(environment, stream, _numbers(action)))
        if ended:
            break
    arrays = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return {**arrays, "targets": _over_variables(drawn[: len(rows)], names, stream.variables)}


def _drawn(settings: EpisodeSettings, rng: np.random.Generator) -> np.ndarray:
    """The targets of an episode, (episode_length, interventions) bool; the policy may be the user's own."""
    whose, rows, columns = "the policy of a Recorder", settings.episode_length, len(settings.interventions)
    with calling(f"sample of {whose}"):
        drawn = np.asarray(settings.policy.sample(rows, rng))
    what, must = f"the targets that {whose} samples", f"({rows}, {columns}): (steps, interventions)"
    checks.require(drawn.shape == (rows, columns), f"the shape of {what}", must, drawn.shape, "correct its sample")
    return checks.indicator(drawn, what, ("step", "intervention"), list(settings.interventions), "correct its sample")


def _first(environment: Environment, seed: np.random.SeedSequence) -> Any:
    """The first observation of an episode."""
    return _parts(environment.reset(seed=_number(seed)), "reset", "observation", "info")[0]


def _next(environment: Environment, action: Any) -> tuple[Any, bool]:
    """The observation after an action, and whether the episode ends with it."""
    names = ("observation", "reward", "terminated", "truncated", "info")
    observation, _, terminated, truncated, _ = _parts(environment.step(action), "step", *names)
    return observation, bool(terminated or truncated)


def _parts(result: Any, method: str, *names: str) -> tuple[Any, ...]:
    """What a method of the environment returned, checked to have these parts."""
    if isinstance(result, tuple) and len(result) == len(names):
        return result
    what, must = f"what {method} of the environment returns", f"({', '.join(names)})"
    raise TypeError(checks.sentence(what, must, checks.quoted(result)))


def _row(environment: Environment, stream: _Stream, action: np.ndarray) -> dict[str, np.ndarray]:
    """What is recorded of the environment's present state, and the action that led to it."""
    settings, form = stream.settings, stream.form
    frame = resized(rendered(environment, form.rendered), *form.frame[:2])
    what, must = "the number of numbers in an action", f"always {form.num_actions}"
    checks.require(len(action) == form.num_actions, what, must, len(action))
    row = {"observations": np.array(frame), "actions": action}
    factors = _factors(settings, environment)
    return row if factors is None else row | {"factors": _in_order(factors, stream.variables)}


def _in_order(factors: Mapping[str, float], variables: VariableSpace) -> np.ndarray:
    """The factors (D,) float64 in the order of the variables."""
    names = variables.factor_names
    if set(factors) != set(names):
        got = checks.listed(list(factors))
        raise ValueError(checks.sentence("the names of the factors", f"always {checks.listed(names)}", got))
    return np.array([factors[name] for name in names], dtype=np.float64)


def _factors(settings: EpisodeSettings, environment: Environment) -> dict[str, float] | None:
    if settings.factors is None:
        return None
    with calling("the function of factors"):
        return {name: float(value) for name, value in settings.factors(environment.unwrapped).items()}


def _intervene(settings: EpisodeSettings, name: str, environment: Environment, rng: np.random.Generator) -> None:
    with calling(f"the intervention '{name}'"):
        settings.interventions[name](environment.unwrapped, rng)


def _numbers(action: Any) -> np.ndarray:
    """An action as numbers (A,) float32."""
    try:
        return np.asarray(action, dtype=np.float32).reshape(-1)
    except (TypeError, ValueError) as error:
        what, todo = "an action", "wrap the environment so that its actions are numbers"
        raise ValueError(checks.sentence(what, "a number or an array", checks.quoted(action, 100), todo)) from error


def _over_variables(drawn: np.ndarray, names: tuple[str, ...], variables: VariableSpace) -> np.ndarray:
    """Targets (T, K) over all variables, from those of the interventions (T, interventions)."""
    targets = np.zeros((len(drawn), len(variables)), dtype=bool)
    targets[:, [variables.index(name) for name in names]] = drawn
    return targets


def _number(seed: np.random.SeedSequence) -> int:
    """A seed as one number, from 0 to 2**31 - 1, which every environment takes."""
    return int(seed.generate_state(1)[0] >> 1)
