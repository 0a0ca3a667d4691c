"""Worlds as Gymnasium environments: one world, one step at a time, with a picture.

A step lets the world go on without interventions. An intervention that follows repeats the step with the same noise and
one more target, which is exact, because the numbers that a world draws never depend on the targets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from trisect import checks
from trisect.requirements import optional
from trisect.worlds.base import World

FRAMES_PER_SECOND = 10


def environment_of(world: World) -> Any:
    """A Gymnasium environment of a world, see `trisect.worlds.as_gymnasium`."""
    if not isinstance(world, World):
        todo = "make one, such as trisect.worlds.make('pong')"
        raise TypeError(checks.sentence("the world of an environment", "a World", checks.quoted(world, 100), todo))
    return _environment_class()(world)


def interventions_of(world: World) -> dict[str, Callable[[Any, np.random.Generator], None]]:
    """The interventions of a world as functions of its environment, for a `trisect.data.Recorder`.

    Returns:
        Variable -> a function of the environment and a generator. The generator is not used, for the environment has
        its own.

    Example:
        >>> from trisect.worlds import make
        >>> list(interventions_of(make("ball_in_boxes")))
        ['ball_b', 'ball_y']
    """
    return {name: functools.partial(_intervene, name=name) for name in world.interventable}


def factors_of(environment: Any) -> dict[str, float]:
    """The factors of the environment of a world, name -> value, for a `trisect.data.Recorder`."""
    names = environment.unwrapped.world.variables.factor_names
    return dict(zip(names, environment.unwrapped.factors[0].tolist()))


def _intervene(environment: Any, rng: np.random.Generator, name: str) -> None:
    environment.unwrapped.intervene(name)


@functools.cache
def _environment_class() -> type[Any]:
    """The class of the environments; it is made when it is needed, because its base is optional."""
    gymnasium = optional("gymnasium", "gymnasium", "to make an environment of a world")

    class WorldEnvironment(gymnasium.Env):  # type: ignore[name-defined]
        """One world of a `World`. The only action does nothing, the reward is 0, and episodes have no end.

        Attributes:
            world: the world.
            factors: (1, D) float64, its present state.
        """

        def __init__(self, world: World):
            is_picture = len(world.observation_shape) == 3
            modes = ["rgb_array"] if is_picture else []
            self.world, self.render_mode = world, "rgb_array" if is_picture else None
            self.metadata = {"render_modes": modes, "render_fps": FRAMES_PER_SECOND}
            self.action_space = gymnasium.spaces.Discrete(1)
            low, high = (0, 255) if is_picture else (-np.inf, np.inf)
            self.observation_space = gymnasium.spaces.Box(low, high, world.observation_shape, world.observation_dtype)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
            super().reset(seed=seed)
            self.factors = self.world.reset(1, self.np_random)
            self._before: np.ndarray | None = None
            return self._observation(), {"factors": factors_of(self)}

        def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            self._before, self._noise = self.factors, self.np_random.bit_generator.state
            self._targets = np.zeros((1, len(self.world.variables)), dtype=bool)
            self.factors = self.world.step(self._before, self._targets, self.np_random)
            return self._observation(), 0.0, False, False, {"factors": factors_of(self)}

        def intervene(self, name: str) -> None:
            """Repeat the last step with the same noise, and an intervention on one variable more."""
            checks.one_of(name, self.world.interventable, "a variable to intervene on")
            if self._before is None:
                checks.refuse("the first frame of an episode has no interventions; call step first")
            self._targets[0, self.world.variables.index(name)] = True
            self.np_random.bit_generator.state = self._noise
            self.factors = self.world.step(self._before, self._targets, self.np_random)

        def render(self) -> np.ndarray | None:
            """The frame (height, width, channels) uint8 of the present state; None for a world of vectors.

            Gymnasium's checker warns of frames with four channels, such as those of Pong.
            """
            return None if self.render_mode is None else self._observation()

        def _observation(self) -> np.ndarray:
            return self.world.render(self.factors)[0]

    return WorldEnvironment
