"""Lines on the error stream that show how far a command is, how fast, and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


class RateLines:
    """Prints a count, its rate and the time left, at most every five seconds.

    The first call reports work that was done earlier, which does not count towards the rate.

    Args:
        what: name of the counted things, in the plural.
        clock: returns the time in seconds.
    """

    def __init__(self, what: str, clock: Callable[[], float] = time.monotonic):
        self.what, self.clock = what, clock
        self.first: int | None = None
        self.began = self.shown = clock()

    def __call__(self, done: int, total: int) -> None:
        now = self.clock()
        if self.first is None:
            self.first, self.began = done, now
            if 0 < done < total:
                print(f"{self.what}: {done:,} of {total:,} exist already, continuing", file=sys.stderr)
        count, seconds = done - self.first, max(now - self.began, 1e-9)
        if count == 0 or (now - self.shown < 5 and done < total):
            return
        rate = count / seconds
        text = f"{self.what}: {done:,} of {total:,}, {rate:,.0f} per second, {(total - done) / rate:.0f} s left"
        print(text, file=sys.stderr)
        self.shown = now
