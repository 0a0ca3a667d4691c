"""Where a recording seems to start anew without saying so: scene cuts, restarts, episodes joined to one.

The size of a change is its Mahalanobis distance from the usual changes without interventions, whose covariance leaves
out the largest ones. A single large one may be part of the world, such as a goal: that is a note. Where every P-th
change is larger than others, episodes of P rows were joined: under no such rule the ranks of changes at multiples of
P are uniform, and the sum of -log(1 - rank) over n of them has a Gamma(n) law.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats

from trisect.data.inspect.changes import Changes
from trisect.data.inspect.findings import Finding
from trisect.data.inspect.wording import listed
from trisect.data.recording import Recording

MIN_STEPS = 100
"""Steps without interventions that tell what is usual."""
USUAL, ROUNDS = 0.95, 4
CUT = 8.0
"""Robust deviations (1.48 MAD) above the median from which a change is a cut."""
MIN_JOINTS, MIN_RANK = 6, 0.75
"""Joints that must be seen, and the mean share of other changes that must be smaller."""
MAX_CHANCE = 1e-4
"""Probability, over all periods tried, above which no period is named."""
HOW = "(episode_starts of trisect.from_arrays, or an array episode_starts, episode_ids or dones in the file to convert)"


@dataclass(frozen=True)
class Period:
    """A rule of joints.

    Attributes:
        rows: every so many rows something starts anew.
        joints: how many such rows were seen.
        rank: mean share of other changes, in [0, 1], that are smaller than those.
        chance: probability of such ranks without a rule, times the number of periods tried.
    """

    rows: int
    joints: int
    rank: float
    chance: float


def cut_findings(recording: Recording, changes: Changes) -> list[Finding]:
    """A warning of joined episodes of one length; else a note of changes that no intervention explains."""
    moving = changes.pairs[~changes.repeated[changes.pairs]]  # where frames repeat at a beat, the others stand out
    rows = changes.rows[moving]
    acted = recording.targets[rows].any(axis=1)
    if (~acted).sum() < MIN_STEPS:
        return []
    sizes = change_sizes(changes.left[moving], ~acted)
    period = find_period(rows, _ranks(sizes, acted), len(recording))
    if period is not None:
        return [_joined(period)]
    usual = sizes[~acted]
    middle = np.median(usual)
    cuts = rows[~acted][usual - middle > CUT * 1.4826 * np.median(np.abs(usual - middle))]
    return [_cuts(cuts, int((~acted).sum()))] if len(cuts) else []


def change_sizes(left: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """Mahalanobis distances (pairs,) of changes (pairs, components) from the usual ones among the quiet (pairs,)."""
    usual = left[quiet]
    kept, sizes = usual, np.zeros(len(left))
    for _ in range(ROUNDS):
        spread = np.atleast_2d(np.cov(kept, rowvar=False))
        regular = spread + 1e-9 * (1 + np.trace(spread)) * np.eye(len(spread))
        away = left - kept.mean(axis=0)
        sizes = np.sqrt((np.linalg.solve(regular, away.T).T * away).sum(axis=1))
        kept = usual[sizes[quiet] <= np.quantile(sizes[quiet], USUAL)]
    return sizes


def find_period(rows: np.ndarray, ranks: np.ndarray, num_rows: int) -> Period | None:
    """The rule of joints, if there is one.

    Args:
        rows: (pairs,) that a change leads to.
        ranks: (pairs,) share of comparable changes that are smaller, in (0, 1).
        num_rows: of the recording.
    """
    surprise = np.full(num_rows, np.nan)
    surprise[rows] = -np.log1p(-ranks)
    tried, found = 0, None
    for period in range(2, num_rows // MIN_JOINTS + 1):
        seen = surprise[period::period]
        seen = seen[~np.isnan(seen)]
        if len(seen) >= MIN_JOINTS:
            tried += 1
            chance = float(scipy.stats.gamma.sf(seen.sum(), len(seen)))
            if found is None or chance < found.chance:
                found = Period(period, len(seen), float(1 - np.exp(-seen).mean()), chance)
    if found is None or found.chance * tried > MAX_CHANCE or found.rank < MIN_RANK:
        return None
    return Period(found.rows, found.joints, found.rank, found.chance * tried)


def _ranks(sizes: np.ndarray, acted: np.ndarray) -> np.ndarray:
    """Ranks in (0, 1) among the changes with interventions, and among those without."""
    ranks = np.zeros(len(sizes))
    for group in (acted, ~acted):
        ranks[group] = (scipy.stats.rankdata(sizes[group]) - 0.5) / max(group.sum(), 1)
    return ranks


def _joined(period: Period) -> Finding:
    what = f"every {period.rows} rows the recording seems to start anew"
    evidence = f"the {period.joints} changes there are larger than {period.rank:.0%} of the others on average"
    so = "steps across such a joint are learned from as if the world had made them"
    return Finding("warning", "joined-episodes", what, evidence, so, f"say where episodes start {HOW}")


def _cuts(rows: np.ndarray, num_steps: int) -> Finding:
    what = f"{len(rows)} of {num_steps} steps without interventions change far more than the others"
    evidence = f"rows {listed([str(row) for row in rows])}"
    so = "goals and collisions may do that, but a restart or a scene cut is no step of the world"
    return Finding("note", "cuts", what, evidence, so, f"if the recording starts anew there, say so {HOW}")
