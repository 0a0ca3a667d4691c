"""Progress of work that is counted in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called as ``progress(done, total)``, in rows."""


class RowCounter:
    """Counts the finished rows and reports them at the start and after every addition.

    Args:
        done: rows that an earlier call has finished.
        total: all rows.
        progress: where the numbers are reported; None: nowhere.

    Example:
        >>> counter = RowCounter(10, 100, lambda done, total: print(done, "of", total))
        10 of 100
        >>> counter.add(30)
        40 of 100
    """

    def __init__(self, done: int, total: int, progress: Progress | None):
        self.done, self.total, self._progress = done, total, progress
        self.add(0)

    def add(self, rows: int) -> None:
        """Count more rows."""
        self.done += rows
        if self._progress is not None:
            self._progress(self.done, self.total)
