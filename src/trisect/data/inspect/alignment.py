"""Alignment: does row t of the targets belong to the change into frame t, or into a frame before or after it?

For every variable and every lag s a ridge classifier predicts the target of row t from the change into frame t + s,
cross-validated over blocks of time. If one lag beats chance and every other lag by many standard errors (over blocks of
rows, so that dependence in time counts), it is the lag of the variable. Otherwise the lag is undecided. It is also
undecided in two other cases: if the next lag does at least a quarter as well, because a lasting effect, such as that of
a push, may have begun before it showed; and if the targets of neighbouring rows predict a target, because the effect of
one intervention could then be taken for that of another. Effects never come before their cause but may show late: a
variable with a larger lag than another is assumed to show its effect late, not to be recorded early.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trisect import checks
from trisect.data.inspect.changes import Changes, changes_in
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.kinds import TargetKind, target_kinds
from trisect.data.inspect.lags import BLOCKS, LAGS, foretold, gains_of_lags
from trisect.data.inspect.variable_lag import (
    AS_SWITCHES,
    AS_TARGETS,
    FIRST,
    LAST,
    MIN_INTERVENTIONS,
    READ,
    VariableLag,
    decided_lags,
    lag_of,
    readings,
)
from trisect.data.inspect.wording import listed
from trisect.data.recording import Recording
from trisect.data.transitions import target_columns

MUST = "row t of the targets must say what was intervened on to produce frame t"


@dataclass(frozen=True)
class Alignment:
    """The lag between the targets and the frames.

    Attributes:
        lag: 0 if aligned, -1 if effects show in the frame before that of their row, and so on; None if undecided.
        variables: the lag of every variable.
    """

    lag: int | None
    variables: tuple[VariableLag, ...]

    def findings(self) -> list[Finding]:
        """An error if targets and frames are shifted, a warning if variables have different lags, else a note.

        Also a warning about variables whose interventions change nothing that the frames show.
        """
        return [*self._lags(), *(_invisible(each) for each in self.variables if each.is_invisible)]

    def _lags(self) -> list[Finding]:
        decided = [v for v in self.variables if v.lag is not None]
        undecided = [v.variable for v in self.variables if v.lag is None]
        evidence = _evidence(decided) + (f"; undecided for {listed(undecided)}" if undecided else "")
        names = tuple(v.variable for v in decided)
        if not decided:
            what = "the frames do not show whether the targets are aligned with them"
            evidence = f"no shift stands out for {listed(undecided) or 'any variable'}"
            todo = f"check the alignment yourself: {MUST}"
            return [Finding("note", "alignment-unknown", what, evidence, "a shift would go unnoticed", todo)]
        if self.lag is None:
            what = "the targets of different variables fit different frames"
            so = "some variables would be learned from the wrong frames"
            todo = f"record again, or move the columns that are off: {MUST}"
            return [Finding("warning", "lags-differ", what, evidence, so, todo, names)]
        if self.lag == 0:
            so = "row t of the targets says what was intervened on to produce frame t"
            what = "targets and frames are aligned"
            return [Finding("note", "aligned", what, evidence, so, "nothing to do", names)]
        what = f"the effect of row t of the targets shows in {_frame(self.lag)}, not in frame t"
        todo = f"move the targets {_rows(self.lag)} {'later' if self.lag > 0 else 'earlier'}: {MUST}; if they had the "
        todo += f"other alignment, convert again with --alignment {'cause' if self.lag > 0 else 'effect'}"
        return [Finding("error", "shifted", what, evidence, "training would learn from the wrong frames", todo, names)]


def alignment(
    recording: Recording,
    names: Sequence[str] | None = None,
    changes: Changes | None = None,
    kinds: Sequence[TargetKind] | None = None,
) -> Alignment:
    """Find the lag between targets and frames.

    Args:
        recording: a recording of any length.
        names: variables to look at; by default all targeted ones.
        changes: the changes of this recording, if they have been computed already.
        kinds: the kinds of the targets of these variables, if they have been computed already.

    Returns:
        The lags; None where there are fewer than `trisect.data.inspect.variable_lag.MIN_INTERVENTIONS`, or effects do
        not show.

    Raises:
        ValueError: a name is not a variable of the recording.
    """
    names = tuple(recording.targeted if names is None else names)
    for name in names:
        checks.one_of(name, recording.variables.names, "a variable to align")
    columns = target_columns(recording, names)
    changes = changes or changes_in(recording)
    targets = recording.targets[changes.rows][:, columns]
    usable = usable_rows(changes.segment)
    if not len(columns) or len(usable) < BLOCKS or not (targets[usable].sum(axis=0) >= MIN_INTERVENTIONS).any():
        return Alignment(None, tuple(VariableLag(name, None, 0.0, {}) for name in names))
    kinds = kinds or target_kinds(recording, changes, names)
    ways = [readings(kind, targets[:, k], changes.segment) for k, kind in enumerate(kinds)]
    gains = _gains(changes, ways, usable)
    predicted = foretold(recording.targets[changes.rows], usable)[columns]
    counts = [0 if predicted[k] else _count(each, usable) for k, each in enumerate(ways)]
    lags = tuple(lag_of(*each) for each in zip(names, gains, counts))
    return Alignment(overall(decided_lags(lags)), lags)


def _gains(
    changes: Changes, ways: Sequence[Mapping[str, np.ndarray]], usable: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """For every variable, way of reading -> gains (lags, blocks) in the blocks in which its values differ from 0."""
    values = np.column_stack([column for each in ways for column in each.values()])
    gains = gains_of_lags(changes.features(), values, usable)
    seen = np.stack([values[rows].any(axis=0) for rows in np.array_split(usable, BLOCKS)])
    of_columns = iter(gains[:, seen[:, k], k] for k in range(values.shape[1]))
    return [{way: next(of_columns) for way in each} for each in ways]


def _count(ways: Mapping[str, np.ndarray], usable: np.ndarray) -> int:
    """Number of separate interventions that can be used; 0 if they or the other rows are below `MIN_INTERVENTIONS`."""
    column = ways[AS_TARGETS if AS_TARGETS in ways else AS_SWITCHES]
    count = int((column[usable] != 0).sum())
    return count if min(count, len(usable) - count) >= MIN_INTERVENTIONS else 0


def _invisible(variable: VariableLag) -> Finding:
    name = variable.variable
    what = f"interventions on {name} change nothing that the frames show in rows {FIRST} to {LAST}"
    evidence = (
        f"the change into a frame explains {max(variable.gains[0], 0):.1%} of its targets, no more than by chance"
    )
    so = "its effect is too small, slower than the recording, or not observed, and its slot would hold nothing of it, "
    so += "unless a trained encoder sees what this quick check does not find"
    todo = f"check that the targets of {name} are in the right column, and that the frames show it; if its effect is "
    todo += "slow, keep every n-th row only"
    return Finding("warning", "invisible-interventions", what, evidence, so, todo, (name,))


def overall(lags: Sequence[int]) -> int | None:
    """The earliest lag, unless it is below 0 and not all agree: then single columns may be shifted."""
    if not lags or (min(lags) < 0 and len(set(lags)) > 1):
        return None
    return min(lags)


def usable_rows(segment: np.ndarray) -> np.ndarray:
    """Positions t among the rows read whose frames t + lag - 1 and t + lag lie in the same segment, for all lags."""
    first, last = LAGS[0] - 1, LAGS[-1]
    t = np.arange(-first, len(segment) - last)
    return t[segment[t + first] == segment[t + last]]


def _rows(lag: int) -> str:
    return "one row" if abs(lag) == 1 else f"{abs(lag)} rows"


def _frame(lag: int) -> str:
    return f"frame t{lag:+d}" if lag else "frame t"


def _evidence(decided: Sequence[VariableLag]) -> str:
    """How well the change predicts the targets at the variables' lags, and at the best of the other lags."""
    shares = [
        f"{v.variable}{READ[v.read_as]} {v.gains[lag]:.2f} ({_frame(lag)}), at most {_best_other(v, lag):.2f} "
        "(other frames)"
        for v in decided
        if (lag := v.lag) is not None
    ]
    return f"share of the targets of row t that the change into a frame explains: {'; '.join(shares)}"


def _best_other(variable: VariableLag, lag: int) -> float:
    return max(gain for other, gain in variable.gains.items() if other != lag)
