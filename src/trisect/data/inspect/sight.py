"""Whether interventions show in the pictures at all, and whether a single observation shows them.

Ridge classifiers predict the targets of every variable, cross-validated over blocks of time: from the change into a
frame, by profiles and on a grid, and from the frame alone. Interventions that neither change shows may be hidden from
the camera. Where the frame alone shows them as well as the change does, it holds more than the present: it may be
stacked or blurred, or bear a mark of interventions. A perfect intervention alone shows a little of itself, as it draws
from another distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from trisect.data.inspect.alignment import Alignment, overall, usable_rows
from trisect.data.inspect.changes import Changes
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.kinds import HELD, TargetKind
from trisect.data.inspect.lags import BLOCKS, LAGS, gains_of_lags
from trisect.data.inspect.small_parts import affordable_rows, moving_parts, parts
from trisect.data.inspect.variable_lag import MIN_SHOWN, VariableLag, decided_lags
from trisect.data.inspect.wording import listed
from trisect.data.recording import Recording
from trisect.data.transitions import target_columns

ERRORS = 2.0
"""Standard errors on either side of a share that count as its interval."""
NOTHING = 0.005
"""Share of the targets below which nothing was found, if the whole interval is below it."""
ALONE, AS_WELL = 0.1, 0.75
"""Share of the targets from which a frame alone shows them, and what part of the change's share that must be."""


class Seen(NamedTuple):
    """Shares of the targets that are explained, (variables, blocks), by the best lag of the profiles, and at lag 0.

    Attributes:
        profiles: from the change of the profiles, at the lag at which it is largest.
        grid: from the change on a grid of cells; of vectors the same as ``profiles``.
        alone: from the observation alone.
        change: the larger of both at lag 0.
    """

    profiles: np.ndarray
    grid: np.ndarray
    alone: np.ndarray
    change: np.ndarray


def sight(
    recording: Recording, changes: Changes, lags: Alignment, kinds: Sequence[TargetKind]
) -> tuple[Alignment, list[Finding]]:
    """Which variables' interventions are not found, and which show in one observation alone.

    Args:
        recording: a recording of any length; at most some hundred megabytes of its frames are read.
        changes: its changes.
        lags: the lags of its targeted variables.
        kinds: the kinds of their targets.

    Returns:
        The lags, in which ``is_invisible`` also counts small things that move and weak effects, and in which a late lag
        is undecided if the frame of the row alone shows as much; and a finding on single observations that tell, if any
        do.
    """
    usable, names = usable_rows(changes.segment), [each.variable for each in lags.variables]
    if len(usable) < BLOCKS or not any(each.gains for each in lags.variables):
        return lags, []
    targets = recording.targets[changes.rows][:, target_columns(recording, names)]
    seen = _seen(recording, changes, targets.astype(np.float64), usable)
    counts = targets[usable].sum(axis=0)
    variables = tuple(_with_grid(each, seen, k, int(counts[k])) for k, each in enumerate(lags.variables))
    held = {kind.variable for kind in kinds if kind.kind == HELD}
    told = [
        k
        for k, each in enumerate(lags.variables)
        if each.gains and each.variable not in held and counts[k] >= MIN_SHOWN and _shows_alone(seen, k)
    ]
    variables = tuple(_with_frame_alone(each, seen, k) if k in told else each for k, each in enumerate(variables))
    lags = Alignment(overall(decided_lags(variables)), variables)
    return lags, [_tell_themselves(seen, told, names, recording.frames_per_observation)] if told else []


def _seen(recording: Recording, changes: Changes, targets: np.ndarray, usable: np.ndarray) -> Seen:
    frames = recording.observations.dtype == np.uint8
    every = gains_of_lags(changes.features(), targets, usable, LAGS[:-1]).transpose(0, 2, 1)
    best, now = every.mean(axis=2).argmax(axis=0), every[LAGS.index(0)]
    profiles = every[best, np.arange(len(best))]
    at = affordable_rows(recording, usable, BLOCKS)
    alone = gains_of_lags(parts(recording, changes, at), targets, at, (0,))[0].T
    if not frames:
        return Seen(profiles, profiles, alone, now)
    grid = gains_of_lags(moving_parts(recording, changes, at), targets, at, (0,))[0].T
    larger = np.where((grid.mean(axis=1) > now.mean(axis=1))[:, None], grid, now)
    return Seen(profiles, grid, alone, larger)


def _with_grid(lag: VariableLag, seen: Seen, k: int, count: int) -> VariableLag:
    """The same lag; invisible if neither profiles nor the grid show anything."""
    if not lag.gains or count < MIN_SHOWN:
        return lag
    if lag.is_invisible:
        return replace(lag, is_invisible=_low(seen.grid[k]) <= 0)
    hidden = all(_high(shares[k]) < NOTHING for shares in (seen.profiles, seen.grid))
    return replace(lag, is_invisible=hidden and lag.lag is None)


def _with_frame_alone(lag: VariableLag, seen: Seen, k: int) -> VariableLag:
    """The same lag; undecided if it is late, but frame t alone shows as much: what is stacked changes twice."""
    late = lag.lag is not None and lag.lag > 0 and float(seen.alone[k].mean()) >= AS_WELL * lag.gains[lag.lag]
    return replace(lag, lag=None, confidence=0.0) if late else lag


def _shows_alone(seen: Seen, k: int) -> bool:
    alone = seen.alone[k]
    return _low(alone) > ALONE and _low(alone - AS_WELL * seen.change[k]) > 0


def _low(shares: Float[np.ndarray, " blocks"]) -> float:
    return float(shares.mean()) - ERRORS * _error(shares)


def _high(shares: Float[np.ndarray, " blocks"]) -> float:
    return float(shares.mean()) + ERRORS * _error(shares)


def _error(shares: Float[np.ndarray, " blocks"]) -> float:
    return float(shares.std(ddof=1) / np.sqrt(len(shares)))


def _tell_themselves(seen: Seen, told: Sequence[int], names: Sequence[str], frames: int) -> Finding:
    """A warning; only a note if observations hold several frames as declared, which show a jump by themselves."""
    shares = [f"{names[k]} {seen.alone[k].mean():.2f} ({seen.change[k].mean():.2f})" for k in told]
    named = tuple(names[k] for k in told)
    what = f"one observation alone shows whether {' or '.join(named)} was intervened on"
    evidence = f"share of the targets that it explains alone, and in brackets the change into it: {listed(shares)}"
    if frames > 1:
        consequence = f"that is to be expected where an observation holds {frames} frames, and shows jumps"
        todo = "look at what the report says of the slots' values"
        return Finding("note", "one-observation-tells", what, evidence, consequence, todo, named)
    return Finding(
        "warning",
        "one-observation-tells",
        what,
        evidence,
        "observations may hold several frames (stacked or blurred) or a mark of interventions, or interventions set "
        "values that do not occur otherwise; slots may hold the jump, or the mark, instead of the value",
        "say how many frames they hold with stacked=n (--stacked n); else record single, sharp frames without marks if "
        "you can; and look at what the report says of the slots' values",
        named,
    )
