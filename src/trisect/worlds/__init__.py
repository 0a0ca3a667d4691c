"""Worlds: simulators with known variables, graphs and interventions, which render frames or vectors."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from trisect import checks

if TYPE_CHECKING:
    from trisect.worlds.base import World

__all__ = ["WORLDS", "as_gymnasium", "available", "make"]

WORLDS: dict[str, tuple[str, str]] = {
    "ball_in_boxes": ("trisect.worlds.ball_in_boxes", "BallInBoxes"),
    "causal3dident": ("trisect.worlds.causal3dident", "Causal3DIdent"),
    "linear": ("trisect.worlds.linear", "LinearGaussian"),
    "pong": ("trisect.worlds.pong", "Pong"),
}
"""World name -> (module, class); a module is imported when its world is made."""


def available() -> tuple[str, ...]:
    """Names of the worlds that `make` knows."""
    return tuple(WORLDS)


def make(name: str, **settings: Any) -> World:
    """Build a world by name.

    Args:
        name: one of `available`; ``-`` and ``_`` are equivalent.
        settings: arguments of the world's class, such as those that its ``settings()`` returns.

    Raises:
        ValueError: the name or a setting's name is unknown; the message suggests the closest.

    Example:
        >>> make("ball_in_boxes").variables.names
        ('ball_b', 'ball_x', 'ball_y')
    """
    name = checks.named(name, WORLDS, "the name of a world")
    module, class_name = WORLDS[name]
    world_class: type[World] = getattr(importlib.import_module(module), class_name)
    parameters = tuple(inspect.signature(world_class.__init__).parameters)[1:]
    if settings and not parameters:
        checks.refuse(f"world '{name}' has no settings; leave out {', '.join(settings)}")
    what = f"the name of a setting of world '{name}'"
    return world_class(**{checks.named(setting, parameters, what): value for setting, value in settings.items()})


def as_gymnasium(world: World) -> Any:
    """A world as a Gymnasium environment, which passes Gymnasium's checker.

    Its observations are those of the world, and so are its pictures (``render_mode="rgb_array"``), if the world has
    frames. Its only action does nothing, its reward is 0, and its episodes have no end. ``unwrapped.intervene(name)``
    intervenes on a variable in the last step. `trisect.worlds.gymnasium_world` has its interventions and factors as a
    `trisect.data.Recorder` takes them.

    Args:
        world: the world.

    Raises:
        ImportError: Gymnasium is not installed (``trisect[gymnasium]``).
        TypeError: ``world`` is not a world.

    Example:
        >>> environment = as_gymnasium(make("ball_in_boxes"))  # doctest: +SKIP
        >>> observation, info = environment.reset(seed=0)  # doctest: +SKIP
    """
    from trisect.worlds.gymnasium_world import environment_of

    return environment_of(world)
