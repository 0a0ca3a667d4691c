"""Stopping on request: Ctrl-C and SIGTERM end a training after the step that is being done, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM)."""


class StopRequest:
    """Whether a signal has asked to stop.

    Attributes:
        signal: number of the signal; None if there was none.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def is_set(self) -> bool:
        """Whether there was a signal."""
        return self.signal is not None


def raise_terminated(number: int, frame: FrameType | None) -> None:
    """A handler for SIGTERM that raises `Terminated`, as the handler of SIGINT raises `KeyboardInterrupt`."""
    raise Terminated


@contextmanager
def deferring() -> Iterator[StopRequest]:
    """Note the signals of `SIGNALS` while the block runs, and deliver the first one when it ends.

    A second signal is delivered at once. In other threads than the main one, signals are left alone.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    former = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, _: FrameType | None) -> None:
        if request.is_set:
            _restore(former)
            signal.raise_signal(number)
        request.signal = number

    for number, handler in former.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, note)
    try:
        yield request
    finally:
        _restore(former)
    if request.signal is not None:
        signal.raise_signal(request.signal)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
