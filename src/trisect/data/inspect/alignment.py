"""Alignment: does row t of the targets tell of the change into frame t, or into a frame before or after it?

For every variable and every lag s a ridge classifier predicts the target of row t from the change into frame t + s,
cross-validated over blocks of time. Where one lag does better than chance and better than every other lag by many
standard errors (over blocks of rows, so that dependence in time counts), that lag is the variable's; elsewhere nothing
is said. Nor is it where the next lag does a quarter as well: an effect that goes on, as a push that sets something
moving, may have begun before it showed; nor where the targets of the rows around foretell a target: the effect of one
intervention could then stand for another's. Effects never come before their cause, but may show late: a variable whose
lag is above that of another is held to show late, not to be recorded early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats

from trisect import checks
from trisect.data.inspect.changes import Changes, changes_in
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.lags import BLOCKS, LAGS, foretold, gains_of_lags
from trisect.data.inspect.wording import listed
from trisect.data.recording import Recording
from trisect.data.transitions import target_columns

MAX_CHANCE = 2e-4
"""Probability of a lead by chance above which nothing is said: about 4.5 standard errors."""
MIN_INTERVENTIONS, MIN_BLOCKS = 10, 8
"""Of one variable, for anything to be said of it."""
GOES_ON = 0.25
"""Share of the best gain that the next lag may reach."""


@dataclass(frozen=True)
class VariableLag:
    """What the frames say about one variable's targets.

    Attributes:
        variable: its name.
        lag: the frame that shows the effect of row t is t + lag; None if this cannot be told.
        confidence: probability in [0, 1] that the best lag does not owe its lead to chance.
        gains: lag -> share of the target's variance that the change explains, cross-validated; may be below 0.
    """

    variable: str
    lag: int | None
    confidence: float
    gains: dict[int, float]


@dataclass(frozen=True)
class Alignment:
    """What the frames say about the alignment of the targets.

    Attributes:
        lag: 0 if aligned, -1 if the frames show effects one row before the targets tell of them, ...; None if this
            cannot be told.
        variables: the same for every variable.
    """

    lag: int | None
    variables: tuple[VariableLag, ...]

    def findings(self) -> list[Finding]:
        """An error where targets and frames are shifted, a warning where variables disagree, else a note."""
        decided = [v for v in self.variables if v.lag is not None]
        untold = [v.variable for v in self.variables if v.lag is None]
        evidence = _evidence(decided) + (f"; of {listed(untold)} nothing can be told" if untold else "")
        names, must = tuple(v.variable for v in decided), "row t of the targets must say what made frame t"
        if not decided:
            what = "the frames do not tell whether targets and frames are aligned"
            evidence = f"no lag leads for any of {', '.join(v.variable for v in self.variables) or 'no variable'}"
            return [Finding("note", "alignment-unknown", what, evidence, "a shift would go unnoticed", must)]
        if self.lag is None:
            what, todo = "targets of different variables fit different frames", f"record anew, or move some: {must}"
            return [Finding("warning", "lags-differ", what, evidence, "some would be learned wrongly", todo, names)]
        if self.lag == 0:
            what, consequence = "targets and frames are aligned", "row t of the targets made frame t"
            return [Finding("note", "aligned", what, evidence, consequence, "go on", names)]
        what = f"the effect of row t of the targets shows in frame t {self.lag:+d}"
        todo = f"move the targets {_rows(self.lag)} {'later' if self.lag > 0 else 'earlier'}: {must}"
        return [Finding("error", "shifted", what, evidence, "training would learn from the wrong frames", todo, names)]


def alignment(recording: Recording, names: Sequence[str] | None = None, changes: Changes | None = None) -> Alignment:
    """Find the lag between targets and frames.

    Args:
        recording: of any length.
        names: variables to look at; by default all that are targeted.
        changes: of this recording, if they are known already.

    Returns:
        With a lag of None for what cannot be told: fewer than `MIN_INTERVENTIONS`, or effects that do not show.

    Raises:
        ValueError: a name is not a variable of the recording.
    """
    names = tuple(recording.targeted if names is None else names)
    for name in names:
        checks.one_of(name, recording.variables.names, "a variable to align")
    columns = target_columns(recording, names)
    changes = changes or changes_in(recording)
    targets = recording.targets[changes.rows][:, columns].astype(np.float64)
    usable = _usable(changes.segment)
    if not len(columns) or len(usable) < BLOCKS or not (targets[usable].sum(axis=0) >= MIN_INTERVENTIONS).any():
        return Alignment(None, tuple(VariableLag(name, None, 0.0, {}) for name in names))
    gains = gains_of_lags(changes.features(), targets, usable)
    told = foretold(recording.targets[changes.rows], usable)[columns]
    enough = (targets[usable].sum(axis=0) >= MIN_INTERVENTIONS) & ~told
    seen = np.stack([block.any(axis=0) for block in np.array_split(targets[usable], BLOCKS)])
    lags = tuple(_variable_lag(name, gains[:, seen[:, k], k], bool(enough[k])) for k, name in enumerate(names))
    return Alignment(_overall([v.lag for v in lags if v.lag is not None]), lags)


def _overall(lags: Sequence[int]) -> int | None:
    """The earliest lag, unless it is below 0 and not all agree: then single columns may be shifted."""
    if not lags or (min(lags) < 0 and len(set(lags)) > 1):
        return None
    return min(lags)


def _usable(segment: np.ndarray) -> np.ndarray:
    """Positions t whose frames t + lag - 1 and t + lag lie in the same stretch, for all lags."""
    first, last = LAGS[0] - 1, LAGS[-1]
    t = np.arange(-first, len(segment) - last)
    return t[segment[t + first] == segment[t + last]]


def _variable_lag(name: str, gains: np.ndarray, enough: bool) -> VariableLag:
    """The verdict on one variable by its gains (lags, blocks) in those blocks in which it was intervened on."""
    num_blocks = gains.shape[1]
    if not enough or num_blocks < MIN_BLOCKS:
        return VariableLag(name, None, 0.0, {})
    means = gains.mean(axis=1)
    best = int(means[:-1].argmax())
    others = np.delete(gains, best, axis=0)
    least = min(_errors(gains[best]), *(_errors(gains[best] - other) for other in others))
    chance = float(scipy.stats.t.sf(least, num_blocks - 1)) * len(LAGS)
    decided = chance < MAX_CHANCE and means[best + 1] < GOES_ON * means[best]
    return VariableLag(
        name,
        LAGS[best] if decided else None,
        max(0.0, 1 - chance),
        {lag: float(gain) for lag, gain in zip(LAGS, means)},
    )


def _errors(values: np.ndarray) -> float:
    """Mean over standard error of values (blocks,)."""
    return float(values.mean() / max(values.std(ddof=1) / np.sqrt(len(values)), 1e-12))


def _rows(lag: int) -> str:
    return "one row" if abs(lag) == 1 else f"{abs(lag)} rows"


def _evidence(decided: Sequence[VariableLag]) -> str:
    """What the change explains of the targets at the variables' lags, and at the best of the other lags."""
    shares = [
        f"{v.variable} {v.gains[lag]:.2f} at t{lag:+d}, else {max(g for at, g in v.gains.items() if at != lag):.2f}"
        for v in decided
        if (lag := v.lag) is not None
    ]
    return f"share of the targets of row t that the change into a frame explains: {'; '.join(shares)}"
