"""Alternation: do the effects of single 1s last until the next 1 and alternate in sign, as those of switches do?

The *jump* of a 1 is the mean of the observation over the next rows minus that over the rows before, up to the
neighbouring 1s; so an effect that does not last counts little. Jumps are measured in units of the usual changes, along
the few directions of the largest jumps. With jumps j_1 ... j_n of an unbroken segment, a = sum_i (-1)^i j_i / sqrt(n),
the *share* is the largest one, over directions v, of the jumps' square that alternation explains:

    share = max_v sum_segments (v'a)^2 / sum_i (v'j_i)^2

It is 1 for a switch without noise. It is not small by itself where every 1 draws a new value and segments hold few 1s,
because such jumps also tend to go back and forth. So the share is compared with that of values drawn independently for
the same segments, and *chance* is the probability that these reach it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float, Int

from trisect.data.inspect.changes import Changes

WINDOW = 5
"""Largest number of rows on either side whose mean is taken."""
DIRECTIONS, PER_DIRECTION = 6, 6
"""Largest number of directions, and smallest number of jumps for each of them."""
FEWEST_JUMPS, MOST_JUMPS = 6, 1000
"""Jumps below which nothing can be told, and the largest number that is used: the first ones of the recording."""
MIN_SHARE, MAX_CHANCE = 0.5, 0.01
"""Smallest share, and largest probability of it by chance, at which 1s are switches."""
MAYBE_SHARE, MAYBE_CHANCE = 0.8, 0.1
"""From this share on, and below this chance, 1s may be switches, although too few of them show it."""
DRAWS, DRAWS_AT_ONCE = 1000, 100
"""Random recordings by which the chance is found, and how many of them are in memory together."""


@dataclass(frozen=True)
class Alternation:
    """How far the effects of a column's 1s alternate in sign.

    Attributes:
        num_jumps: number of jumps in segments that hold at least two.
        share: see above; 0 with fewer than `FEWEST_JUMPS`.
        chance: see above; 1 if the share is below `MIN_SHARE`, where it is not computed.
        level: (R,) of every row that was read: -1 before and 1 after a switch up, and the other way round; 0 in
            segments with fewer than two 1s, where up and down cannot be told. Up is arbitrary, but the same everywhere.
    """

    num_jumps: int
    share: float
    chance: float
    level: Float[np.ndarray, " rows"]

    @property
    def is_evident(self) -> bool:
        """Whether the 1s are switches."""
        return self.share >= MIN_SHARE and self.chance < MAX_CHANCE

    @property
    def is_possible(self) -> bool:
        """Whether the 1s may be switches."""
        return self.share >= MAYBE_SHARE and self.chance < MAYBE_CHANCE


def alternation(changes: Changes, column: np.ndarray) -> Alternation:
    """Find out how far the effects of the 1s of a column (R,) bool alternate; its rows are those of the changes."""
    at = np.flatnonzero(column & ~_firsts(changes.segment))
    segment = np.unique(changes.segment[at], return_inverse=True)[1]
    shared = np.bincount(segment)[segment] >= 2 if len(at) else np.zeros(0, dtype=bool)
    kept = np.flatnonzero(shared)[:MOST_JUMPS]
    if len(kept) < FEWEST_JUMPS or not changes.white.shape[1]:
        return Alternation(len(kept), 0.0, 1.0, np.zeros(len(column)))
    jumps = _leading(_jumps(changes.white, changes.segment, at)[kept])
    first = _begins(segment[kept])
    share, direction = _share(jumps, first)
    chance = _chance(share, first, jumps.shape) if share >= MIN_SHARE else 1.0
    ups = _alternating_sums(jumps, first) @ direction
    return Alternation(len(kept), share, chance, _levels(changes.segment, at[kept], first, ups))


def _firsts(segment: np.ndarray) -> np.ndarray:
    return np.concatenate([[True], np.diff(segment) != 0])


def _begins(segment: np.ndarray) -> Int[np.ndarray, " segments"]:
    """Positions at which a new segment begins, from the segment of every row or jump."""
    return np.flatnonzero(_firsts(segment))


def _jumps(values: np.ndarray, segment: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Jumps (jumps, components) at some rows, none of which begins a segment."""
    begins = _begins(segment)
    number = np.searchsorted(begins, at, side="right") - 1
    before = np.maximum(begins[number], np.concatenate([[0], at[:-1]]))
    after = np.minimum(np.append(begins, len(segment))[number + 1], np.append(at[1:], len(segment)))
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    low, high = np.maximum(before, at - WINDOW), np.minimum(after, at + WINDOW)
    return np.asarray((total[high] - total[at]) / (high - at)[:, None] - (total[at] - total[low]) / (at - low)[:, None])


def _leading(jumps: np.ndarray) -> np.ndarray:
    """The jumps along the directions in which they are largest, as many as their number allows."""
    most = int(np.clip(len(jumps) // PER_DIRECTION, 1, DIRECTIONS))
    vectors = np.linalg.eigh(jumps.T @ jumps)[1]
    return np.asarray(jumps @ vectors[:, ::-1][:, :most])


def _alternating_sums(jumps: np.ndarray, first: np.ndarray) -> np.ndarray:
    """a of every segment, (..., segments, directions), from jumps (..., jumps, directions)."""
    lengths = np.diff(np.append(first, jumps.shape[-2]))
    place = np.arange(jumps.shape[-2]) - np.repeat(first, lengths)
    signed = jumps * np.where(place % 2, -1.0, 1.0)[:, None]
    return np.asarray(np.add.reduceat(signed, first, axis=-2) / np.sqrt(lengths)[:, None])


def _share(jumps: np.ndarray, first: np.ndarray) -> tuple[float, np.ndarray]:
    """The share and its direction."""
    sums, square = _alternating_sums(jumps, first), jumps.T @ jumps
    regular = square + (1e-12 * np.trace(square) + 1e-300) * np.eye(len(square))
    shares, directions = scipy.linalg.eigh(sums.T @ sums, regular)
    return float(shares[-1]), directions[:, -1]


def _chance(share: float, first: np.ndarray, shape: tuple[int, ...]) -> float:
    """Probability of such a share if every 1 draws a new value, whatever the old one."""
    rng, (num, width) = np.random.default_rng(0), shape
    lengths = np.diff(np.append(first, num))
    after = np.arange(num) + np.repeat(np.arange(len(first)), lengths) + 1
    reached = 0
    for _ in range(DRAWS // DRAWS_AT_ONCE):
        drawn = rng.normal(size=(DRAWS_AT_ONCE, num + len(first), width))
        jumps = drawn[:, after] - drawn[:, after - 1]
        sums = _alternating_sums(jumps, first)
        square, explained = _squares(jumps), _squares(sums)
        shares = np.linalg.eigvals(np.linalg.solve(square, explained)).real.max(axis=-1)
        reached += int((shares >= share).sum())
    return (1 + reached) / (1 + DRAWS)


def _squares(rows: np.ndarray) -> np.ndarray:
    """Sums of squares (draws, directions, directions) of rows (draws, rows, directions)."""
    return np.asarray(np.swapaxes(rows, -1, -2) @ rows)


def _levels(segment: np.ndarray, at: np.ndarray, first: np.ndarray, ups: np.ndarray) -> np.ndarray:
    """The level of every row from the rows of the switches and, per segment, whether the first one goes up (> 0)."""
    level = np.zeros(len(segment))
    for rows, up in zip(np.split(at, first[1:]), ups):
        start, stop = np.searchsorted(segment, [segment[rows[0]], segment[rows[0]] + 1])
        switched = np.zeros(stop - start, dtype=np.int64)
        switched[rows - start] = 1
        level[start:stop] = (2 * (np.cumsum(switched) % 2) - 1) * np.sign(up)
    return level
