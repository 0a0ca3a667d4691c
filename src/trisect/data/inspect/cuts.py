"""Where a recording seems to start again without an episode start: scene cuts, restarts, joined episodes.

The size of a change is its Mahalanobis distance from the usual changes without interventions; their covariance leaves
out the largest changes. A single large change may be part of the world, such as a goal: that is a note. If every P-th
change is larger than others, episodes of P rows were joined: without such a rule the ranks of the changes at multiples
of P are uniform, and the sum of -log(1 - rank) over n of them has a Gamma(n) distribution.
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
"""Smallest number of steps without interventions that shows which changes are usual."""
USUAL, ROUNDS = 0.95, 4
CUT = 8.0
"""Robust deviations (1.48 MAD) above the median from which a change is a cut."""
MIN_JOINTS, MIN_RANK = 6, 0.75
"""Smallest number of joints, and smallest mean share of other changes that must be smaller."""
MAX_CHANCE = 1e-4
"""Largest probability, over all periods tried, at which a period is reported."""
HOW = (
    "(with trisect convert: --episode COLUMN; with trisect.from_arrays: episode_starts=; in a file: an array "
    "episode_starts, episode_ids or dones)"
)


@dataclass(frozen=True)
class Period:
    """Joints of episodes at regular distances.

    Attributes:
        rows: number of rows from one joint to the next.
        joints: number of joints.
        rank: mean share of other changes, in [0, 1], that are smaller than those at joints.
        chance: probability of such ranks without joints, times the number of periods tried.
    """

    rows: int
    joints: int
    rank: float
    chance: float


def cut_findings(recording: Recording, changes: Changes) -> list[Finding]:
    """A warning about joined episodes of one length; else a note about changes that no intervention explains."""
    moving = changes.pairs[
        ~changes.repeated[changes.pairs]
    ]  # regularly repeated frames would make the others stand out
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
    """Mahalanobis distances (pairs,) of changes (pairs, components) from the usual ones among the ``quiet`` pairs."""
    usual = left[quiet]
    kept, sizes = usual, np.zeros(len(left))
    for _ in range(ROUNDS):
        spread = np.atleast_2d(np.cov(kept, rowvar=False))
        regular = spread + 1e-9 * (1 + np.trace(spread)) * np.eye(len(spread))
        deviation = left - kept.mean(axis=0)
        sizes = np.sqrt((np.linalg.solve(regular, deviation.T).T * deviation).sum(axis=1))
        kept = usual[sizes[quiet] <= np.quantile(sizes[quiet], USUAL)]
    return sizes


def find_period(rows: np.ndarray, ranks: np.ndarray, num_rows: int) -> Period | None:
    """The distance of the joints, or None if there are no regular joints.

    Args:
        rows: (pairs,) the rows that the changes lead to.
        ranks: (pairs,) share of comparable changes that are smaller, in (0, 1).
        num_rows: number of rows of the recording.
    """
    surprise = np.full(num_rows, np.nan)
    surprise[rows] = -np.log1p(-ranks)
    num_tried, best = 0, None
    for period in range(2, num_rows // MIN_JOINTS + 1):
        at_joints = surprise[period::period]
        at_joints = at_joints[~np.isnan(at_joints)]
        if len(at_joints) >= MIN_JOINTS:
            num_tried += 1
            chance = float(scipy.stats.gamma.sf(at_joints.sum(), len(at_joints)))
            if best is None or chance < best.chance:
                best = Period(period, len(at_joints), float(1 - np.exp(-at_joints).mean()), chance)
    if best is None or best.chance * num_tried > MAX_CHANCE or best.rank < MIN_RANK:
        return None
    return Period(best.rows, best.joints, best.rank, best.chance * num_tried)


def _ranks(sizes: np.ndarray, acted: np.ndarray) -> np.ndarray:
    """Ranks in (0, 1) among the changes with interventions, and among those without."""
    ranks = np.zeros(len(sizes))
    for group in (acted, ~acted):
        ranks[group] = (scipy.stats.rankdata(sizes[group]) - 0.5) / max(group.sum(), 1)
    return ranks


def _joined(period: Period) -> Finding:
    what = f"the recording seems to start again every {period.rows} rows"
    evidence = f"on average, the {period.joints} changes there are larger than {period.rank:.0%} of the other changes"
    so = "the model would learn these restarts as if they were steps of the world"
    return Finding("warning", "joined-episodes", what, evidence, so, f"mark where episodes start {HOW}")


def _cuts(rows: np.ndarray, num_steps: int) -> Finding:
    what = f"{len(rows)} of {num_steps} steps without interventions change far more than the others"
    evidence = f"rows {listed([str(row) for row in rows])}"
    so = "if these are restarts or scene cuts, not goals or collisions, the model learns them as steps of the world"
    todo = (
        f"if the recording starts again there, mark where episodes start {HOW}; if somebody acted there, the log lacks "
    )
    todo += "an action"
    return Finding("note", "cuts", what, evidence, so, todo)
