"""The inspection of a data set: all checks that are possible before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trisect import checks
from trisect.data import store
from trisect.data.dataset import Dataset
from trisect.data.description import describe
from trisect.data.inspect.alignment import Alignment, alignment
from trisect.data.inspect.changes import changes_in
from trisect.data.inspect.columns import row_lines, variable_lines
from trisect.data.inspect.cuts import cut_findings
from trisect.data.inspect.far_shift import far_shift_findings
from trisect.data.inspect.findings import LEVELS, Finding, by_level
from trisect.data.inspect.identifiability import INSEPARABLE, identifiability, transitions
from trisect.data.inspect.kinds import TargetKind, switch_findings, target_kinds
from trisect.data.inspect.pictures import picture_findings
from trisect.data.inspect.refused import no_steps, without_pairs
from trisect.data.inspect.sight import sight
from trisect.data.inspect.suggestions import Suggestion, suggest
from trisect.data.recording import Recording


@dataclass(frozen=True)
class Inspection:
    """What a data set contains, what can be identified from it, and what is wrong with it.

    Attributes:
        description: shape, variables, splits and interventions, in lines.
        split: name of the recording that was inspected.
        findings: errors first, then warnings, then notes.
        alignment: alignment of targets and frames.
        suggestions: what to record to separate variables, one per group that the targets cannot separate.
        kinds: what a 1 in the targets of every targeted variable says: held, switches or momentary.
        facts: one line per targeted variable, and lines about the number of rows.
    """

    description: str
    split: str
    findings: tuple[Finding, ...]
    alignment: Alignment
    suggestions: tuple[Suggestion, ...]
    kinds: tuple[TargetKind, ...] = ()
    facts: tuple[str, ...] = ()

    def at(self, level: str) -> tuple[Finding, ...]:
        """The findings of one level: "error", "warning" or "note"."""
        checks.one_of(level, LEVELS, "the level of a finding")
        return tuple(finding for finding in self.findings if finding.level == level)

    def __str__(self) -> str:
        counts = ", ".join(_count(len(self.at(level)), level) for level in LEVELS)
        facts = [f"  {line}" for line in self.facts]
        heads = [f"facts on split {self.split}:", *facts, f"findings on split {self.split}: {counts}"]
        return "\n".join([self.description, *heads, *map(_lines, self.findings)])

    def to_json(self) -> dict[str, Any]:
        """The split, facts, kinds of targets, findings, alignment and suggestions in plain types."""
        return {
            "split": self.split,
            "facts": list(self.facts),
            "targets": {each.variable: each.to_json() for each in self.kinds},
            "findings": [finding.to_json() for finding in self.findings],
            "alignment": {
                "lag": self.alignment.lag,
                "variables": {v.variable: v.to_json() for v in self.alignment.variables},
            },
            "suggestions": [
                {"group": list(s.group), "patterns": [list(p) for p in s.patterns], "steps": s.steps}
                for s in self.suggestions
            ],
        }


def inspect(data: Dataset | str | Path) -> Inspection:
    """Check what a data set contains, what can be identified from it, and what is wrong with it.

    Inspects the training recording, or the first recording if there is none. No labels are used.

    Args:
        data: a data set, or its folder.

    Raises:
        ValueError: the data set has no recording.
        FileNotFoundError: the folder holds no data set.

    Example:
        >>> import numpy as np
        >>> from trisect.data.generate import simulate
        >>> from trisect.worlds import make
        >>> data = Dataset({"train": simulate(make("ball_in_boxes"), 1000, np.random.default_rng(0))})
        >>> inspection = inspect(data)
        >>> inspection.alignment.lag, [finding.code for finding in inspection.at("error")]
        (0, [])
    """
    name, data = ("data", data) if isinstance(data, Dataset) else (str(data), store.load(data))
    split, recording = _recording(data)
    targets, starts = transitions(recording.targets, recording.starts)
    names = recording.variables.names
    has_steps = len(targets) > 0
    findings = identifiability(targets, names, starts) if has_steps else []
    checked = {split: recording, "val": data.get("val")}
    lacking = (without_pairs(name, each) for name, each in checked.items() if isinstance(each, Recording))
    findings += [no_steps(refusal) for refusal in lacking if refusal is not None]
    changes = changes_in(recording)
    kinds = target_kinds(recording, changes) if has_steps else ()
    lags = alignment(recording, changes=changes, kinds=kinds)
    lags, told = sight(recording, changes, lags, kinds)
    findings += [*switch_findings(kinds), *lags.findings(), *told] if recording.targeted else []
    if recording.targeted and all(each.lag is None for each in lags.variables):
        findings += far_shift_findings(recording, changes)
    findings += cut_findings(recording, changes)
    findings += picture_findings(recording)
    suggestions = suggest(targets, names) if any(finding.code in INSEPARABLE for finding in findings) else []
    facts = (*variable_lines(kinds, lags), *row_lines(recording))
    return Inspection(describe(name, data), split, tuple(by_level(findings)), lags, tuple(suggestions), kinds, facts)


def _recording(data: Mapping[str, Any]) -> tuple[str, Recording]:
    recordings = {name: split for name, split in data.items() if isinstance(split, Recording)}
    checks.require(len(recordings) > 0, "the splits of a data set to inspect", "at least one recording", list(data))
    name = "train" if "train" in recordings else next(iter(recordings))
    return name, recordings[name]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _lines(finding: Finding) -> str:
    """A finding in four lines."""
    return (
        f"  {finding.level}: {finding.what}\n"
        f"      seen: {finding.evidence}\n"
        f"      so: {finding.consequence}\n"
        f"      advice: {finding.advice}"
    )
