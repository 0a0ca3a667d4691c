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
        signal: number of the first signal; None if there was none.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._former: dict[signal.Signals, Any] = {}

    @property
    def is_set(self) -> bool:
        """Whether there was a signal."""
        return self.signal is not None

    def listen(self) -> None:
        """Note signals from now on, also if another library has replaced the handlers since the last call.

        On other threads than the main one, and for signals that are ignored, this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if number not in self._former and handler is not signal.SIG_IGN:
                self._former[number] = handler
            if number in self._former:
                signal.signal(number, self._note)

    def leave(self) -> None:
        """Give the signals back to their former handlers."""
        for number, handler in self._former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.is_set:
            self.leave()
            signal.raise_signal(number)
        self.signal = number


@contextmanager
def terminable() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM while the block runs, as `KeyboardInterrupt` is raised on Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if former is None else former)


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated


@contextmanager
def deferring() -> Iterator[StopRequest]:
    """Note the signals of `SIGNALS` while the block runs, and deliver the first one when it ends.

    A second signal is delivered at once. In other threads than the main one, signals are left alone.
    """
    request = StopRequest()
    request.listen()
    try:
        yield request
    finally:
        request.leave()
    if request.signal is not None:
        signal.raise_signal(request.signal)
