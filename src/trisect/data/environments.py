"""Environments with Gymnasium's interface: made or passed, and looked at.

Nothing here needs Gymnasium, except to make an environment by its id: any object with these methods will do.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from trisect import checks
from trisect.data.functions import described
from trisect.data.recording import MAX_CHANNELS
from trisect.files import brief
from trisect.requirements import optional

RENDER_MODE = "rgb_array"
METHODS = ("reset", "step", "render", "unwrapped")


@runtime_checkable
class Environment(Protocol):
    """What is used of Gymnasium's interface."""

    def reset(self, *, seed: int | None = None) -> tuple[Any, Any]:
        """Begin an episode; returns the first observation and facts about it."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Go on by one step; returns observation, reward, whether the episode terminated or was truncated, facts."""

    def render(self) -> Any:
        """The picture of the present state, (height, width, channels) uint8."""

    @property
    def unwrapped(self) -> Any:
        """The environment without wrappers."""


Source: TypeAlias = Environment | Callable[[], Environment] | str
"""An environment, a function that makes one, or an id of Gymnasium."""


def is_made(source: Source) -> bool:
    """Whether a source is an environment already, and not a function or a class that makes one, or an id."""
    return not isinstance(source, (str, type)) and hasattr(source, "reset")


@contextmanager
def opened(source: Source) -> Iterator[Environment]:
    """The environment of a source, checked; one that is made here is closed when the block ends.

    Raises:
        TypeError: it has not the methods of an environment, or is a vector environment.
        ValueError: it does not render arrays.
            Gymnasium does not know an id, or cannot make its environment.
        ImportError: the source is an id, and Gymnasium, or what the environment needs, is not installed.
    """
    if is_made(source):
        yield _checked(source)
        return
    environment = _made(source)
    try:
        yield _checked(environment)
    finally:
        close = getattr(environment, "close", None)
        if close is not None:
            close()


def check_source(source: object) -> None:
    """Raise `TypeError` unless something may be the source of an environment; nothing is made."""
    if not (isinstance(source, str) or hasattr(source, "reset") or callable(source)):
        must = "one with Gymnasium's methods, a function that makes one, or an id"
        raise TypeError(checks.sentence("the environment", must, checks.quoted(source, 100)))


def _made(source: Any) -> Any:
    if isinstance(source, str):
        return _by_id(source)
    return source()


def _by_id(name: str) -> Any:
    """The environment that Gymnasium makes of an id; whatever keeps it from that becomes one sentence."""
    gymnasium = optional("gymnasium", "gymnasium", "to make an environment by its id")
    try:
        return gymnasium.make(name, render_mode=RENDER_MODE)
    except Exception as error:
        kind = ImportError if isinstance(error, ImportError) else ValueError
        got = f"{type(error).__name__}: {brief(error, 200)}"
        todo = "correct the id, install what the environment needs, or pass a function that makes it"
        raise kind(checks.sentence(f"the environment '{name}'", "one that Gymnasium makes", got, todo)) from error


def _checked(environment: Any) -> Environment:
    missing = [name for name in METHODS if not hasattr(environment, name)]
    if missing:
        got = f"{checks.quoted(environment, 100)} without {', '.join(missing)}"
        raise TypeError(checks.sentence("the environment", "one with Gymnasium's methods", got))
    if hasattr(environment, "num_envs"):
        todo = "pass a function that makes one of them, and workers=n to run several side by side"
        got = f"a vector of {environment.num_envs}"
        raise TypeError(checks.sentence("the environment", "a single one", got, todo))
    mode = getattr(environment, "render_mode", None)
    todo = f"make it with render_mode='{RENDER_MODE}'"
    checks.require(mode == RENDER_MODE, "the render_mode of the environment", f"'{RENDER_MODE}'", repr(mode), todo)
    checked: Environment = environment
    return checked


def rendered(environment: Environment, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """The picture of the environment's present state.

    Args:
        environment: the environment.
        shape: the shape that the picture must have; None: any.

    Returns:
        (height, width, channels) uint8.

    Raises:
        TypeError: it is no array of uint8.
        ValueError: it is of another shape.
    """
    frame = environment.render()
    what = "the picture that the environment renders"
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        got = f"an array of {frame.dtype}" if isinstance(frame, np.ndarray) else type(frame).__name__
        todo = f"make it with render_mode='{RENDER_MODE}'"
        raise TypeError(checks.sentence(what, "an array of uint8", got, todo))
    is_picture = frame.ndim == 3 and frame.size > 0 and frame.shape[-1] <= MAX_CHANNELS
    must = f"(height, width, channels) with at most {MAX_CHANNELS} channels"
    checks.require(is_picture, f"the shape of {what}", must, frame.shape)
    todo = "give it one size"
    checks.require(shape in (None, frame.shape), f"the shape of {what}", f"always {shape}", frame.shape, todo)
    return frame


def description(source: Source) -> dict[str, Any]:
    """What an environment is, in plain types: the id and the settings that Gymnasium made it with, or its name.

    Example:
        >>> description("CartPole-v1"), description(functools.partial(dict, gravity=1.6))
        ({'id': 'CartPole-v1'}, {'name': 'dict', 'arguments': "((), {'gravity': 1.6})"})
    """
    if isinstance(source, str):
        return {"id": source}
    spec = getattr(source, "spec", None)
    if spec is not None and is_made(source):
        return {"id": spec.id, "settings": {key: value for key, value in spec.kwargs.items() if _is_plain(value)}}
    if isinstance(source, functools.partial):
        return {"name": source.func.__qualname__, "arguments": described((source.args, source.keywords))}
    named = getattr(source, "unwrapped", source) if is_made(source) else source
    return {"name": getattr(named, "__qualname__", type(named).__qualname__)}


def _is_plain(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
