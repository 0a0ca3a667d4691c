"""Findings of an inspection: each states one fact, its evidence, its consequence and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from trisect import checks

LEVELS = ("error", "warning", "note")
"""An *error*: training cannot work. A *warning*: results may mislead. A *note*: good to know."""


@dataclass(frozen=True)
class Finding:
    """One fact about a data set.

    Attributes:
        level: one of `LEVELS`.
        code: a short, stable name of the kind of finding, such as "equal-targets".
        what: the fact, a sentence without a full stop.
        evidence: the numbers behind it.
        consequence: what follows for training or scores, a sentence without a full stop.
        advice: what to do, an imperative.
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
        return f"{self.level}: {self.what} ({self.evidence}), so {self.consequence}; {self.advice}"

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        return {**asdict(self), "variables": list(self.variables)}


def by_level(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes; the order within a level stays."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))
