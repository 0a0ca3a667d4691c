"""History of a run: its measurements and its cost. Both are stored in the checkpoints."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cost:
    """The cost of a run so far, including the time before a resume.

    Attributes:
        cpu_seconds: processor time of this process, all threads together.
        wall_seconds: wall-clock time.
        peak_memory_mb: largest resident memory of this process in MiB; nan if the platform does not report it.
    """

    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_memory_mb: float = 0.0


class Meter:
    """Adds the cost since its creation to an earlier cost.

    Args:
        earlier: the cost of the run before it was resumed.
    """

    def __init__(self, earlier: Cost):
        self.earlier = earlier
        self.cpu, self.wall = time.process_time(), time.monotonic()

    def read(self) -> Cost:
        """The total cost up to now."""
        return Cost(
            self.earlier.cpu_seconds + time.process_time() - self.cpu,
            self.earlier.wall_seconds + time.monotonic() - self.wall,
            max(self.earlier.peak_memory_mb, peak_memory_mb()),
        )


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MiB; nan if the platform does not report it."""
    try:
        import resource
    except ImportError:
        return math.nan
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@dataclass
class History:
    """The measurements of a run so far.

    Attributes:
        step: number of finished steps.
        terms: (finished steps, name -> batch mean of each training term and its ``total``), at the log interval.
        scores: (finished steps, held-out score), lower is better.
        best_step: finished steps at the lowest score, 0 before the first score.
        best_score: the lowest held-out score so far.
        device: device of the latest training: "cpu", the name of a GPU, or "" if it was not recorded.
    """

    step: int = 0
    terms: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    best_step: int = 0
    best_score: float = math.inf
    device: str = ""

    def add_score(self, score: float) -> bool:
        """Record the held-out score of the current step; returns True if it is lower than all earlier scores."""
        self.scores.append((self.step, score))
        if score < self.best_score:
            self.best_step, self.best_score = self.step, score
        return self.best_step == self.step

    def to_plain(self) -> dict[str, Any]:
        """Plain types that `from_plain` reads back."""
        plain = asdict(self)
        return {**plain, "terms": [list(row) for row in self.terms], "scores": [list(row) for row in self.scores]}

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> History:
        """Rebuild a history from `to_plain`'s result."""
        rows = {name: [(int(step), value) for step, value in stored[name]] for name in ("terms", "scores")}
        best = (stored["best_step"], stored["best_score"])
        return cls(int(stored["step"]), rows["terms"], rows["scores"], *best, stored.get("device", ""))


@dataclass
class RunState:
    """The state of a run that changes during training, besides the module.

    Attributes:
        history: measurements so far.
        meter: measures the cost.
        optimiser: stored optimiser state of a resumed run, None for a new run.
    """

    history: History
    meter: Meter
    optimiser: dict[str, Any] | None = None
