"""Progress of an evaluation: its parts report to a listener that is set once and need not be passed on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

Told = Callable[[float], None]
"""Called with the finished share of the whole, in [0, 1]."""


class _Part(NamedTuple):
    """The listener, and the share of the whole where the current part begins and ends."""

    told: Told
    begin: float
    end: float


_current: ContextVar[_Part | None] = ContextVar("trisect_evaluation_part", default=None)


@contextmanager
def listening(told: Told) -> Iterator[None]:
    """Call ``told`` with the finished share while the block runs.

    Example:
        >>> with listening(print), part(0.5, 1.0):
        ...     finished(0.2)
        0.5
        0.6
        1.0
    """
    token = _current.set(_Part(told, 0.0, 1.0))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def part(begin: float, end: float) -> Iterator[None]:
    """The block is the share from ``begin`` to ``end`` of the part around it."""
    whole = _current.get()
    if whole is None:
        yield
        return
    length = whole.end - whole.begin
    token = _current.set(_Part(whole.told, whole.begin + begin * length, whole.begin + end * length))
    try:
        finished(0.0)
        yield
        finished(1.0)
    finally:
        _current.reset(token)


def finished(share: float) -> None:
    """Say that this share of the current part is finished, in [0, 1]."""
    current = _current.get()
    if current is not None:
        current.told(current.begin + share * (current.end - current.begin))
