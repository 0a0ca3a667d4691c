"""Progress of a run: on a terminal a bar with the time left, otherwise a line every ten seconds.

Lines are log messages of the logger "trisect" where messages of level INFO are shown, and otherwise stand on the error
stream, so that they are seen in scripts and notebooks too.
"""

from __future__ import annotations

import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType

logger = logging.getLogger("trisect")

LINE_SECONDS = 10.0
BAR_SECONDS = 0.2


def say(text: str, *, show: bool = True) -> None:
    """Tell the user what is being done, unless ``show`` is False.

    Args:
        text: a line.
        show: whether the user wants to see progress.
    """
    if not show:
        return
    if logger.isEnabledFor(logging.INFO) and logger.hasHandlers():
        logger.info("%s", text)
    else:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


class Progress(ABC):
    """Shows the progress of a run; use it as a context manager around the run."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def update(self, step: int, numbers: Mapping[str, float]) -> None:
        """Show the number of finished steps and the latest numbers."""


class Quiet(Progress):
    """Shows nothing."""

    def update(self, step: int, numbers: Mapping[str, float]) -> None:
        return None


class Lines(Progress):
    """A line every ten seconds and at the end.

    Args:
        name: name of the module that is trained.
        first: steps that were finished before this run was resumed.
        steps: length of the run.
        seconds: time between two lines.
    """

    def __init__(self, name: str, first: int, steps: int, seconds: float = LINE_SECONDS):
        self.name, self.first, self.steps, self.seconds = name, first, steps, seconds
        self.began = self.shown = time.monotonic()

    def update(self, step: int, numbers: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self.shown < self.seconds and step < self.steps:
            return
        self.shown = now
        remaining = (now - self.began) / max(step - self.first, 1) * (self.steps - step)
        text = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        say(f"{self.name}: step {step} of {self.steps}, {remaining:.0f} s left" + (f"; {text}" if text else ""))


class Bar(Progress):
    """A bar with the time left, on the terminal's error stream.

    Args:
        name: name of the module that is trained.
        first: steps that were finished before this run was resumed.
        steps: length of the run.
    """

    def __init__(self, name: str, first: int, steps: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        terminal = Console(stderr=True)
        self.bar = RichProgress(*columns, TextColumn("{task.fields[text]}"), console=terminal, refresh_per_second=4)
        self.task = self.bar.add_task(name, total=steps, completed=first, text="")
        self.steps, self.shown = steps, 0.0

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def update(self, step: int, numbers: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self.shown < BAR_SECONDS and step < self.steps:
            return
        self.shown = now
        text = " ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        self.bar.update(self.task, completed=step, text=text)


def progress_for(name: str, first: int, steps: int, *, show: bool) -> Progress:
    """A bar if the error stream is a terminal, otherwise lines; nothing if ``show`` is False."""
    if not show:
        return Quiet()
    return Bar(name, first, steps) if sys.stderr.isatty() else Lines(name, first, steps)
