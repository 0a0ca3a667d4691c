"""The lag of one variable: in which row the effect of its interventions shows, if in any.

Targets are read in the way in which the observations show them best: as they are; if they are held or switches also as
a *level*, which acts in every row, and as *switches*, which act in the row in which the level changes, up or down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.stats

from trisect.data.inspect.kinds import HELD, SWITCHES, TargetKind
from trisect.data.inspect.lags import BLOCKS, LAGS

MAX_CHANCE = 2e-4
"""Largest probability of a lead by chance at which a lag is decided: about 4.5 standard errors."""
MIN_INTERVENTIONS, MIN_BLOCKS = 10, 8
"""Interventions on a variable, and blocks with one, that are needed to decide its lag."""
GOES_ON = 0.25
"""Share of the best gain that the next lag may reach."""
MIN_SHOWN, SHOWS = 300, 1.0
"""Interventions on a variable from which on its effect should show, and the gain in standard errors that shows it."""
AS_TARGETS, AS_LEVEL, AS_SWITCHES = "targets", "level", "switches"
"""Ways to read a column of targets."""
READ = {AS_TARGETS: "", AS_LEVEL: " as a level", AS_SWITCHES: " as switches"}
FAINT = 0.05
"""Share of the targets below which it is doubtful whether the effect shows at all, if the lag is undecided."""
WHY = "it may be too small, slower than the recording, or not observed"
FIRST, LAST = LAGS[0], LAGS[-2]


@dataclass(frozen=True)
class VariableLag:
    """The lag between one variable's targets and the frames.

    Attributes:
        variable: name of the variable.
        lag: frame t + lag shows the effect of row t; None if undecided.
        confidence: probability in [0, 1] that the lead of the best lag is not due to chance.
        gains: lag -> share of the target's variance that the change explains, cross-validated; may be below 0.
        is_invisible: whether there are many interventions, and the frames show nothing of them at any lag.
        read_as: the way of reading the targets that the gains belong to: "targets", "level" or "switches".
        shares: way of reading -> its largest gain.
    """

    variable: str
    lag: int | None
    confidence: float
    gains: dict[int, float]
    is_invisible: bool = False
    read_as: str = AS_TARGETS
    shares: Mapping[str, float] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """In which row the effect shows, as a clause."""
        if self.lag is not None:
            return f"its effect shows in {_row(self.lag)} (share {self.gains[self.lag]:.2f}{READ[self.read_as]})"
        if not self.gains:
            return "cannot tell in which row its effect shows: too few separate interventions"
        shown = {lag: gain for lag, gain in self.gains.items() if lag <= LAST}
        best = max(shown, key=lambda lag: shown[lag])
        if self.is_invisible:
            return f"its effect shows in no row from {FIRST} to {LAST}: {WHY}"
        if shown[best] < FAINT:
            return f"cannot tell whether its effect shows in any row from {FIRST} to {LAST}: {WHY}"
        share = f"{shown[best]:.2f}{READ[self.read_as]}"
        return f"cannot tell in which row its effect shows (most in {_row(best)}: share {share})"

    def to_json(self) -> dict[str, Any]:
        """Plain types; the gains are listed from the earliest lag to the last."""
        gains = [self.gains[lag] for lag in LAGS if lag in self.gains]
        return {"lag": self.lag, "confidence": self.confidence, "read_as": self.read_as, "gains": gains}


def readings(kind: TargetKind, column: np.ndarray, segment: np.ndarray) -> dict[str, np.ndarray]:
    """Ways to read the targets of a variable -> (R,) float, one value per row that was read.

    Args:
        kind: the kind of the targets.
        column: (R,) bool targets.
        segment: (R,) number of the unbroken segment that each row belongs to.
    """
    plain = column.astype(np.float64)
    if kind.kind == HELD:
        return {AS_LEVEL: plain, AS_SWITCHES: _steps(plain, segment)}
    if kind.kind == SWITCHES and kind.alternation is not None:
        level = kind.alternation.level / 2
        return {AS_TARGETS: plain, AS_LEVEL: level, AS_SWITCHES: _steps(level, segment)}
    return {AS_TARGETS: plain}


def _steps(level: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """The change of a level into every row; 0 in the first row of a segment."""
    return np.where(np.diff(segment, prepend=segment[:1] - 1) == 0, np.diff(level, prepend=0), 0.0)


def lag_of(name: str, gains: Mapping[str, np.ndarray], count: int) -> VariableLag:
    """The lag of one variable, by the reading of the largest share, or of the largest with which the lag is decided.

    Args:
        name: name of the variable.
        gains: way of reading -> (lags, blocks) gains in the blocks in which its values differ from 0.
        count: number of separate interventions that can be used.
    """
    usable = {way: each for way, each in gains.items() if each.shape[1] >= MIN_BLOCKS}
    if not count or not usable:
        return VariableLag(name, None, 0.0, {})
    shares = {way: float(_overall(each)[:-1].max()) for way, each in usable.items()}
    ways = sorted(shares, key=lambda each: -shares[each])
    decisions = {each: _decided(usable[each], len(ways)) for each in ways}
    way = next((each for each in ways if decisions[each][0] is not None), ways[0])
    lag, confidence = decisions[way]
    means = {lag: float(mean) for lag, mean in zip(LAGS, _overall(usable[way]))}
    return VariableLag(name, lag, confidence, means, count >= MIN_SHOWN and _hides(usable[way]), way, shares)


def _overall(gains: np.ndarray) -> np.ndarray:
    """The gain of every lag over all blocks, of which those without an intervention have none."""
    return np.asarray(gains.sum(axis=1) / BLOCKS)


def _decided(gains: np.ndarray, num_ways: int) -> tuple[int | None, float]:
    """The lag, or None, and the confidence in it, from gains (lags, blocks) by one of so many ways of reading."""
    means = gains.mean(axis=1)
    best = int(means[:-1].argmax())
    others = np.delete(gains, best, axis=0)
    least = min(_errors(gains[best]), *(_errors(gains[best] - other) for other in others))
    chance = float(scipy.stats.t.sf(least, gains.shape[1] - 1)) * len(LAGS) * num_ways
    decided = chance < MAX_CHANCE and means[best + 1] < GOES_ON * means[best]
    return LAGS[best] if decided else None, max(0.0, 1 - chance)


def _hides(gains: np.ndarray) -> bool:
    """Whether no lag has a gain, from gains (lags, blocks)."""
    return max(_errors(gain) for gain in gains) < SHOWS


def _errors(values: np.ndarray) -> float:
    """The mean of values (blocks,) in standard errors."""
    return float(values.mean() / max(values.std(ddof=1) / np.sqrt(len(values)), 1e-12))


def _row(lag: int) -> str:
    if not lag:
        return "its own row"
    return f"the row {'after' if lag > 0 else 'before'}" if abs(lag) == 1 else f"row {lag:+d}"


def decided_lags(lags: Sequence[VariableLag]) -> list[int]:
    """The lags that are decided."""
    return [each.lag for each in lags if each.lag is not None]
