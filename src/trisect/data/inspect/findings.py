"""What an inspection says: one thing at a time, with its evidence and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from trisect import checks

LEVELS = ("error", "warning", "note")
"""An *error*: training cannot give what is asked. A *warning*: it may mislead. A *note*: good to know."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found in a data set.

    Attributes:
        level: one of `LEVELS`.
        code: a short name of the kind of finding, stable, such as "equal-targets".
        what: what was found, a clause about named variables or splits.
        evidence: the numbers behind it.
        consequence: what follows for training or scores.
        advice: what to do.
        variables: names of the variables concerned; may be empty.
    """

    level: str
    code: str
    what: str
    evidence: str
    consequence: str
    advice: str
    variables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        checks.one_of(self.level, LEVELS, "the level of a finding")

    def __str__(self) -> str:
        return f"{self.level}: {self.what} ({self.evidence}): {self.consequence}; {self.advice}"

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {**asdict(self), "variables": list(self.variables)}


def by_level(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes; in the given order within a level."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))
