"""What the data allow to say about each variable: found, cannot tell, or not there; with error bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from trisect import checks

FOUND, CANNOT_TELL, NOT_THERE = "found", "cannot tell", "not there"
VERDICTS = (FOUND, CANNOT_TELL, NOT_THERE)


@dataclass(frozen=True)
class Statement:
    """What the interventions on one variable show of it in the latents.

    Attributes:
        variable: its name.
        verdict: "found": its directions are known up to an error that the data bound. "cannot tell": the interventions
            are too few, or their effect too small or too entangled with that of others. "not there": they are many
            enough that any effect worth finding would show, and none does.
        expected_r2: expected share of the found directions' variance that more data would not change; 0 if there is
            no effect.
        low, high: ends of its 95 % interval.
        effect: twice the Kullback-Leibler divergence, in nats, between the Gaussians of the residual with and without
            an intervention along the first direction. That direction is the one where it is largest on these
            transitions, so a few interventions make it too large.
        p_value: probability of an effect this large if interventions moved nothing.
        num_interventions: number of transitions with an intervention.
        settling: number of interventions that would settle it, estimated; None if more of them would not help, or too
            many would be needed.
        reason: why it is not found, as a clause; empty if it is.
    """

    variable: str
    verdict: str
    expected_r2: float
    low: float
    high: float
    effect: float
    p_value: float
    num_interventions: int
    settling: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        checks.one_of(self.verdict, VERDICTS, "the verdict of a statement")

    def __str__(self) -> str:
        start = f"{self.variable}: {self.verdict}"
        if self.verdict == FOUND:
            return f"{start} (expected R2 {self.expected_r2:.2f}, {self.low:.2f} to {self.high:.2f})"
        return f"{start}, because {self.reason}" + (f"; {self.advice}" if self.advice else "")

    @property
    def advice(self) -> str:
        """What would settle it; empty if nothing is known to."""
        if self.settling is None or self.settling <= self.num_interventions:
            return ""
        return f"about {self.settling} interventions instead of {self.num_interventions} would settle it"

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Statement:
        """The statement that `to_json` wrote."""
        return cls(**stored)
