"""Kinds of targets: what a 1 in a column says, by how long 1s last and by what the observations do.

| kind | a 1 says | the sign of it |
|---|---|---|
| held | a level is in force: a valve is open, a lamp is on | 1s last (`trisect.data.durations.held_columns`) |
| switches | something was switched, until the next 1 | effects alternate (`trisect.data.inspect.alternation`) |
| momentary | a trial of its own: this row, or each row by a draw of its own | neither of the two |
| unclear | either of the last two | too few 1s to tell |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trisect.data.durations import Runs, held_columns, lag_correlation
from trisect.data.inspect.alternation import FEWEST_JUMPS, MAX_CHANCE, Alternation, alternation
from trisect.data.inspect.changes import Changes
from trisect.data.inspect.determined import FEW
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.structure import Structure
from trisect.data.inspect.wording import listed
from trisect.data.recording import Recording
from trisect.data.transitions import target_columns, transition_rows

HELD, SWITCHES, MOMENTARY, UNCLEAR = "held", "switches", "momentary", "unclear"
KINDS = (HELD, SWITCHES, MOMENTARY, UNCLEAR)
WORDS = {
    SWITCHES: "switches",
    MOMENTARY: "momentary (no alternation shows)",
    UNCLEAR: "momentary or switches (too few to tell)",
}


@dataclass(frozen=True)
class TargetKind:
    """What a 1 in the column of one variable says.

    Attributes:
        variable: name of the variable.
        kind: one of `KINDS`.
        count: number of 1s.
        runs: how long they last.
        alternation: how far their effects alternate; None for held targets.
    """

    variable: str
    kind: str
    count: int
    runs: Runs
    alternation: Alternation | None

    def __str__(self) -> str:
        if self.kind == HELD:
            return f"held, {lengths(self.runs)}"
        several = f", {lengths(self.runs)}" if self.runs.longest > 1 else ""
        return f"{WORDS[self.kind]}, {self.count} rows{several}"

    def to_json(self) -> dict[str, Any]:
        """Plain types."""
        seen = self.alternation
        share = {} if seen is None else {"alternation": seen.share, "chance": seen.chance}
        return {"kind": self.kind, "count": self.count, **asdict(self.runs), **share}


def lengths(runs: Runs) -> str:
    """Onsets and lengths of runs in words.

    Example:
        >>> lengths(Runs(12, 14, 37.0, 4, 118))
        '12 onsets, runs of median 37 rows (4 to 118)'
    """
    span = f"{runs.shortest} to {runs.longest}" if runs.longest > runs.shortest else f"all {runs.longest}"
    onsets, rows = (f"{runs.onsets} onset{_s(runs.onsets)}", f"{runs.median:g} row{_s(runs.median)}")
    return f"{onsets}, runs of median {rows} ({span})"


def _s(number: float) -> str:
    return "" if number == 1 else "s"


def target_kinds(recording: Recording, changes: Changes, names: Sequence[str] | None = None) -> tuple[TargetKind, ...]:
    """The kinds of the columns of some variables; of all targeted ones by default.

    Args:
        recording: a recording of any length.
        changes: its changes.
        names: of the variables.
    """
    names = recording.targeted if names is None else names
    before, targets = transition_rows(recording, names)
    starts = np.flatnonzero(np.diff(before, prepend=-2) != 1)
    held = held_columns(*lag_correlation(targets, starts))
    read = recording.targets[changes.rows][:, target_columns(recording, names)]
    return tuple(
        _kind(name, targets[:, k], starts, None if held[k] else alternation(changes, read[:, k]))
        for k, name in enumerate(names)
    )


def _kind(name: str, column: np.ndarray, starts: np.ndarray, seen: Alternation | None) -> TargetKind:
    kind = HELD if seen is None else _kind_of(seen)
    return TargetKind(name, kind, int(column.sum()), Runs.of(column, starts), seen)


def _kind_of(seen: Alternation) -> str:
    if seen.is_evident:
        return SWITCHES
    return UNCLEAR if seen.is_possible or seen.num_jumps < FEWEST_JUMPS else MOMENTARY


def held(structure: Structure, lag: np.ndarray, chance: np.ndarray, starts: np.ndarray) -> list[Finding]:
    """A warning about held columns with few onsets, and a note about those with many.

    Args:
        structure: structure of the targets of N steps.
        lag, chance: (K,) each, from `trisect.data.durations.lag_correlation`.
        starts: rows where episodes start.
    """
    columns = np.flatnonzero(held_columns(lag, chance))
    columns = columns[np.argsort(-lag[columns], kind="stable")]
    runs = {column: Runs.of(structure.table.rows[:, column], starts) for column in columns.tolist()}
    few = [column for column, each in runs.items() if each.onsets < FEW]
    many = [column for column in runs if column not in few]
    findings = []
    for level, chosen in (("warning", few), ("note", many)):
        if chosen:
            findings.append(_held(level, structure, {column: runs[column] for column in chosen}, lag))
    return findings


def _held(level: str, structure: Structure, runs: dict[int, Runs], lag: np.ndarray) -> Finding:
    names = structure.named(list(runs))
    texts = [
        f"{structure.names[c]} {lengths(each)}, correlation with the previous row {lag[c]:.2f}"
        for c, each in runs.items()
    ]
    so = "each onset is one trial, however many rows it lasts, and only rows of change show if targets are a row off"
    few = f"record at least {FEW} onsets of each; " if level == "warning" else ""
    todo = (
        f"{few}count onsets as interventions; the closed form takes levels and switches; keep the level if it acts in "
        "every row in which it is on; if its effect is complete in the row in which it changes, convert it to switches "
        "(trisect convert ... --encode switch, or encode='switch')"
    )
    what, evidence = f"interventions on {listed(names)} last for several steps", "; ".join(texts)
    return Finding(level, "held-targets", what, evidence, so, todo, names)


def switch_findings(kinds: Sequence[TargetKind]) -> list[Finding]:
    """A note about the columns whose 1s are switches."""
    found = [each for each in kinds if each.kind == SWITCHES]
    if not found:
        return []
    names = tuple(each.variable for each in found)
    texts = [f"{each.variable} {_share(each.alternation)}" for each in found if each.alternation is not None]
    what = (
        f"1s in the targets of {listed(names)} are switches: their effect lasts until the next 1, with the other sign"
    )
    so = "each 1 is one trial, and its effect has no fixed sign: the mean over many is about zero"
    todo = (
        "nothing to do if the effect is complete in the row of the switch; if it acts in every row until the next, "
        "convert to levels (trisect convert ... --encode level, or encode='level')"
    )
    evidence = f"share of the jumps that alternation explains: {listed(texts)}"
    return [Finding("note", "switch-targets", what, evidence, so, todo, names)]


def _share(seen: Alternation) -> str:
    chance = f"below {MAX_CHANCE:g}" if seen.chance < MAX_CHANCE else f"{seen.chance:.2g}"
    return f"{seen.share:.2f} of {seen.num_jumps} (by chance: {chance})"
