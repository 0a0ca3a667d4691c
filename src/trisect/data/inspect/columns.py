"""What the inspection says of every targeted variable, and of the number of rows, in one line each."""

from __future__ import annotations

from collections.abc import Sequence

from trisect.affordable import MOST_FEATURES, ROWS_PER_FEATURE, affordable_features
from trisect.data.inspect.alignment import Alignment
from trisect.data.inspect.changes import MAX_ROWS, SPAN
from trisect.data.inspect.kinds import HELD, SWITCHES, TargetKind
from trisect.data.inspect.variable_lag import AS_LEVEL, AS_SWITCHES, VariableLag
from trisect.data.recording import Recording
from trisect.data.transitions import transition_rows

CLEARER = 1.5
"""A way of reading fits better if its share is this many times that of the other."""
MIN_SHARE = 0.05
"""Smallest share for which ways of reading are compared."""


def variable_lines(kinds: Sequence[TargetKind], alignment: Alignment) -> list[str]:
    """One line per variable: the kind of its targets, in which row its effect shows, and which encoding fits."""
    lags = {each.variable: each for each in alignment.variables}
    return [_line(kind, lags.get(kind.variable)) for kind in kinds]


def _line(kind: TargetKind, lag: VariableLag | None) -> str:
    clauses = [str(kind), *([lag.sentence, _encoding(kind, lag)] if lag else [])]
    return f"targets of {kind.variable}: {'; '.join(filter(None, clauses))}"


def _encoding(kind: TargetKind, lag: VariableLag) -> str:
    """Which encoding fits the observations, as a clause; empty if that does not show, as of momentary targets."""
    level, switch = lag.shares.get(AS_LEVEL, 0.0), lag.shares.get(AS_SWITCHES, 0.0)
    if max(level, switch) < MIN_SHARE:
        return ""
    shares = f"the observations show {max(level, 0):.2f} of the level and {max(switch, 0):.2f} of its changes"
    if level > CLEARER * switch:
        return f"{'keep the level' if kind.kind == HELD else 'a level fits better (--encode level)'}: {shares}"
    if switch > CLEARER * level:
        return f"{'keep the switches' if kind.kind == SWITCHES else 'switches fit better (--encode switch)'}: {shares}"
    return ""


def row_lines(recording: Recording) -> list[str]:
    """The number of transitions, the features of the past that they afford, and what was thinned."""
    _, targets = transition_rows(recording, recording.variables.names)
    total, quiet = len(targets), int((~targets.any(axis=1)).sum())
    lines = [
        f"transitions: {total}, of them {quiet} without an intervention; the closed form uses all of them, with the "
        f"targets as inputs, and {affordable_features(total)} features of the past (one per {ROWS_PER_FEATURE} "
        f"transitions, at most {MOST_FEATURES}); those without an intervention alone would afford "
        f"{affordable_features(quiet)}"
    ]
    if len(recording) > MAX_ROWS:
        lines.append(
            f"thinned: changes, lags and alternation come from {MAX_ROWS // SPAN} stretches of {SPAN} rows, "
            f"evenly spaced over all {len(recording)}; targets, ranges and repeated rows from every row"
        )
    return lines
