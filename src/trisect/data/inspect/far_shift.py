"""Targets that are many rows away from their effects, as after a wrong offset between the clocks of a film and a log.

With d_t the size of the change into frame t, as a normal score of its rank, and a_t = 1 where anything was intervened
on, the correlation of d_{t+s} with a_t over all t is computed for every shift s up to some thousand rows. Without any
relation, its value times the root of the number of rows is about normal for each shift; the largest of all stands out
from 7 on, and must be twice as large as near shift 0.
"""

from __future__ import annotations

import numpy as np
import scipy.signal
import scipy.stats

from trisect.data.inspect.changes import Changes
from trisect.data.inspect.findings import Finding
from trisect.data.recording import Recording

FARTHEST = 2000
"""Largest shift that is tried, in rows; at most a third of the recording."""
NEAR = 3
"""Shifts up to this many rows are not far."""
LEAST, TIMES = 7.0, 2.0
"""Smallest score of a shift that is told, and how many times it must exceed those near 0."""


def far_shift(recording: Recording, changes: Changes) -> int | None:
    """The shift in rows, positive if effects show after the rows of their targets; None if none stands out.

    Args:
        recording: a recording of any length.
        changes: its changes.
    """
    scores = _scores(recording, changes)
    middle = len(scores) // 2
    if middle <= NEAR:
        return None
    near = np.abs(scores[middle - NEAR : middle + NEAR + 1]).max()
    best = int(np.argmax(scores))
    stands_out = scores[best] >= LEAST and scores[best] > TIMES * near and abs(best - middle) > NEAR
    return best - middle if stands_out else None


def _scores(recording: Recording, changes: Changes) -> np.ndarray:
    """The score of every shift, (2 n + 1,), the middle one being that of shift 0."""
    sizes, pairs = np.zeros(len(changes.rows)), changes.pairs
    if len(pairs) < 2:
        return np.zeros(1)
    ranks = scipy.stats.rankdata(np.linalg.norm(changes.left[pairs], axis=1))
    sizes[pairs] = scipy.stats.norm.ppf((ranks - 0.5) / len(pairs))
    acted = recording.targets[changes.rows].any(axis=1).astype(np.float64)
    acted[pairs] -= acted[pairs].mean()
    acted[np.setdiff1d(np.arange(len(acted)), pairs)] = 0
    farthest = min(FARTHEST, len(sizes) // 3)
    spread = acted.std() * sizes.std()
    if spread == 0:
        return np.zeros(1)
    whole = scipy.signal.correlate(sizes, acted, method="fft")
    middle = len(acted) - 1
    shifts = np.arange(-farthest, farthest + 1)
    return np.asarray(whole[middle + shifts] / (spread * np.sqrt(len(sizes) - np.abs(shifts))))


def far_shift_findings(recording: Recording, changes: Changes) -> list[Finding]:
    """A warning if the targets fit frames that are far away; nothing else."""
    shift = far_shift(recording, changes)
    if shift is None:
        return []
    rows, side = abs(shift), "after" if shift > 0 else "before"
    what = f"frames change most {rows} rows {side} the rows of the targets"
    evidence = "the sizes of the changes follow the targets there, and not in the targets' own rows"
    so = "training would find no effect of the interventions"
    todo = (
        f"move the targets {rows} rows {'later' if shift > 0 else 'earlier'}; if a film and its log have two clocks, "
    )
    todo += f"convert again with an --offset {'smaller' if shift > 0 else 'larger'} by the time of {rows} rows"
    return [Finding("warning", "far-shift", what, evidence, so, todo)]
